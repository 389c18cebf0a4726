"""`supreme.evaluate`: what it takes, what it leaves alone, and what it says of what it cannot evaluate."""

from __future__ import annotations

import doctest
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset, WeightedRandomSampler

import supreme
from supreme.api import evaluate as module
from supreme.api.result import Result
from supreme.core import SupremeError
from supreme.core.evaluation import Evaluation

CLASSES, SIZE = 3, 8
SETS = ("forget", "retain", "test")


def network(classes: int = CLASSES, seed: int = 0) -> nn.Module:
    """With batch normalisation and dropout, both of which would show in training mode."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        body = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.5)
        return nn.Sequential(*body, nn.Linear(4, classes))


def pair(seed: int, count: int = 30) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(seed)
    return torch.rand(count, 3, SIZE, SIZE, generator=rng), torch.randint(CLASSES, (count,), generator=rng)


GIVEN = {name: pair(place) for place, name in enumerate(SETS)}
LABELS: dict[str, Any] = {name: y for name, (_, y) in GIVEN.items()}


def logits(seed: int = 0, **lengths: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=(lengths.get(name, 30), CLASSES)) for name in SETS}


def evaluated(unlearned: Any, *models: Any, **more: Any) -> Result:
    return supreme.evaluate(unlearned, *models, **{**GIVEN, "metrics": ["accuracy"], **more})


def values(result: Any) -> list[Mapping[str, float]]:
    return [row["metrics"] for row in result.rows]


# What it takes.


def test_the_examples_of_its_docstring_run() -> None:
    failed, run = doctest.testmod(module)
    assert run > 5
    assert not failed


def as_uint8(x: Tensor) -> Tensor:
    return (x * 255).to(torch.uint8)


FORMS: dict[str, Callable[[Tensor, Tensor], Any]] = {
    "arrays": lambda x, y: (x.numpy(), y.numpy()),
    "float64": lambda x, y: (x.double(), y.int()),
    "dataset": TensorDataset,
    "subset": lambda x, y: Subset(TensorDataset(x, y), range(len(x))),
    "loader": lambda x, y: DataLoader(TensorDataset(x, y), batch_size=7, shuffle=True),
    "list of pairs": lambda x, y: list(zip(x, y, strict=True)),
    "list of mappings": lambda x, y: [{"image": a, "label": b} for a, b in zip(x, y, strict=True)],
}


@pytest.mark.parametrize("form", FORMS)
def test_sets_in_every_form_give_the_same_numbers(form: str) -> None:
    sets = {name: FORMS[form](x, y) for name, (x, y) in GIVEN.items()}
    assert values(evaluated(network(), **sets)) == values(evaluated(network()))


def test_uint8_images_are_given_to_a_model_as_fractions_wherever_their_channels_are() -> None:
    whole = {name: (as_uint8(x), y) for name, (x, y) in GIVEN.items()}
    scaled = {name: (x.float() / 255, y) for name, (x, y) in whole.items()}
    last = {name: (x.permute(0, 2, 3, 1).numpy(), y) for name, (x, y) in whole.items()}
    assert values(evaluated(network(), **whole)) == values(evaluated(network(), **scaled))
    assert values(evaluated(network(), **last)) == values(evaluated(network(), **whole))


class Answer:
    """As models of Hugging Face's answer."""

    def __init__(self, logits: Tensor) -> None:
        self.logits = logits


MODELS: dict[str, Callable[[nn.Module], Any]] = {
    "function": lambda model: model.eval().forward,
    "an answer with logits": lambda model: lambda x: Answer(model.eval()(x)),
    "wrapped": nn.DataParallel,
    "compiled": lambda model: torch.compile(model, backend="eager"),
    "double": lambda model: model.double(),
}


@pytest.mark.parametrize("kind", MODELS)
def test_models_of_every_kind_get_the_same_numbers(kind: str) -> None:
    (own,), (usual,) = values(evaluated(MODELS[kind](network()))), values(evaluated(network()))
    assert own == pytest.approx(usual, rel=1e-5)


def test_seeds_that_are_lists_of_models_give_intervals_and_verdicts() -> None:
    models = {"mine": [network(seed=seed) for seed in (0, 1, 2)], "retrain": [network(seed=seed) for seed in (6, 7, 8)]}
    reference = [network(seed=seed) for seed in (3, 4, 5)]
    result = evaluated(models, reference, models["mine"], seeds=[10, 11, 12], metrics=None)
    assert sorted(result.frame["seed"].unique()) == [10, 11, 12]
    mine = result.summary.query("method == 'mine' and metric == 'accuracy/test'").iloc[0]
    assert mine["seeds"] == 3
    assert mine["gap_low"] < mine["gap"] < mine["gap_high"]
    assert mine["verdict"]
    floor = result.summary.query("method == 'mine' and metric == 'js_divergence/forget'").iloc[0]
    assert floor["contrast"] == "floor"
    assert "mine: unchanged in seeds 10, 11, 12" in str(result)


