"""The training recipe: its schedule step by step, its loop against a transcription, and the published presets."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hydra import compose, initialize_config_dir
from torch import Tensor, nn

from supreme.core import Epoch, SupremeError, seeds
from supreme.core.images import ImageData, Images
from supreme.core.registry import build
from supreme.functional.classifier import Classifier
from supreme.models.small_cnn import SmallCNN
from supreme.pipeline.device import autocast
from supreme.recipes import Recipe
from supreme.testing import tiny_data
from tests.conf_files import CONF, node_of

PLAIN: dict[str, Any] = {
    "optimizer": "sgd",
    "lr": 0.1,
    "momentum": 0.9,
    "nesterov": False,
    "weight_decay": 0.01,
    "batch_size": 4,
    "epochs": 2,
    "schedule": "cosine",
    "milestones": [],
    "gamma": 0.2,
    "warmup_epochs": 1.0,
    "label_smoothing": 0.0,
    "crop_padding": 0,
    "horizontal_flip": False,
    "rotation_degrees": 0.0,
    "precision": "fp32",
    "channels_last": False,
    "compile": None,
    "warmup_from_zero": False,
    "original_keeps": "last",
    "original_milestone_shift": 0,
    "reference_batch_size": None,
}


def recipe(**changes: Any) -> Recipe:
    return Recipe(**{**PLAIN, **changes})


def some_images(count: int = 10) -> Images:
    """Noise of 4 x 4 pixels, three classes."""
    pixels = np.random.default_rng(0).integers(0, 256, (count, 3, 4, 4), dtype=np.uint8)
    everything = np.arange(count)
    data = ImageData(
        pixels=pixels,
        labels=everything % 3,
        class_names=("a", "b", "c"),
        train=everything,
        validation=everything[:0],
        test=everything[:0],
        image_size=4,
    )
    return data.view(everything)


def linear_model() -> Classifier:
    with seeds.scoped(1):
        return Classifier(nn.Flatten(), nn.Linear(48, 3), (0.4, 0.5, 0.6), (0.2, 0.3, 0.4))


def generator(seed: int = 7) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def trained(images: Images, seed: int = 7, augment: bool = True, **changes: Any) -> Tensor:
    """The weights of the linear model after training, in one row."""
    model = recipe(**changes)(linear_model(), images, generator(seed), augment=augment)
    return torch.cat([weight.detach().flatten() for weight in model.parameters()])


# The schedule.


def factors(steps_per_epoch: int, **changes: Any) -> list[float]:
    plan = recipe(**changes)
    return [plan.lr_factor(step, steps_per_epoch) for step in range(plan.epochs * steps_per_epoch)]


def test_warm_up_rises_by_equal_steps_and_ends_at_the_full_rate() -> None:
    assert factors(4, epochs=2, schedule="constant") == [0.25, 0.5, 0.75, 1, 1, 1, 1, 1]


def test_warm_up_may_end_inside_an_epoch() -> None:
    assert factors(3, epochs=2, schedule="constant", warmup_epochs=0.5) == pytest.approx([1 / 1.5, 1, 1, 1, 1, 1])


def test_without_warm_up_the_first_step_has_the_full_rate() -> None:
    assert factors(3, epochs=1, schedule="constant", warmup_epochs=0.0) == [1, 1, 1]


def test_the_rate_drops_exactly_after_the_milestone_epochs() -> None:
    expected = [0.5, 1, 1, 1, 0.2, 0.2, 0.04, 0.04, 0.04, 0.04]
    assert factors(2, epochs=5, schedule="multistep", milestones=[2, 3]) == pytest.approx(expected, rel=1e-12)


def test_the_cosine_starts_at_one_after_warm_up_and_never_reaches_zero() -> None:
    rates = factors(4, epochs=3, schedule="cosine")
    assert rates[:4] == [0.25, 0.5, 0.75, 1]
    assert rates[4:] == pytest.approx([(1 + math.cos(math.pi * step / 8)) / 2 for step in range(8)], rel=1e-12)
    assert rates[4] == 1
    assert rates[8] == pytest.approx(0.5)
    assert 0 < rates[-1] < 0.05


def test_a_recipe_of_warm_up_only_is_a_ramp() -> None:
    assert factors(4, epochs=1, schedule="cosine") == [0.25, 0.5, 0.75, 1]


@pytest.mark.parametrize("count", range(1, 10))
@pytest.mark.parametrize("batch_size", [1, 2, 3, 4, 20])
def test_the_schedule_counts_the_steps_that_are_taken(count: int, batch_size: int) -> None:
    asked: list[tuple[int, int]] = []

    class Recording(Recipe):
        def lr_factor(self, step: int, steps_per_epoch: int) -> float:
            asked.append((step, steps_per_epoch))
            return super().lr_factor(step, steps_per_epoch)

    Recording(**{**PLAIN, "batch_size": batch_size, "epochs": 3})(linear_model(), some_images(count), generator())
    steps_per_epoch = asked[0][1]
    assert asked == [(step, steps_per_epoch) for step in range(3 * steps_per_epoch)]


# The loop.


def transcription(images: Images, epochs: int, rates: list[float], **changes: Any) -> Tensor:
    """The same training in plain PyTorch, with the optimisers' reference implementations."""
    plan = {**PLAIN, **changes}
    rng, x_all = generator(), torch.from_numpy(np.asarray(images.data.pixels)) / 255
    x_all = (x_all - torch.tensor([0.4, 0.5, 0.6]).view(3, 1, 1)) / torch.tensor([0.2, 0.3, 0.4]).view(3, 1, 1)
    head = linear_model().head
    if plan["optimizer"] == "adamw":
        optimizer: torch.optim.Optimizer = torch.optim.AdamW(
            head.parameters(), weight_decay=plan["weight_decay"], foreach=False
        )
    else:
        optimizer = torch.optim.SGD(
            head.parameters(),
            momentum=plan["momentum"],
            nesterov=plan["nesterov"],
            weight_decay=plan["weight_decay"],
            foreach=False,
        )
    schedule: Iterator[float] = iter(rates)
    for _ in range(epochs):
        for part in torch.randperm(len(images), generator=rng).split(plan["batch_size"]):
            log_p = head(x_all[part].flatten(1)).log_softmax(1)
            right = log_p[range(len(part)), images.labels[part]]
            loss = -((1 - plan["label_smoothing"]) * right + plan["label_smoothing"] * log_p.mean(1)).mean()
            optimizer.param_groups[0]["lr"] = plan["lr"] * next(schedule)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert not list(schedule)
    return torch.cat([weight.detach().flatten() for weight in head.parameters()])


