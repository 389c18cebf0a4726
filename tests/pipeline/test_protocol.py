"""The two protocols of the Pins benchmarks: each published fault is a key of its own, and does what it says."""

import copy
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from supreme.core import SupremeError
from supreme.core.registry import build
from supreme.methods.bad_teacher import BadTeacher
from supreme.metrics import arithmetic
from supreme.metrics.legacy_activation_distance import LegacyActivationDistance
from supreme.metrics.legacy_batch_accuracy import LegacyBatchAccuracy
from supreme.models.timm import IMAGENET, Timm
from supreme.pipeline import judged, stages, twins
from supreme.pipeline.cell import Cell
from supreme.pipeline.evaluation import inference
from supreme.pipeline.prepared import Prepared
from supreme.pipeline.workplace import Workplace
from supreme.recipes import Recipe
from supreme.sweep.plan.grids import with_grids
from supreme.testing import tiny_evaluation
from supreme.testing.worlds import tiny_world
from tests.conf_files import node_of

CONF = Path(__file__).parents[2] / "conf"
PINS = {"pins_resnet18": ("pins", "resnet18"), "pins_vit": ("pins_224", "vit_b16")}


@pytest.fixture
def config() -> Iterator[Any]:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield lambda *overrides: OmegaConf.to_container(
            compose("config", ["++data_dir=x", *overrides], return_hydra_config=False), resolve=True
        )


def recipe(**changes: Any) -> Recipe:
    return build({**node_of(CONF / "recipe" / "pins-resnet18.yaml"), **changes}, "recipe pins-resnet18")


# The groups.


@pytest.mark.parametrize("experiment", PINS)
def test_every_value_of_the_paper_protocol_is_one_that_its_component_takes(config: Any, experiment: str) -> None:
    for scenario in ("full_class", "random"):
        for method in ("finetune", "bad_teacher", "random_label", "unsir", "ssd", "lfssd", "assd"):
            found = config(
                f"experiment={experiment}", "protocol=supreme_paper", f"scenario={scenario}", f"method={method}"
            )
            for group in ("data", "recipe", "scenario", "method"):
                build(judged.source(twins.source(found[group])) if group == "data" else found[group], group)
            for name, node in found["metric"].items():
                build(node, name)


@pytest.mark.parametrize("experiment", PINS)
@pytest.mark.parametrize("scenario", ["full_class", "random"])
def test_the_fixed_protocol_changes_nothing(config: Any, experiment: str, scenario: str) -> None:
    data, model = PINS[experiment]
    choice = [f"data={data}", f"model={model}", f"scenario={scenario}"]
    assert config(*choice, "protocol=fixed") == config(*choice)
    assert config(*choice)["recipe"] == node_of(CONF / "recipe" / f"{data}-{model}.yaml")


FAULTS = {
    "pins_resnet18": {
        "data.test": ("training", "held_out"),
        "data.validation_fraction": (0.0, 0.1),
        "recipe.original_keeps": ("best_on_test", "last"),
        "recipe.original_milestone_shift": (-1, 0),
        "recipe.reference_batch_size": (128, None),
        "recipe.warmup_from_zero": (True, False),
        "method.compat": ("reference", "paper"),
        "metric.membership.entropy_solver": ("sklearn", "optimum"),
    },
    "pins_vit": {
        "data.test": ("training", "held_out"),
        "model.normalisation": ("imagenet", "of_weights"),
        "recipe.schedule": ("cosine_by_epoch", "cosine"),
        "recipe.warmup_from_zero": (True, False),
    },
}


def at(found: Any, key: str) -> Any:
    for part in key.split("."):
        found = found[part]
    return found


@pytest.mark.parametrize("experiment", FAULTS)
def test_each_fault_can_be_switched_alone_from_either_protocol(config: Any, experiment: str) -> None:
    choice = (f"experiment={experiment}", "method=ssd", "scenario=random")
    paper, fixed = (config(*choice, f"protocol={name}") for name in ("supreme_paper", "fixed"))
    for key, (fault, right) in FAULTS[experiment].items():
        assert (at(paper, key), at(fixed, key)) == (fault, right)
        mended = config(*choice, "protocol=supreme_paper", f"{key}={'null' if right is None else right}")
        assert at(mended, key) == right
        assert all(at(mended, other) == value for other, (value, _) in FAULTS[experiment].items() if other != key)
        faulty = config(*choice, "protocol=fixed", f"{key}={fault}")
        assert at(faulty, key) == fault
        assert all(at(faulty, other) == value for other, (_, value) in FAULTS[experiment].items() if other != key)


