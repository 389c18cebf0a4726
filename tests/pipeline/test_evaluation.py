"""What metrics look at: predictions that leave the model alone, in source order, cut into the sets of the split."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from supreme.core import SET_NAMES, Cost, SelfComparison, Split
from supreme.functional.classifier import Classifier
from supreme.pipeline import evaluation
from supreme.pipeline.device import autocast
from supreme.pipeline.evaluation import CellEvaluation, StoredPredictions, inference, predict
from supreme.scenarios.full_class import FullClass
from supreme.testing import tiny_data, tiny_model

SUBJECTS = ("unlearned", "reference", "original")


def state(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def mixed_model() -> Classifier:
    """In training mode but for its convolution, with batch normalisation and dropout, both of which would show."""
    data = tiny_data()
    model = tiny_model(data, 0)
    model.head = nn.Sequential(nn.Dropout(0.5), model.head)
    model.train()
    model.body[0].eval()  # type: ignore[index]
    return model


# One pass.


def test_inference_puts_every_module_back_into_its_own_mode() -> None:
    model = mixed_model()
    before = [module.training for module in model.modules()]
    with inference(model):
        assert not any(module.training for module in model.modules())
        assert torch.is_inference_mode_enabled()
    assert [module.training for module in model.modules()] == before
    assert set(before) == {True, False}
    assert not torch.is_inference_mode_enabled()


def test_inference_puts_the_modes_back_when_what_is_inside_fails() -> None:
    model = mixed_model()
    before = [module.training for module in model.modules()]
    with pytest.raises(RuntimeError), inference(model):
        model(torch.rand(1, 99, 8, 8))
    assert [module.training for module in model.modules()] == before
    assert not torch.is_inference_mode_enabled()


@pytest.mark.parametrize("what", ["logits", "features"])
def test_a_prediction_changes_no_weight_and_no_buffer_of_a_model_in_training_mode(what: str) -> None:
    model = mixed_model()
    before = state(model)
    predict(model, tiny_data(), "cpu", what)
    after = state(model)
    assert "body.1.running_mean" in after
    assert "body.1.num_batches_tracked" in after
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_model_can_be_trained_after_a_prediction() -> None:
    model, data = mixed_model(), tiny_data()
    predict(model, data, "cpu")
    x, y = next(data.view(data.train).batches(8))
    nn.functional.cross_entropy(model(x), y).backward()
    assert all(weight.grad is not None for weight in model.parameters())


def test_a_model_in_training_mode_is_judged_as_in_evaluation_mode() -> None:
    model = mixed_model()
    found = predict(model, tiny_data(), "cpu")
    assert np.array_equal(found, predict(model.eval(), tiny_data(), "cpu"))


@pytest.mark.parametrize("what", ["logits", "features"])
def test_predictions_come_in_the_order_of_the_source(what: str) -> None:
    data = tiny_data()
    model = tiny_model(data, 0)
    found = predict(model, data, "cpu", what)
    answer = model if what == "logits" else model.features
    pixels = torch.from_numpy(np.asarray(data.pixels))[:, :, 1:9, 1:9] / 255  # the centre of 10 x 10
    with torch.no_grad():
        one_by_one = torch.cat([answer(image[None]) for image in pixels]).numpy()
    assert found.shape == one_by_one.shape == (160, 4 if what == "logits" else 32)
    assert found.dtype == np.float32
    assert np.abs(found - one_by_one).max() < 1e-5
    assert np.abs(found - one_by_one[::-1]).max() > 1e-2


def test_predictions_are_float32_whatever_the_model_computes_in() -> None:
    with autocast("cpu", "bf16"):
        assert predict(mixed_model(), tiny_data(), "cpu").dtype == np.float32


@pytest.mark.parametrize("size", [1, 7, 159, 160, 1000])
def test_predictions_do_not_depend_on_the_batch_size(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tiny_data()
    model = tiny_model(data, 0).train()
    expected = predict(model, data, "cpu")
    monkeypatch.setattr(evaluation, "BATCH", size)
    assert np.abs(predict(model, data, "cpu") - expected).max() < 1e-5


def test_the_batch_of_evaluation_is_what_stored_predictions_were_made_with() -> None:
    """Keys of the store hold this number: changing it recomputes every prediction."""
    assert evaluation.BATCH == 256


def test_only_logits_and_features_can_be_predicted() -> None:
    with pytest.raises(KeyError, match="logit"):
        predict(mixed_model(), tiny_data(), "cpu", "logit")


# Named sets.


def split_of(target: int | None) -> Split:
    data = tiny_data()
    if target is None:
        return Split.of_training(data, forget=data.train[::30], forget_test=data.test[:0])
    return FullClass(target=target)(data, np.random.default_rng(0))


def cost(seconds: float) -> Cost:
    return Cost(seconds=seconds, peak_memory_bytes=None, forward_samples=0, backward_samples=0, shared_device=False)


def stored(split: Split, seed: int) -> StoredPredictions:
    data = tiny_data()
    model = tiny_model(data, seed)
    return StoredPredictions(split, lambda what: predict(model, data, "cpu", what), lambda: model)


def evaluation_of(subject: str, target: int | None = None, stream: tuple[int, int] = (0, 0)) -> CellEvaluation:
    split = split_of(target)
    everything = {name: stored(split, seed) for seed, name in enumerate(SUBJECTS)}
    return CellEvaluation(
        subject_name=subject,
        split=split,
        subject=everything[subject],
        all=everything,
        costs={name: cost(float(seconds)) for seconds, name in enumerate(SUBJECTS)},
        load_untrained=lambda: [stored(split, 9)],
        stream=stream,
    )


@pytest.mark.parametrize("name", ["forget", "retain", "test", "retain_test", "forget_test", "validation"])
@pytest.mark.parametrize("what", ["logits", "features"])
def test_a_named_set_has_the_rows_of_its_images(what: str, name: str) -> None:
    split = split_of(target=2)
    images = getattr(split, name)
    predictions = stored(split, 0)
    rows = getattr(predictions, what)(name)
    assert len(images) > 0
    assert rows.dtype == torch.float32
    assert torch.equal(rows, torch.from_numpy(predictions.load(what)[images.indices]))
    model = predictions.model
    x, _ = next(images.batches(len(images)))
    expected = model(x) if what == "logits" else model.features(x)
    assert (rows - expected).abs().max() < 1e-5


def test_rows_of_a_memory_mapped_array_can_be_changed_without_changing_the_array() -> None:
    split = split_of(None)
    array = np.zeros((160, 4), np.float32)
    array.setflags(write=False)
    rows = StoredPredictions(split, lambda what: array, lambda: mixed_model()).logits("forget")
    rows += 1
    assert array.max() == 0


def test_a_model_is_loaded_when_it_is_asked_for_and_once() -> None:
    loads: list[int] = []

    def load() -> Classifier:
        loads.append(1)
        return mixed_model()

    predictions = StoredPredictions(split_of(None), lambda what: np.zeros((160, 4), np.float32), load)
    predictions.logits("test")
    assert loads == []
    assert predictions.model is predictions.model
    assert loads == [1]


def test_untrained_models_are_loaded_when_they_are_asked_for_and_once() -> None:
    loads: list[int] = []
    found = replace(evaluation_of("unlearned"), load_untrained=lambda: loads.append(1) or [])
    assert loads == []
    assert found.untrained is found.untrained
    assert loads == [1]


def test_the_sets_are_those_that_hold_images() -> None:
    assert evaluation_of("unlearned", target=2).sets == SET_NAMES
    assert evaluation_of("unlearned").sets == ("forget", "retain", "test", "retain_test", "validation")


@pytest.mark.parametrize("name", SET_NAMES)
def test_labels_are_those_of_the_images_of_the_set(name: str) -> None:
    found = evaluation_of("unlearned", target=2)
    data, indices = tiny_data(), getattr(found.split, name).indices
    labels = found.labels(name)
    assert labels.dtype == torch.int64
    assert labels.tolist() == data.labels[indices].tolist()
    if name.startswith("forget"):
        assert set(labels.tolist()) == {2}
    if name.startswith("retain"):
        assert set(labels.tolist()) == {0, 1, 3}


def test_only_a_scenario_that_forgets_a_class_says_so() -> None:
    assert evaluation_of("unlearned", target=2).forgets_class
    assert not evaluation_of("unlearned").forgets_class


# Comparisons.


@pytest.mark.parametrize("name", ["reference", "original"])
def test_a_model_is_not_compared_with_itself(name: str) -> None:
    with pytest.raises(SelfComparison, match=f"the {name} model would be compared with itself"):
        getattr(evaluation_of(name), name)


@pytest.mark.parametrize(
    ("subject", "other"),
    [("unlearned", "reference"), ("unlearned", "original"), ("reference", "original"), ("original", "reference")],
)
def test_a_model_is_compared_with_the_other_one(subject: str, other: str) -> None:
    found = evaluation_of(subject)
    assert getattr(found, other) is found.all[other]
    assert found.subject is found.all[subject]
    assert not torch.equal(getattr(found, other).logits("test"), found.subject.logits("test"))


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_cost_is_the_subjects_own_and_the_references_beside_it(subject: str) -> None:
    found = evaluation_of(subject)
    assert found.cost.seconds == SUBJECTS.index(subject)
    assert found.reference_cost.seconds == 1


def test_every_metric_gets_the_evaluations_stream_from_its_beginning() -> None:
    found = evaluation_of("unlearned", stream=(0, 3))
    first = found.rng.integers(2**40, size=4).tolist()
    assert found.rng.integers(2**40, size=4).tolist() == first
    assert evaluation_of("reference", stream=(0, 3)).rng.integers(2**40, size=4).tolist() == first
    assert evaluation_of("unlearned", stream=(1, 3)).rng.integers(2**40, size=4).tolist() != first
    assert evaluation_of("unlearned", stream=(0, 4)).rng.integers(2**40, size=4).tolist() != first
