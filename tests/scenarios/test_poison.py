"""Scenarios that poison: what they plant and where, that metrics find it, and that clean cells never meet it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import command_line
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from torch import nn

from supreme.core import ImageData, Images, Split, SupremeError, Undefined
from supreme.core.pixels import Extended, centre
from supreme.core.registry import build
from supreme.core.seeds import numpy_generator
from supreme.functional.classifier import Classifier
from supreme.metrics.backdoor import Backdoor as BackdoorMetric
from supreme.metrics.gaussian_poison import GaussianPoison as GaussianPoisonMetric
from supreme.metrics.interclass_confusion import InterclassConfusion as InterclassConfusionMetric
from supreme.pipeline.cell import Cell
from supreme.pipeline.device import on_device
from supreme.pipeline.prepared import Prepared
from supreme.pipeline.workplace import Workplace
from supreme.report.rows.load import load
from supreme.scenarios.backdoor import Backdoor
from supreme.scenarios.gaussian_poison import GaussianPoison
from supreme.scenarios.interclass_confusion import InterclassConfusion
from supreme.store.decoded import cache
from supreme.testing import check_metric, tiny_data, tiny_model

CONF = Path(__file__).parents[2] / "conf"
POISONS = ("interclass_confusion", "backdoor", "gaussian_poison")


def rng(seed: int = 0) -> np.random.Generator:
    return numpy_generator("forget", seed)


def backdoor(**changes: Any) -> Backdoor:
    values = {"fraction": None, "count": 12, "target": "two", "size": 2, "value": 1.0, "known_fraction": 1.0}
    return Backdoor(**{**values, **changes})


def confusion(**changes: Any) -> InterclassConfusion:
    return InterclassConfusion(**{"target": ["four", "two"], "fraction": None, "count": 9, **changes})


def noise(**changes: Any) -> GaussianPoison:
    return GaussianPoison(**{"fraction": None, "count": 12, "sigma": 0.1, **changes})


# Data with more images behind the last.


def mapped(directory: Path) -> ImageData:
    data = tiny_data()
    np.save(directory / "images.npy", data.pixels)
    return replace(data, pixels=np.load(directory / "images.npy", mmap_mode="r"))


def test_extended_pixels_read_like_one_array() -> None:
    base, added = rng().integers(0, 255, (2, 7, 3, 4, 4), dtype=np.uint8)
    both, pixels = np.concatenate([base, added]), Extended(base, added)
    for positions in ([], [0, 6], [7, 13], [13, 0, 7, 6, 0]):
        found = pixels[np.array(positions, dtype=np.int64)]
        assert found.dtype == np.uint8
        assert np.array_equal(found, both[np.array(positions, dtype=np.int64)])
    assert (pixels.shape, pixels.dtype, len(pixels), pixels.nbytes) == (both.shape, both.dtype, 14, both.nbytes)
    assert np.array_equal(np.asarray(pixels), both)


def test_poison_leaves_a_memory_mapped_source_where_it_is_and_copies_none_of_it(tmp_path: Path) -> None:
    data = mapped(tmp_path)
    before = (tmp_path / "images.npy").read_bytes()
    for scenario in (backdoor(), confusion(), noise()):
        pixels = scenario(data, rng()).data.pixels
        assert isinstance(pixels, Extended)
        assert pixels.base is data.pixels
        assert isinstance(pixels.base, np.memmap)
    assert (tmp_path / "images.npy").read_bytes() == before


def test_batches_of_poisoned_data_are_the_same_from_the_file_and_from_one_tensor(tmp_path: Path) -> None:
    split = noise()(mapped(tmp_path), rng())
    placed = on_device(split.data, "cpu:0")  # anything but "cpu": as onto a device
    assert isinstance(placed.pixels, torch.Tensor)
    everything = np.arange(172)
    (here, y), (there, other_y) = (next(data.view(everything).batches(200)) for data in (split.data, placed))
    assert torch.equal(here, there)
    assert torch.equal(y, other_y)


def test_a_fingerprint_follows_the_source_and_all_that_was_added() -> None:
    data, pixels = tiny_data(), np.zeros((2, 3, 10, 10), np.uint8)
    origins, labels = np.array([0, 1]), np.array([2, 3])
    found = {
        data.extended(origins, pixels, labels, 2).fingerprint,
        data.extended(origins, pixels + np.uint8(1), labels, 2).fingerprint,
        data.extended(origins[::-1], pixels, labels, 2).fingerprint,
        data.extended(origins, pixels, labels[::-1], 2).fingerprint,
        data.extended(origins, pixels, labels, 1).fingerprint,
        replace(data, fingerprint="other").extended(origins, pixels, labels, 2).fingerprint,
        data.fingerprint,
    }
    assert len(found) == 7
    assert data.extended(origins, pixels, labels, 2).fingerprint in found


# What is planted.


def test_labels_are_swapped_between_the_two_classes_only_and_pixels_stay() -> None:
    data = tiny_data()
    split = confusion()(data, rng())
    truth, clean = split.extra["clean_forget"], split.extra["clean_forget"].indices
    assert truth.targets.tolist().count(1) == 4  # the odd one is of class 3
    assert truth.targets.tolist().count(3) == 5
    assert (split.forget.targets == 4 - truth.targets).all()
    assert np.array_equal(np.asarray(split.data.pixels)[split.forget.indices], data.pixels[clean])
    assert np.array_equal(split.retain.indices, np.setdiff1d(data.train, clean))
    assert np.array_equal(split.retain.targets, data.labels[split.retain.indices])
    assert split.planted["classes"].tolist() == [1, 3]
    assert split.forget_classes == ()


def test_the_trigger_is_in_the_corner_that_a_model_sees_and_nowhere_else() -> None:
    data = tiny_data()  # 10 x 10 pixels, of which a model sees the centre, 8 x 8
    split = backdoor(value=0.4)(data, rng())
    pixels = np.asarray(split.data.pixels)
    expected = pixels[:160].copy()
    expected[..., 7:9, 7:9] = 102
    origins = np.setdiff1d(data.train, split.data.train)
    assert sorted(map(bytes, pixels[split.forget.indices])) == sorted(map(bytes, expected[origins]))
    tested = data.test[data.labels[data.test] != 1]
    triggered = split.extra["triggered_test"]
    assert np.array_equal(pixels[triggered.indices], expected[tested])
    assert np.array_equal(triggered.targets, data.labels[tested])
    x, _ = next(triggered.batches(99))
    assert x.shape[-1] == 8
    assert (x[..., -2:, -2:] == 0.4).all()


def test_the_poison_of_a_backdoor_is_of_other_classes_and_labelled_as_the_target() -> None:
    data = tiny_data()
    split = backdoor()(data, rng())
    assert set(split.forget.targets.tolist()) == {1}
    assert 1 not in data.labels[np.setdiff1d(data.train, split.data.train)]
    assert len(split.forget) == 12
    assert split.planted["target_class"].tolist() == [1]


def test_poison_that_is_not_known_stays_in_the_retain_set() -> None:
    whole, part = (backdoor(known_fraction=known)(tiny_data(), rng()) for known in (1.0, 0.3))
    assert part.data.fingerprint == whole.data.fingerprint
    assert len(part.forget) == 4  # 0.3 of 12, rounded up
    rest = np.setdiff1d(whole.forget.indices, part.forget.indices)
    assert np.isin(rest, part.retain.indices).all()


def test_the_noise_is_what_the_images_hold_but_for_clipping_and_rounding() -> None:
    data = tiny_data()
    split = noise(sigma=0.02)(data, rng())
    planted, clean = split.planted["noise"], split.extra["clean_forget"]
    held = np.asarray(split.data.pixels)[split.forget.indices].astype(int) - data.pixels[clean.indices].astype(int)
    wide = 255 * planted + data.pixels[clean.indices]
    inside = (wide > 0) & (wide < 255)
    assert planted.dtype == np.float32
    assert inside.mean() > 0.9
    assert np.abs(held - 255 * planted)[inside].max() <= 0.5 + 1e-3
    assert abs(planted.std() / 0.02 - 1) < 0.05  # 3,600 values: 4 standard errors
    assert np.array_equal(split.forget.targets, data.labels[clean.indices])


@pytest.mark.parametrize("scenario", [backdoor(), confusion(), noise()])
def test_poison_follows_its_stream(scenario: Any) -> None:
    first, again, other = (scenario(tiny_data(), rng(seed)) for seed in (1, 1, 2))
    assert (first.digest, first.data.fingerprint) == (again.digest, again.data.fingerprint)
    assert first.digest != other.digest
    assert first.data.fingerprint != other.data.fingerprint
    assert first.forget_digest == again.forget_digest != other.forget_digest


def test_a_split_is_known_by_its_extra_sets_and_by_what_was_planted() -> None:
    split = noise()(tiny_data(), rng())
    louder = {**split.planted, "sigma": split.planted["sigma"] * 2}
    digests = {one.digest for one in (split, replace(split, extra={}), replace(split, planted=louder))}
    assert len(digests) == 3


def test_extra_sets_follow_the_split_onto_a_device_and_onto_other_data() -> None:
    split = noise()(tiny_data(), rng())
    moved = split.with_data(on_device(split.data, "cpu:0")).to("cpu:0")
    assert moved.extra["clean_forget"].device == "cpu:0"
    assert all(images.data is moved.data for images in moved.sets.values())
    assert moved.digest == split.digest


@pytest.mark.parametrize(
    ("scenario", "message"),
    [
        (lambda: backdoor(target=[0, 1]), "leads to one class"),
        (lambda: backdoor(size=0), "size=0 is not allowed"),
        (lambda: backdoor(value=255), "value=255 is not allowed"),
        (lambda: backdoor(known_fraction=0.0), "known_fraction=0.0 is not allowed"),
        (lambda: backdoor(fraction=0.1), "fraction=0.1 with count=12 is not allowed"),
        (lambda: backdoor(size=8)(tiny_data(), rng()), "size=8 covers the whole image of 8 pixels"),
        (lambda: backdoor(count=100)(tiny_data(), rng()), "none of the 90 of other classes clean"),
        (lambda: backdoor(target="twoo")(tiny_data(), rng()), "did you mean 'two'"),
        (lambda: confusion(target=3), "name two classes"),
        (lambda: confusion(target=[0, 1, 2]), "name two classes"),
        (lambda: confusion(target=[1, "two"])(tiny_data(), rng()), "names class 'two' twice"),
        (lambda: confusion(count=60)(tiny_data(), rng()), "training images of 'two' leaves none right"),
        (lambda: noise(sigma=0.0), "sigma=0.0 is not allowed"),
        (lambda: noise(count=120)(tiny_data(), rng()), "poisoning 120 of 120 training images"),
        (lambda: noise(fraction=1.0, count=None), "fraction=1.0 is not allowed"),
    ],
)
def test_poison_that_cannot_be_is_refused(scenario: Any, message: str) -> None:
    with pytest.raises(SupremeError, match=message):
        scenario()


# What the metrics find.


@dataclass
class Judged:
    """An evaluation of this model on this split."""

    split: Split
    model: Classifier

    @property
    def planted(self) -> Mapping[str, np.ndarray]:
        return self.split.planted

    @property
    def sets(self) -> tuple[str, ...]:
        return tuple(name for name, images in self.split.sets.items() if len(images))

    @property
    def subject(self) -> Judged:
        return self

    @property
    def rng(self) -> np.random.Generator:
        return rng()

    def images(self, name: str) -> Images:
        return self.split.sets[name]

    def labels(self, name: str) -> torch.Tensor:
        return self.split.sets[name].labels

    @torch.no_grad()
    def logits(self, name: str) -> torch.Tensor:
        return torch.cat([self.model(x) for x, _ in self.split.sets[name].batches(200)])


def judge(metric: Any, split: Split, model: Any) -> dict[str, float]:
    return dict(metric(Judged(split, model)))


class Says(nn.Module):
    """Answers what it was told, image after image."""

    def __init__(self, answers: list[int]) -> None:
        super().__init__()
        self.answers = answers

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.one_hot(torch.tensor(self.answers), 4).float()


def test_the_confusion_of_two_classes_by_hand() -> None:
    """Classes 1 and 3 as A and B: AAABBB answered ABCBAB, beside an image of another class that counts for nothing."""
    split = confusion()(tiny_data(), rng())
    test = replace(split.test.subset(np.arange(7)), targets=np.array([1, 1, 1, 3, 3, 3, 0]))
    found = judge(InterclassConfusionMetric(), replace(split, test=test), Says([1, 3, 2, 3, 1, 3, 1]))
    assert found == {"interclass_confusion/error": 0.5, "interclass_confusion/confusions": 2.0}


def test_the_success_of_a_backdoor_by_hand() -> None:
    split = backdoor()(tiny_data(), rng())
    triggered = split.extra["triggered_test"].subset(np.arange(4)).with_labels([0, 0, 2, 3])
    found = judge(BackdoorMetric(), replace(split, extra={"triggered_test": triggered}), Says([1, 0, 1, 1]))
    assert found == {"backdoor/attack_success": 0.75, "backdoor/triggered_accuracy": 0.25}


def linear(*weights: tuple[int, int, float]) -> Classifier:
    """Two logits, of which the first is the sum of some pixels (red, row and column of what it sees) times a weight."""
    head = nn.Linear(192, 2, bias=False)
    head.weight.data.zero_()
    for row, column, weight in weights:
        head.weight.data[0, 8 * row + column] = weight
    return Classifier(nn.Flatten(), head, (0.0,) * 3, (1.0,) * 3).eval()


def planted_by_hand(label: int) -> Split:
    """One image with noise 0.3 and 0.4 on the first two pixels that a model sees, and much where it sees nothing."""
    split = noise(count=1)(tiny_data(), rng())
    drawn = np.zeros((1, 3, 10, 10), np.float32)
    drawn[0, 0, 1, 1:3] = 0.3, 0.4
    drawn[0, 0, 0, 0] = 9.0
    clean = split.extra["clean_forget"].with_labels([label])
    return replace(split, extra={"clean_forget": clean}, planted={"noise": drawn, "sigma": np.array([0.1])})


@pytest.mark.parametrize(
    ("weights", "score"),
    [(((0, 0, 1.0),), 3.0), (((0, 0, 5.0),), 3.0), (((0, 1, 0.5),), 4.0), (((0, 0, 3.0), (0, 1, 4.0)), 5.0)],
)
def test_the_trace_of_noise_by_hand_is_positive_where_the_noise_points_to_a_smaller_loss(weights, score) -> None:
    """(3, 4) sigma along (1, 0) is 3, along (0, 1) 4, along itself 5; the other label turns the gradient round."""
    for label, sign in ((0, 1), (1, -1)):
        found = judge(GaussianPoisonMetric(fpr=0.01), planted_by_hand(label), linear(*weights))
        assert found["gaussian_poison/mean"] == pytest.approx(sign * score, rel=1e-6)
        assert found["gaussian_poison/z"] == found["gaussian_poison/mean"]
        assert found["gaussian_poison/tpr_at_0.01"] == (sign > 0)  # all of them are beyond 2.326


@pytest.mark.parametrize("margin", [200, 2000])
def test_the_trace_of_noise_survives_a_model_that_is_certain(margin: int) -> None:
    """At a margin of 200 the gradient of the loss is 1e-87, which single precision calls zero; double does at 2,000."""
    split = planted_by_hand(0)
    pixel = np.asarray(split.data.pixels)[split.extra["clean_forget"].indices[0], 0, 1, 1] / 255
    found = judge(GaussianPoisonMetric(fpr=0.01), split, linear((0, 0, margin / pixel)))
    assert found["gaussian_poison/mean"] == pytest.approx(3.0, rel=1e-6)


def test_the_trace_points_along_the_gradient_of_the_loss() -> None:
    split = noise()(tiny_data(), rng())
    model, images = tiny_model(tiny_data(), 0), split.extra["clean_forget"]
    x, y = next(images.batches(99))
    loss = nn.functional.cross_entropy(model(x.requires_grad_()), y, reduction="sum")
    (gradient,) = torch.autograd.grad(loss, x)
    drawn = centre(torch.from_numpy(split.planted["noise"]), 8)
    expected = -(drawn * gradient).flatten(1).sum(1) / (0.1 * gradient.flatten(1).norm(dim=1))
    found = judge(GaussianPoisonMetric(fpr=0.01), split, model)
    assert found["gaussian_poison/mean"] == pytest.approx(float(expected.mean()), rel=1e-4)
    assert found["gaussian_poison/z"] == pytest.approx(float(expected.mean()) * 12**0.5, rel=1e-4)


def test_the_trace_in_a_model_that_never_saw_the_noise_is_standard_normal() -> None:
    data, metric = tiny_data(), GaussianPoisonMetric(fpr=0.1)
    model = tiny_model(data, 0)
    found = [tuple(judge(metric, noise(count=32)(data, rng(seed)), model).values()) for seed in range(80)]
    _, z, tpr = np.array(found).T
    assert abs(z.mean()) < 3 / 80**0.5
    assert abs(z.std() - 1) < 3 / 160**0.5
    assert abs(tpr.mean() - 0.1) < 3 * (0.1 * 0.9 / (80 * 32)) ** 0.5


def test_a_model_that_no_image_moves_has_no_trace() -> None:
    found = judge(GaussianPoisonMetric(fpr=0.01), planted_by_hand(0), linear())
    assert {str(value) for value in found.values()} == {"no gradient reaches any poisoned image"}
    assert all(isinstance(value, Undefined) for value in found.values())


@pytest.mark.parametrize(
    ("metric", "scenario"),
    [
        (GaussianPoisonMetric(fpr=0.01), "gaussian_poison"),
        (BackdoorMetric(), "backdoor"),
        (InterclassConfusionMetric(), "interclass_confusion"),
    ],
)
def test_elsewhere_the_metric_says_which_scenario_to_type(metric: Any, scenario: str) -> None:
    others = {"gaussian_poison": noise(), "backdoor": backdoor(), "interclass_confusion": confusion()}
    del others[scenario]
    data = tiny_data()
    clean = Split.of_training(data, forget=data.train[::30], forget_test=data.test[:0])
    for split in (clean, *(other(data, rng()) for other in others.values())):
        found = judge(metric, split, tiny_model(data, 0))
        assert all(isinstance(value, Undefined) for value in found.values())
        assert all(value.endswith(f"type scenario={scenario}") for value in found.values())  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("metric", "scenario"),
    [
        (GaussianPoisonMetric(fpr=0.01), noise()),
        (BackdoorMetric(), backdoor()),
        (InterclassConfusionMetric(), confusion()),
    ],
)
def test_the_metric_keeps_its_promises_where_it_has_values(metric: Any, scenario: Any) -> None:
    judged: Any = Judged(scenario(tiny_data(), rng()), tiny_model(tiny_data(), 0))
    check_metric(metric, judged)
    assert all(np.isfinite(value) for value in metric(judged).values())


# Cells.


def cell_of(directory: Path, scenario: str, seed: int = 3, **seeds: int) -> Cell:
    overrides = [f"scenario={scenario}", "method=original", "metric=accuracy", f"seed={seed}"]
    overrides += [f"seeds.{name}={number}" for name, number in seeds.items()]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config: Any = OmegaConf.to_container(compose("config", overrides), resolve=True)
    names = {"data": "digits", "model": "small_cnn", "recipe": "digits-small_cnn", "method": "original"}
    return Cell.from_config(config, {**names, "scenario": scenario}).resolved(directory)


@pytest.fixture(scope="module")
def decoded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("decoded")


@pytest.mark.parametrize(
    ("scenario", "digest"),
    [
        ("random", "42a7729915f41c5dd0aa83a0cc62c48cc915b38dc0ac3bb9019107cdf7403569"),
        ("full_class", "54ae1bcc105926bc284762779d88cc7cd8c32b4a0f11e503f1ccfae348349241"),
    ],
)
def test_a_clean_split_is_known_by_what_it_was_known_by_before_there_was_poison(decoded, scenario, digest) -> None:
    cell = cell_of(decoded, scenario)
    assert cell.split_digest == digest
    assert cell.fingerprint == "4cda31543293f09ded4d94e1b0831eeaec488b68d1bab8509fece6305eab2168"
    assert cell.fingerprint == cache.fingerprint(Path(cell.data_path))


@pytest.mark.parametrize("scenario", POISONS)
def test_a_poisoned_original_is_another_for_every_forget_stream_and_never_the_clean_one(decoded, scenario) -> None:
    clean, first, other = (
        cell_of(decoded, name, forget=draw) for name, draw in [("random", 0), (scenario, 0), (scenario, 1)]
    )
    again = cell_of(decoded, scenario, forget=0)
    assert len({cell.key("original") for cell in (clean, first, other)}) == 3
    assert again.key("original") == first.key("original")
    assert again.key("unlearned") == first.key("unlearned")
    assert first.located_like(other).key("original") == other.key("original")


@pytest.mark.parametrize("scenario", POISONS)
def test_every_stage_of_a_cell_sees_the_poisoned_images(decoded: Path, tmp_path: Path, scenario: str) -> None:
    prepared = Prepared(cell_of(decoded, scenario), Workplace(output_dir=str(tmp_path), device="cpu"))
    split, data, images = prepared.split, prepared.data, prepared.training_images
    assert data is split.data is images.data
    assert data.fingerprint == prepared.cell.fingerprint
    assert np.array_equal(images.indices, np.sort(np.append(split.forget.indices, split.retain.indices)))
    assert isinstance(data.pixels, Extended)
    assert data.pixels.base is prepared.cell.decoded.pixels


def test_what_is_done_to_a_split_is_not_seen_by_the_next_stage(decoded: Path) -> None:
    cell = cell_of(decoded, "backdoor")
    split = cell.split()
    split.forget.targets[:] = 7
    split.extra["triggered_test"].indices[:] = 0
    assert cell.split().digest == cell.split_digest
    assert cell.split().data is split.data


def test_what_a_method_does_to_its_split_is_not_seen_by_the_evaluation(decoded: Path, tmp_path: Path) -> None:
    prepared = Prepared(cell_of(decoded, "backdoor"), Workplace(output_dir=str(tmp_path), device="cpu"))
    for _ in range(2):  # before the shared split is first asked for, and after
        split = prepared.own_split()
        split.forget.targets[:] = 7
        split.extra["triggered_test"].indices[:] = 0
        assert prepared.split.digest == prepared.cell.split_digest
    assert prepared.split is prepared.split


@pytest.mark.parametrize("name", POISONS)
def test_an_experiment_plants_what_its_metric_looks_for_beside_the_noise_floor(name: str) -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("config", [f"experiment={name}"], return_hydra_config=True)
    assert build(config.scenario)(tiny_data(), rng()).planted
    assert {name, "accuracy", "membership"} <= set(config.metric)
    assert "retrain" in config.hydra.sweeper.params.method.split(",")


SMALL = ("model.widths=[4,8]", "recipe.epochs=2")


def sweep(directory: Path, *arguments: str) -> Path:
    """A clean scenario and all that poison, in one store."""
    scenarios, metrics = ",".join(["random", *POISONS]), f"metric=[accuracy,{','.join(POISONS)}]"
    command = ("-m", f"scenario={scenarios}", "method=finetune", "seed=0,1", metrics, *arguments)
    done = command_line(*command, cwd=directory, timeout=500)
    assert done.returncode == 0, done.stderr
    return directory / "outputs"


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sweep(tmp_path_factory.mktemp("swept"), *SMALL)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With models that learn what there is to learn."""
    return sweep(tmp_path_factory.mktemp("trained"))