def test_the_paper_protocol_takes_the_batches_of_its_scenario(config: Any) -> None:
    for scenario, size in (("full_class", 64), ("random", 128)):
        found = config("experiment=pins_vit", "protocol=supreme_paper", f"scenario={scenario}", "method=finetune")
        assert found["recipe"]["batch_size"] == 64  # of the original
        assert found["recipe"]["reference_batch_size"] == found["method"]["batch_size"] == size
        assert (found["method"]["optimizer"], found["method"]["lr"]) == ("sgd", 0.02)  # for a transformer, too


# Training.


def test_the_cosine_of_epochs_is_the_published_one_and_ends_with_an_epoch_at_0() -> None:
    found = recipe(optimizer="adamw", lr=5e-5, epochs=8, schedule="cosine_by_epoch", warmup_from_zero=True)
    steps = 10
    by_epoch = [[5e-5 * found.lr_factor(epoch * steps + k, steps) for k in range(steps)] for epoch in range(8)]
    assert by_epoch[0] == pytest.approx([5e-6 * k for k in range(steps)])  # the first step does nothing
    published = [4.752e-5, 4.059e-5, 3.056e-5, 1.944e-5, 9.41e-6, 2.48e-6, 0.0]
    for values, value in zip(by_epoch[1:], published, strict=True):
        assert values == pytest.approx([value] * steps, rel=3e-3, abs=1e-12)


def test_the_original_of_the_paper_drops_before_epochs_60_120_160_and_the_reference_one_epoch_later() -> None:
    found = recipe(original_milestone_shift=-1)
    drops = {}
    for name, one in (("original", found.of_original()), ("reference", found.of_reference())):
        rates = [round(one.lr_factor(epoch * 10, 10), 6) for epoch in range(200)]
        drops[name] = [epoch + 1 for epoch in range(2, 200) if rates[epoch] != rates[epoch - 1]]  # counted from 1
    assert drops == {"original": [60, 120, 160], "reference": [61, 121, 161]}


def test_original_and_reference_are_trained_alike_unless_a_recipe_says_otherwise() -> None:
    same, other = recipe(), recipe(reference_batch_size=128)
    assert same.of_original() == same.of_reference() == same
    assert (other.of_original().batch_size, other.of_reference().batch_size) == (64, 128)


@pytest.mark.parametrize(
    "wrong", [{"original_keeps": "best"}, {"original_milestone_shift": -60}, {"reference_batch_size": 0}]
)
def test_impossible_values_of_a_recipe_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SupremeError, match=next(iter(wrong))):
        recipe(**wrong)


def a_cell(config: Any, *overrides: str) -> Cell:
    names = {name: name for name in ("data", "model", "recipe", "scenario", "method")}
    return Cell.from_config(config("recipe.epochs=4", "recipe.lr=0.2", "recipe.schedule=constant", *overrides), names)


def test_best_on_test_keeps_the_original_of_the_best_epoch_and_the_references_last_one(
    config: Any, tmp_path: Path
) -> None:
    place = Workplace(output_dir=str(tmp_path), device="cpu")
    plain, chosen = (
        Prepared(a_cell(config, f"recipe.original_keeps={keeps}").resolved(tmp_path), place)
        for keeps in ("last", "best_on_test")
    )
    after: list[tuple[int, dict[str, torch.Tensor]]] = []
    plain.configure()
    test_images = plain.data.view(plain.data.test)
    model = plain.fresh(2)

    def look(_epoch: Any) -> None:
        with inference(model):
            right = sum(int((model(x).argmax(1) == y).sum()) for x, y in test_images.batches(256))
        after.append((right, {name: tensor.clone() for name, tensor in model.state_dict().items()}))

    images = plain.training_images
    plain.train(model, images, 2, after_epoch=look)
    best = max(range(4), key=lambda epoch: after[epoch][0])
    kept = {}
    for stage in ("original", "reference"):
        kept[stage] = chosen.train(chosen.fresh(2), images, 2, stage=stage).state_dict()
    for stage, epoch in (("original", best), ("reference", 3)):
        assert all(torch.equal(tensor, after[epoch][1][name]) for name, tensor in kept[stage].items())
    assert len({right for right, _ in after}) > 1  # else nothing was chosen
    assert best != 3
    assert plain.cell.key("original") != chosen.cell.key("original")