COSINE = [1 / 3, 2 / 3, 1, 1, 0.75, 0.25]
"""Two epochs of three steps, the first for warm-up."""


@pytest.mark.parametrize(
    ("rates", "changes"),
    [
        (COSINE, {}),
        (COSINE, {"nesterov": True}),
        (COSINE, {"momentum": 0.0, "weight_decay": 0.0}),
        (COSINE, {"label_smoothing": 0.3}),
        (COSINE, {"optimizer": "adamw", "lr": 0.01}),
        ([1, 1, 1, 0.2, 0.2, 0.2], {"schedule": "multistep", "milestones": [1], "warmup_epochs": 0.0}),
        ([1] * 6, {"schedule": "constant", "warmup_epochs": 0.0}),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)
def test_training_equals_its_transcription(rates: list[float], changes: dict[str, Any]) -> None:
    images = some_images(10)
    found, expected = trained(images, **changes), transcription(images, 2, rates, **changes)
    assert (found - expected).abs().max() < 1e-6
    assert (found - trained(images, seed=8, **changes)).abs().max() > 1e-4  # the order of the images is seen


def test_the_same_generator_gives_the_same_bits() -> None:
    changes = {"horizontal_flip": True, "crop_padding": 1, "rotation_degrees": 10.0}
    first, again, other = (trained(some_images(), seed, **changes) for seed in (7, 7, 8))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_training_draws_from_its_generator_alone() -> None:
    before = torch.random.get_rng_state()
    trained(some_images(), horizontal_flip=True, crop_padding=1, rotation_degrees=10.0)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_single_last_image_joins_the_batch_before_it() -> None:
    sizes: list[int] = []
    model = SmallCNN(widths=[4])(3, 4, (0.5,) * 3, (0.5,) * 3)
    model.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    recipe(epochs=2)(model, some_images(9), generator())
    assert sizes == [4, 5, 4, 5]


class Spy(nn.Module):
    """A body that keeps what it sees."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(x.clone())
        return x.flatten(1)


def seen_in_training(augment: bool, **changes: Any) -> tuple[Tensor, torch.Generator]:
    model, rng = Classifier(Spy(), nn.Linear(48, 3), (0.0,) * 3, (1.0,) * 3), generator()
    recipe(**changes)(model, some_images(), rng, augment=augment)
    return torch.cat(model.body.seen), rng  # type: ignore[arg-type]


AUGMENTED: dict[str, Any] = {"horizontal_flip": True, "crop_padding": 1, "rotation_degrees": 10.0}


def test_without_augmentation_nothing_but_the_order_is_drawn() -> None:
    _, rng = seen_in_training(augment=False, **AUGMENTED)
    order = generator()
    for _ in range(PLAIN["epochs"]):
        torch.randperm(10, generator=order)
    assert torch.equal(rng.get_state(), order.get_state())


def test_without_augmentation_the_model_sees_the_images_as_they_are() -> None:
    seen, _ = seen_in_training(augment=False, **AUGMENTED)
    rows = {tuple(row.tolist()) for row in (seen * 255).round().int().flatten(1)}
    assert rows == {tuple(row.tolist()) for row in some_images().data.pixels.reshape(10, -1)}


@pytest.mark.parametrize(
    "changes", [{name: value} for name, value in AUGMENTED.items()], ids=lambda value: next(iter(value))
)
def test_each_augmentation_of_the_recipe_changes_what_the_model_sees(changes: dict[str, Any]) -> None:
    seen, _ = seen_in_training(augment=True, **changes)
    plain, _ = seen_in_training(augment=False, **changes)
    assert not torch.equal(seen, plain)


def test_the_model_is_trained_in_place_and_comes_back_in_evaluation_mode() -> None:
    model = linear_model()
    before = model.head.weight.detach().clone()  # type: ignore[union-attr]
    assert recipe()(model, some_images(), generator()) is model
    assert not torch.equal(model.head.weight, before)  # type: ignore[arg-type]
    assert not any(module.training for module in model.modules())


def test_a_model_in_evaluation_mode_is_trained_in_training_mode() -> None:
    model = SmallCNN(widths=[4])(3, 4, (0.5,) * 3, (0.5,) * 3).eval()
    before = model.body[1].running_mean.clone()  # type: ignore[index, union-attr]
    recipe()(model, some_images(), generator())
    assert not torch.equal(model.body[1].running_mean, before)  # type: ignore[index, union-attr]


def test_progress_is_told_before_each_epoch_and_at_the_end() -> None:
    told: list[tuple[int, int, str]] = []
    recipe()(linear_model(), some_images(), generator(), progress=lambda *now: told.append(now))
    assert told == [(0, 2, "training epoch"), (1, 2, "training epoch"), (2, 2, "training epoch")]


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_an_epoch_tells_the_means_over_all_its_images_and_its_last_learning_rate(smoothing: float) -> None:
    told: list[Epoch] = []
    changes = {"lr": 1e-30, "label_smoothing": smoothing}  # so small that every batch meets the same weights
    recipe(**changes)(linear_model(), some_images(10), generator(), after_epoch=told.append)  # batches of 4, 4 and 2
    x, y = next(some_images(10).batches(10))
    logits = linear_model()(x).detach()
    loss = float(F.cross_entropy(logits, y, label_smoothing=smoothing))
    right = float((logits.argmax(1) == y).double().mean())
    assert 0 < right < 1
    assert [epoch.loss for epoch in told] == pytest.approx([loss, loss], rel=1e-6)
    assert [epoch.accuracy for epoch in told] == pytest.approx([right, right])
    assert [epoch.lr for epoch in told] == pytest.approx([1e-30, 0.25e-30])
    assert all(0 < epoch.seconds < 60 for epoch in told)


def test_training_on_no_image_is_refused() -> None:
    with pytest.raises(SupremeError, match="at least one image"):
        recipe()(linear_model(), some_images().subset([]), generator())


# Precision and memory format.


def learns(change: Callable[[Classifier], Classifier], precision: str) -> float:
    """Training accuracy on 120 easy images, four of them mislabelled; a class is a quarter."""
    data = tiny_data()
    with seeds.scoped(0):
        model = change(SmallCNN(widths=[8, 16])(4, 8, data.mean, data.std))
    images = data.view(data.train)
    with autocast("cpu", precision):
        recipe(batch_size=16, epochs=6, precision=precision)(model, images, generator())
    assert all(weight.dtype == torch.float32 for weight in model.parameters())
    x, y = next(images.batches(len(images)))
    return float((model(x).argmax(1) == y).double().mean())


def test_a_model_learns_in_bfloat16_and_its_weights_stay_float32() -> None:
    assert learns(lambda model: model, "bf16") > 0.9


def test_a_model_learns_with_its_channels_last() -> None:
    assert learns(lambda model: model.to(memory_format=torch.channels_last), "fp32") > 0.9  # type: ignore[call-overload]


# Values that are refused.


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": "lion"},
        {"schedule": "linear"},
        {"precision": "fp16"},
        {"lr": 0.0},
        {"lr": float("nan")},
        {"lr": float("inf")},
        {"batch_size": 0},
        {"epochs": 0},
        {"gamma": -0.2},
        {"momentum": -0.1},
        {"momentum": 1.0},
        {"weight_decay": float("nan")},
        {"warmup_epochs": -1.0},
        {"crop_padding": -1},
        {"rotation_degrees": -1.0},
        {"label_smoothing": 1.0},
        {"label_smoothing": -0.1},
        {"milestones": [0]},
        {"nesterov": True, "momentum": 0.0},
    ],
    ids=str,
)
def test_an_impossible_value_is_refused_by_name(changes: dict[str, Any]) -> None:
    name, value = next(iter(changes.items()))
    with pytest.raises(SupremeError, match=rf"{name}={str(value).lower() if value is True else ''}"):
        recipe(**changes)


# The published presets: SUPREME, arXiv 2606.00380; of the other networks of the CIFAR tables, as their YAML says.

RESNET18 = {
    "optimizer": "sgd",
    "lr": 0.1,
    "momentum": 0.9,
    "nesterov": False,
    "weight_decay": 5e-4,
    "batch_size": 64,
    "schedule": "multistep",
    "gamma": 0.2,
    "warmup_epochs": 1.0,
    "label_smoothing": 0.0,
    "crop_padding": 4,
    "horizontal_flip": True,
    "rotation_degrees": 15.0,
    "precision": "tf32",
}
VIT = {
    "optimizer": "adamw",
    "lr": 5e-5,
    "weight_decay": 0.01,
    "batch_size": 64,
    "schedule": "cosine",
    "milestones": [],
    "warmup_epochs": 1.0,
    "label_smoothing": 0.0,
    "horizontal_flip": True,
    "rotation_degrees": 0.0,
    "precision": "tf32",
}
PUBLISHED = {
    "cifar10-resnet18": {**RESNET18, "epochs": 20, "milestones": [8, 12, 16]},
    "cifar20-resnet18": {**RESNET18, "epochs": 40, "milestones": [15, 30, 35]},
    "cifar100-resnet18": {**RESNET18, "epochs": 200, "milestones": [60, 120, 160]},
    "pins-resnet18": {**RESNET18, "epochs": 200, "milestones": [60, 120, 160]},
    "caltech101-resnet18": {**RESNET18, "epochs": 100, "milestones": [30, 60, 80]},
    "cifar10-vit_b16": {**VIT, "epochs": 8},
    "cifar20-vit_b16": {**VIT, "epochs": 9},
    "cifar100-vit_b16": {**VIT, "epochs": 8},
    "pins_224-vit_b16": {**VIT, "epochs": 8, "crop_padding": 0},  # 256 pixels leave the crop of 224 its margin
    "caltech101_224-vit_b16": {**VIT, "epochs": 8, "crop_padding": 0},
}

SGD = {"optimizer": "sgd", "momentum": 0.9, "label_smoothing": 0.0, "horizontal_flip": True}
DROPS = {**SGD, "lr": 0.1, "nesterov": False, "schedule": "multistep", "warmup_epochs": 0.0, "crop_padding": 4}
HE = {**DROPS, "weight_decay": 1e-4, "batch_size": 128, "epochs": 182, "milestones": [91, 136], "gamma": 0.1}
KUANGLIU = {**SGD, "lr": 0.1, "schedule": "cosine", "weight_decay": 5e-4, "batch_size": 128, "epochs": 200}
WEIAICUNZAI = {**RESNET18, "batch_size": 128, "epochs": 200, "milestones": [60, 120, 160]}
WRN = {**DROPS, "nesterov": True, "weight_decay": 5e-4, "batch_size": 128, "epochs": 200, "gamma": 0.2}
OPTML = {**HE, "weight_decay": 5e-4, "batch_size": 256}
ALLCNN = {**DROPS, "lr": 0.05, "weight_decay": 1e-3, "epochs": 350, "milestones": [200, 250, 300], "crop_padding": 5}
PAGE = {**SGD, "lr": 0.4, "nesterov": True, "weight_decay": 5e-4, "batch_size": 512, "epochs": 24, "warmup_epochs": 5}
for _data in ("cifar10", "cifar100"):
    PUBLISHED |= {f"{_data}-resnet{depth}": HE for depth in (20, 32, 44, 56)}
    PUBLISHED |= {f"{_data}-resnet110": {**HE, "warmup_epochs": 1.0}}
    PUBLISHED |= {f"{_data}-wrn_28_10": WRN, f"{_data}-allcnn": ALLCNN, f"{_data}-resnet9": PAGE}
for _model in ("resnet34", "resnet50", "preact_resnet18"):
    PUBLISHED |= {f"cifar10-{_model}": KUANGLIU, f"cifar100-{_model}": WEIAICUNZAI}
PUBLISHED |= {"cifar10-vgg16_bn": OPTML, "cifar100-vgg16_bn": {**OPTML, "warmup_epochs": 75.0}}


def preset(name: str) -> dict[str, Any]:
    return node_of(CONF / "recipe" / f"{name}.yaml")


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_preset_has_the_published_values(name: str) -> None:
    given = preset(name)
    assert {field: given[field] for field in PUBLISHED[name]} == PUBLISHED[name]


def test_every_network_of_the_cifar_tables_has_a_recipe_for_cifar() -> None:
    models = {path.stem for path in (CONF / "model").glob("*.yaml")} - {"small_cnn", "timm"}
    assert {f"{data}-{model}" for data in ("cifar10", "cifar100") for model in models} <= set(PUBLISHED)


def test_a_pair_of_the_cifar_tables_is_composed_without_naming_its_recipe() -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("config", ["data=cifar100", "model=resnet110"])
    assert build(config.recipe).warmup_epochs == 1.0


def test_every_preset_for_a_pair_of_the_published_benchmark_is_in_the_table() -> None:
    names = {path.stem for path in (CONF / "recipe").glob("*-*.yaml")}
    assert {name for name in names if not name.startswith(("digits-", "fashion_mnist-", "orl_faces-"))} == set(
        PUBLISHED
    )


def test_every_preset_for_a_pair_names_data_and_a_model_that_exist() -> None:
    for path in (CONF / "recipe").glob("*-*.yaml"):
        data, model = path.stem.split("-")
        assert (CONF / "data" / f"{data}.yaml").is_file(), path.name
        assert (CONF / "model" / f"{model}.yaml").is_file(), path.name


@pytest.mark.parametrize("path", sorted((CONF / "recipe").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_milestones_of_a_preset_fall_inside_its_training_and_belong_to_multistep(path: Path) -> None:
    given = preset(path.stem)
    assert given["milestones"] == sorted(given["milestones"])
    assert all(0 < milestone < given["epochs"] for milestone in given["milestones"])
    assert bool(given["milestones"]) == (given["schedule"] == "multistep")