def test_each_seed_may_have_sets_of_its_own() -> None:
    forget = [pair(seed, 20 + seed) for seed in (7, 8)]
    result = evaluated([network(), network(seed=1)], forget=forget)
    assert [row["sets"]["forget"] for row in result.rows] == [27, 28]
    assert result.rows[1]["metrics"] == values(evaluated(network(seed=1), forget=forget[1]))[0]


def test_several_models_beside_one_reference_are_draws_and_not_seeds() -> None:
    result = evaluated([network(seed=seed) for seed in range(3)], network(seed=9))
    line = result.summary.query("method == 'unlearned' and metric == 'accuracy/test'").iloc[0]
    assert (line["seeds"], line["unlearn_draws"]) == (1, 3)


def test_a_class_that_is_forgotten_whole_is_seen_and_its_test_images_are_told_apart() -> None:
    forget, retain, test = (GIVEN[name][1].clone() for name in SETS)
    forget[:], retain[:] = 2, retain % 2
    sets = {name: (GIVEN[name][0], y) for name, y in zip(SETS, (forget, retain, test), strict=True)}
    (row,) = evaluated(network(), **sets).rows
    assert row["config"]["scenario"]["forget_classes"] == [2]
    assert row["sets"]["forget_test"] == int((test == 2).sum())
    assert "accuracy/forget_test" in row["metrics"]


def share_of_class_0(evaluation: Evaluation) -> dict[str, float]:
    return {f"share/{name}": float((evaluation.subject.logits(name).argmax(1) == 0).double().mean()) for name in SETS}


def test_metrics_are_chosen_by_name_with_other_values_or_are_functions_of_ones_own() -> None:
    result = evaluated(network(), metrics=["accuracy", {"membership": {"fpr": 0.1}}, share_of_class_0])
    (row,) = result.rows
    assert {"accuracy/forget", "membership/auc", "share/forget"} <= set(row["metrics"])
    assert row["changed"] == {"metric.membership.fpr": 0.1}
    with torch.inference_mode():
        expected = (network().eval()(GIVEN["forget"][0]).argmax(1) == 0).double().mean()
    assert row["metrics"]["share/forget"] == float(expected)
    assert "share/forget" in str(result)


# What it leaves alone.


def test_weights_buffers_modes_and_generators_are_as_before() -> None:
    models = [network(seed=seed) for seed in range(3)]
    for model in models:
        model.train()
        model[1].eval()  # type: ignore[index]
    before = [{name: tensor.clone() for name, tensor in model.state_dict().items()} for model in models]
    for seed in (torch.manual_seed, np.random.seed, random.seed):
        seed(5)
    states = torch.get_rng_state(), np.random.get_state()[1], random.getstate()  # type: ignore[index]
    evaluated(*models, metrics=None)
    for model, kept in zip(models, before, strict=True):
        assert all(torch.equal(kept[name], tensor) for name, tensor in model.state_dict().items())
        assert model.training
        assert not model[1].training  # type: ignore[index]
        assert all(weight.grad is None for weight in model.parameters())
    assert torch.equal(states[0], torch.get_rng_state())
    assert np.array_equal(states[1], np.random.get_state()[1])  # type: ignore[index]
    assert states[2] == random.getstate()


def test_nothing_is_written_before_it_is_asked_for_and_then_what_a_sweep_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = evaluated(network(), network(seed=1), network(seed=2))
    assert all(map(len, (str(result), result.frame, result._repr_html_(), result.markdown(), result.latex())))
    assert result.to_csv()
    assert not list(tmp_path.iterdir())
    page = result.write("mine")
    assert "<html" in page.read_text(encoding="utf-8")
    pd.testing.assert_frame_equal(supreme.load("mine"), result.frame)
    result.write("mine")
    with pytest.raises(SupremeError, match="has rows of something else"):
        evaluated(network(seed=3)).write("mine")


def test_the_text_of_a_result_has_no_colours_in_a_notebook_either(monkeypatch: pytest.MonkeyPatch) -> None:
    result = evaluated(network())
    usual = str(result)
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    assert str(result) == usual
    assert "\x1b" not in usual


def test_a_notebook_shows_the_table_with_the_names_of_methods_as_text() -> None:
    shown = evaluated({"<script>alert`1`</script>": network()})._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown


# What was not given.


def test_without_a_reference_columns_that_need_none_have_the_values_that_they_have_with_one() -> None:
    alone, beside = evaluated(network(), metrics=None), evaluated(network(), network(seed=1), metrics=None)
    assert alone.rows[0]["metrics"].items() <= beside.rows[0]["metrics"].items()
    assert "scores/tug_of_war" not in alone.rows[0]["metrics"]
    assert any("the reference model" in note and "js_divergence" in note for note in alone.notes)
    assert "reference" not in {*alone.summary["method"]}


@pytest.mark.parametrize(
    ("metric", "needs"),
    [
        ("js_divergence", "it needs the reference model"),
        ("zrf", "it needs untrained models"),
        ("cost", "it needs the cost of methods, which a sweep measures"),
    ],
)
def test_a_metric_that_was_asked_for_by_name_is_not_left_out_but_refused(metric: str, needs: str) -> None:
    with pytest.raises(SupremeError, match=f"metric {metric} cannot be had here: {needs}"):
        evaluated(network(), metrics=[metric])


# What it says.


class Tuple(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, int]:
        return x.flatten(1)[:, :CLASSES], 1


class LooseDropout(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return F.dropout(x.flatten(1)[:, :CLASSES])


class RandomImages(Dataset[Any]):
    def __len__(self) -> int:
        return 4

    def __getitem__(self, place: int) -> tuple[Tensor, int]:
        return torch.rand(3, SIZE, SIZE), 0


def broken() -> nn.Module:
    model = network()
    model[6].weight.data[0] = float("nan")  # type: ignore[index,union-attr]
    return model


def changed(array: dict[str, np.ndarray], value: float) -> dict[str, np.ndarray]:
    array["forget"][3, 1] = value
    return array


x, y = GIVEN["forget"]
CASES: dict[str, tuple[Callable[[], Any], str]] = {
    "a state dict": (lambda: evaluated(network().state_dict()), "unlearned is a state dict: load it"),
    "a path": (lambda: evaluated("model.pt"), "unlearned is the path model.pt: load it"),
    "a class": (lambda: evaluated(Tuple), "unlearned is the class Tuple and not a model"),
    "no model": (lambda: evaluated(None), "unlearned is a NoneType: give a torch.nn.Module"),
    "a tuple for an answer": (lambda: evaluated(Tuple()), "unlearned returns a tuple and not logits"),
    "an answer that is random": (lambda: evaluated(LooseDropout()), "gives other logits when it is asked again"),
    "weights that are NaN": (lambda: evaluated(broken()), "answers image 0 of 90 with a logit that is NaN"),
    "other images": (lambda: evaluated(nn.Linear(7, 3)), r"unlearned cannot take images 3 x 8 x 8 \(RuntimeError"),
    "other classes": (lambda: evaluated(network(), network(4)), "unlearned has 3 classes and reference 4"),
    "one class": (lambda: evaluated(network(1)), "of 2 classes or more"),
    "lists of other lengths": (
        lambda: evaluated([network()] * 2, [network()] * 3),
        r"not as long as each other \(unlearned 2, reference 3\)",
    ),
    "methods of other lengths": (
        lambda: evaluated({"a": [network()] * 2, "b": [network()]}),
        r'\(unlearned\["a"\] 2, unlearned\["b"\] 1\)',
    ),
    "no models": (lambda: evaluated([]), "unlearned is an empty list"),
    "no methods": (lambda: evaluated({}), "unlearned is an empty dict"),
    "a reference as a method": (lambda: evaluated({"reference": network()}), "give that model as reference="),
    "a name of two lines": (lambda: evaluated({"a\nb": network()}), "give a name of one line"),
    "logits without sets": (lambda: evaluated(np.zeros((30, 3))), "give the logits of each set by its name"),
    "logits of other sets": (
        lambda: evaluated({"forget": np.zeros((30, 3)), "train": np.zeros((30, 3))}),
        "a dict with forget, train: logits are given by set",
    ),
    "too few logits": (lambda: evaluated(logits(retain=29)), "logits of 29 images for retain, which has 30"),
    "no logits of a set": (lambda: evaluated({"forget": logits()["forget"]}), "unlearned has no logits of retain"),
    "NaN logits": (lambda: evaluated(changed(logits(), np.nan)), r'unlearned\["forget"\] answers image 3 of 30'),
    "infinite logits": (lambda: evaluated(changed(logits(), np.inf)), "NaN or infinite"),
    "answers for logits": (
        lambda: evaluated({name: array.astype(int) for name, array in logits().items()}),
        "give logits, and not classes",
    ),
    "a label out of range": (lambda: evaluated(network(), forget=(x, y + 5)), "forget has the label 7"),
    "a negative label": (lambda: evaluated(network(), forget=(x, y - 5)), "the labels of forget go down to -5"),
    "labels that are fractions": (lambda: evaluated(network(), forget=(x, y + 0.5)), "are not whole numbers"),
    "one-hot labels": (lambda: evaluated(network(), forget=(x, torch.eye(3)[y])), r"give y.argmax\(1\)"),
    "too few labels": (lambda: evaluated(network(), forget=(x, y[1:])), "forget has 30 images and 29 labels"),
    "no labels": (lambda: evaluated(network(), forget=x), r"give images and labels as a pair, forget=\(x, y\)"),
    "no images": (lambda: evaluated(network(), **LABELS), "the sets are labels without images"),
    "an empty set": (lambda: evaluated(network(), forget=(x[:0], y[:0])), "forget is empty"),
    "no set": (lambda: evaluated(network(), forget=None), "forget is missing"),
    "images that are NaN": (lambda: evaluated(network(), forget=(x / 0, y)), "the x of forget has a NaN"),
    "images of integers": (lambda: evaluated(network(), forget=((x * 255).int(), y)), "the x of forget is of int32"),
    "images of two sizes": (lambda: evaluated(network(), forget=(x[..., :7], y)), "give all sets in one form"),
    "random images": (lambda: evaluated(network(), forget=RandomImages()), "its transform is random"),
    "a sampler": (
        lambda: evaluated(
            network(), forget=DataLoader(TensorDataset(x, y), sampler=WeightedRandomSampler([1.0] * 30, 30))
        ),
        "a DataLoader with a WeightedRandomSampler",
    ),
    "a list of two arrays": (lambda: evaluated(network(), forget=[x, y]), r"given as a tuple, \(x, y\)"),
    "sets for other seeds": (
        lambda: evaluated([network()] * 2, forget=[(x, y)] * 3),
        "forget is a list of 3 sets beside 2 models",
    ),
    "a mistyped metric": (lambda: evaluated(network(), metrics=["acuracy"]), "did you mean accuracy"),
    "a column": (lambda: evaluated(network(), metrics="accuracy/test"), "name its metric, accuracy"),
    "a mistyped value": (lambda: evaluated(network(), metrics={"membership": {"fprr": 1}}), "did you mean fpr"),
    "no metrics": (lambda: evaluated(network(), metrics=[]), "metrics is empty"),
    "a metric twice": (lambda: evaluated(network(), metrics=["accuracy"] * 2), "metrics has accuracy twice"),
    "a metric without a name": (lambda: evaluated(network(), metrics=[lambda _: {}]), "needs a name"),
    "a metric that fails": (
        lambda: evaluated(network(), metrics={"mine": lambda _: {"mine/x": 1 / 0}}),
        r"metric mine failed \(ZeroDivisionError",
    ),
    "a metric that is a number": (lambda: evaluated(network(), metrics={"mine": lambda _: 3.0}), "returned a float"),
    "a class that is not there": (lambda: evaluated(network(), forget_classes=[9]), "forget_classes has 9"),
    "classes that are no numbers": (lambda: evaluated(network(), forget_classes="cat"), "give class numbers"),
    "margins of another column": (lambda: evaluated(network(), margins={"accuracy/tset": 1}), "did you mean"),
    "a negative margin": (lambda: evaluated(network(), margins={"accuracy/test": -1}), "declares no endpoint"),
    "too few seeds": (lambda: evaluated([network()] * 2, seeds=[1]), "seeds has 1 training seeds, and there are 2"),
    "seeds that are text": (lambda: evaluated(network(), seeds="1"), "give the training seeds of the models"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_cannot_be_evaluated_is_refused_in_one_sentence(case: str) -> None:
    call, sentence = CASES[case]
    with pytest.raises(SupremeError, match=sentence) as refused:
        call()
    assert "\n" not in str(refused.value)


def test_probabilities_for_logits_are_doubted() -> None:
    shares = {name: torch.from_numpy(array).softmax(1) for name, array in logits().items()}
    (note,) = supreme.evaluate(shares, **LABELS, metrics=["accuracy"]).notes
    assert "unlearned seems to give probabilities" in note


def test_forget_images_that_lie_in_the_retain_or_test_set_too_are_counted() -> None:
    told = " ".join(str(evaluated(network(), retain=GIVEN["forget"], test=GIVEN["forget"])).split())
    assert "30 of 30 forget images have an identical twin among the retained ones" in told
    assert "30 of 30 forget images have an identical twin among the test images" in told