def test_a_training_of_which_an_epoch_was_chosen_has_no_history(config: Any, tmp_path: Path) -> None:
    cell = a_cell(config, "recipe.original_keeps=best_on_test", "method=rewind_to_delete").resolved(tmp_path)
    with pytest.raises(SupremeError, match=r"type recipe\.original_keeps=last"):
        stages.unlearned(Prepared(cell, Workplace(output_dir=str(tmp_path), device="cpu")))


# Models and methods.


def test_a_timm_model_can_be_normalised_as_imagenet() -> None:
    values: dict[str, Any] = {"arch": "test_vit", "pretrained": False, "checkpoint": None, "image_size": None}
    model = Timm(**values, normalisation="imagenet")(3, 32, [0.5] * 3, [0.5] * 3)
    assert model.mean.flatten().tolist() == pytest.approx(IMAGENET[0])
    assert model.std.flatten().tolist() == pytest.approx(IMAGENET[1])
    assert Timm(**values, normalisation="of_weights")(3, 32, [0], [1]).mean.flatten().tolist() == [0.5, 0.5, 0.5]


def test_finetuning_with_sgd_takes_the_textbooks_step_whatever_the_recipe(config: Any) -> None:
    values = {"epochs": 1, "batch_size": 10_000, "momentum": 0.0, "weight_decay": 0.1, "lr": 0.5}
    method = build({**config("method=finetune")["method"], "optimizer": "sgd", **values})
    world = tiny_world()
    before = {name: tensor.clone() for name, tensor in world.model.named_parameters()}
    copied = copy.deepcopy(world.model).train()
    (x, y), *_ = world.split.retain.batches(10_000)
    torch.nn.functional.cross_entropy(copied(x), y).backward()
    after = dict(method(world.model, world.split, world.context).named_parameters())
    for name, weight in copied.named_parameters():
        assert weight.grad is not None
        expected = before[name] - 0.5 * (weight.grad + 0.1 * before[name])
        torch.testing.assert_close(after[name], expected, rtol=1e-3, atol=1e-5)


def test_the_incompetent_teacher_is_untrained_or_what_training_started_from(config: Any) -> None:
    node = config("method=bad_teacher")["method"]
    asked: list[str] = []

    class Asked:
        untrained = staticmethod(lambda: asked.append("untrained"))
        fresh = staticmethod(lambda: asked.append("fresh"))

    for incompetent in ("untrained", "as_initialised"):
        method: BadTeacher = build({**node, "incompetent": incompetent})
        method._incompetent(Asked())  # type: ignore[arg-type]
    assert asked == ["untrained", "fresh"]


# Metrics.


def test_legacy_batch_accuracy_is_the_mean_of_batches() -> None:
    evaluation = tiny_evaluation()
    logits, labels = evaluation.subject.logits("test"), evaluation.labels("test")
    right = (logits.argmax(1) == labels).double()
    found = LegacyBatchAccuracy(batch_size=7)(evaluation)
    assert found["legacy_batch_accuracy/test"] == pytest.approx(np.mean([part.mean() for part in right.split(7)]))
    whole = LegacyBatchAccuracy(batch_size=10_000)(evaluation)["legacy_batch_accuracy/test"]
    assert whole == arithmetic.accuracy(logits, labels)