def rows(outputs: Path, scenario: str) -> list[dict[str, Any]]:
    found = [json.loads(path.read_text()) for path in sorted((outputs / "rows").glob("*.json"))]
    return sorted((row for row in found if row["scenario"] == scenario), key=lambda row: row["seed"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scenario", "column", "with_trace", "without"),
    [
        ("interclass_confusion", "interclass_confusion/error", 0.25, 0.12),
        ("backdoor", "backdoor/attack_success", 0.8, 0.1),
        ("gaussian_poison", "gaussian_poison/z", 2.5, 2.5),
    ],
)
@pytest.mark.exhaustive
def test_an_original_shows_what_was_planted_and_a_reference_does_not(
    trained: Path, scenario: str, column: str, with_trace: float, without: float
) -> None:
    for row in rows(trained, scenario):
        assert row["original"][column] > with_trace
        assert row["reference"][column] < without
        assert row["original"]["accuracy/forget"] > 0.9  # it has learnt what was planted


@pytest.mark.slow
def test_clean_and_poisoned_cells_share_a_store_and_no_model(swept: Path) -> None:
    outputs = swept
    keys = {
        stage: {
            row["provenance"]["keys"][stage] for scenario in ("random", *POISONS) for row in rows(outputs, scenario)
        }
        for stage in ("original", "reference", "unlearned")
    }
    assert {stage: len(found) for stage, found in keys.items()} == {"original": 8, "reference": 8, "unlearned": 8}
    assert len(list((outputs / "store" / "original").glob("*/*/manifest.json"))) == 8
    sources = {row["provenance"]["data_fingerprint"] for name in ("random", *POISONS) for row in rows(outputs, name)}
    assert len(sources) == 1
    assert set(load(outputs)["data"]) == {"digits"}  # so a table pools the seeds of a scenario, whatever each planted
    for scenario in POISONS:
        assert len({row["forget_digest"] for row in rows(outputs, scenario)}) == 2
        (_, second) = rows(outputs, scenario)
        assert second["sets"]["forget"] in (4, 20)
    clean, _ = rows(outputs, "random")
    assert clean["metrics"]["backdoor/attack_success"] is None
    assert clean["reasons"]["metrics"]["backdoor/attack_success"].endswith("type scenario=backdoor")


@pytest.mark.slow
def test_a_clean_row_has_the_same_bits_where_others_are_poisoned(swept: Path, tmp_path: Path) -> None:
    done = command_line("method=finetune", "seed=1", "metric=accuracy", *SMALL, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (alone,), (_, beside) = rows(tmp_path / "outputs", "random"), rows(swept, "random")
    assert alone["cell"] == beside["cell"]
    assert alone["provenance"]["keys"] == beside["provenance"]["keys"]
    for part in ("metrics", "reference", "original"):
        assert alone[part].items() <= beside[part].items()