def test_a_short_last_batch_counts_as_much_as_a_full_one() -> None:
    class Three:
        sets = ("forget",)
        forgets_class = False
        subject = type("Subject", (), {"logits": lambda self, name: torch.tensor([[1.0, 0.0]] * 3)})()
        labels = staticmethod(lambda name: torch.tensor([0, 0, 1]))

    # Two of three are right, but (1 + 0) / 2 of the batches [0, 0] and [1].
    assert LegacyBatchAccuracy(batch_size=2)(Three()) == {"legacy_batch_accuracy/forget": 0.5}  # type: ignore[arg-type]


def test_the_reference_in_training_mode_is_at_a_distance_from_where_it_is_in_evaluation_mode() -> None:
    evaluation = tiny_evaluation()
    before = {name: tensor.clone() for name, tensor in evaluation.reference.model.state_dict().items()}
    right = LegacyActivationDistance(batch_size=16, reference_mode="evaluation")(evaluation)
    wrong = LegacyActivationDistance(batch_size=16, reference_mode="training")(evaluation)
    for name in ("forget", "retain", "test"):
        ours, theirs = evaluation.subject.logits(name), evaluation.reference.logits(name)
        expected = arithmetic.activation_distance_rms(ours, theirs)
        assert right[f"legacy_activation_distance/{name}"] == pytest.approx(expected, abs=1e-5)
        moved = abs(float(wrong[f"legacy_activation_distance/{name}"]) - expected)
        assert moved > 1e-6 + 1e-3 * expected
    after = evaluation.reference.model.state_dict()
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())  # its statistics have not moved
    assert not evaluation.reference.model.training


@pytest.mark.parametrize("wrong", [{"batch_size": 1}, {"reference_mode": "both"}])
def test_a_mode_that_there_is_not_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SupremeError, match=next(iter(wrong))):
        LegacyActivationDistance(**{"batch_size": 4, "reference_mode": "training", **wrong})


# Grids.

GRIDS = [
    {"scenario": "full_class", "scenario.target": "1,10", "method": "ssd,unsir"},
    {"scenario": "random", "scenario.fraction": 0.001, "method": "ssd"},
]


def spanned(*given: str, grids: Any = GRIDS) -> list[list[str]]:
    from hydra.core.override_parser.overrides_parser import OverridesParser

    return with_grids(OmegaConf.create({"grids": grids}), OverridesParser.create().parse_overrides(list(given)))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            ["seed=0,1"],
            [
                ["scenario=full_class", "scenario.target=1,10", "method=ssd,unsir", "seed=0,1"],
                ["scenario=random", "scenario.fraction=0.001", "method=ssd", "seed=0,1"],
            ],
        ),
        (["scenario=random"], [["scenario=random", "scenario.fraction=0.001", "method=ssd"]]),
        (["scenario=subclass", "method=ssd"], [["scenario=subclass", "method=ssd"]]),
        (
            ["scenario.target=3,4", "method=scrub"],
            [
                ["scenario=full_class", "scenario.target=3,4", "method=scrub"],
                ["scenario=random", "scenario.fraction=0.001", "method=scrub"],
            ],
        ),
    ],
)
def test_a_sweep_of_grids_is_narrowed_by_the_command_line(given: list[str], expected: list[list[str]]) -> None:
    assert spanned(*given) == expected


def test_without_grids_the_command_line_is_all_there_is() -> None:
    assert spanned("seed=0,1", grids=[]) == [["seed=0,1"]]


def test_grids_that_are_no_list_of_mappings_are_refused() -> None:
    with pytest.raises(SupremeError, match="grids must be a list of mappings"):
        spanned(grids=["scenario=random"])


def test_the_pins_experiments_span_the_published_sweep() -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        for experiment, (data, model) in PINS.items():
            found = compose("config", [f"experiment={experiment}", "++data_dir=x"], return_hydra_config=True)
            assert found.hydra.sweeper.params == {"seed": "range(260,270)"}
            assert (found.hydra.runtime.choices.data, found.hydra.runtime.choices.model) == (data, model)
            published = {"retrain", "finetune", "bad_teacher", "random_label", "unsir", "ssd", "lfssd"}
            full, random = (set(grid["method"].split(",")) for grid in found.grids)
            assert published <= full
            assert published - {"unsir"} <= random
            assert "unsir" not in random
            assert asdict(recipe())["epochs"] == 200
