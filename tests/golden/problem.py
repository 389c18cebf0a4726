"""The small problem on which the authors' own code and ours are run: see README.md.

Everything is computed in float64, so that what differs between two processors or two versions of torch stays below
1e-9 of a method's way, and what differs between two methods is seen. Images, sets and initial weights come from NumPy's
generators, which are the same everywhere; the trained originals are stored.

    python -m tests.golden.problem      trains them anew, and says how well they do
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from supreme.core import Context, Split
from supreme.core.images import ImageData, Images
from supreme.functional.classifier import Classifier
from supreme.models.resnet18 import BasicBlock
from supreme.models.small_cnn import SmallCNN
from supreme.recipes import Recipe

VERSION = 1
"""To be raised when anything below changes: the numbers of every case hold for one version."""
ORIGINALS = Path(__file__).with_name("originals.safetensors")
MODELS = ("resnet", "cnn", "linear")
SCENARIOS = ("random", "class", "few")
SIZES = (43, 37, 45, 31, 41, 38, 44, 36, 42, 40)
"""Training images of each class: 397, of which every seventeenth has another label."""
FORGET_CLASS = 3
RECIPE: dict[str, Any] = {
    "optimizer": "sgd",
    "lr": 0.1,
    "momentum": 0.9,
    "nesterov": False,
    "weight_decay": 5e-4,
    "batch_size": 64,
    "epochs": 14,
    "schedule": "cosine",
    "milestones": [],
    "gamma": 0.1,
    "warmup_epochs": 0.0,
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


@cache
def data() -> ImageData:
    """397 training, 40 validation and 120 test images of 16 x 16 pixels in ten classes, in mixed order."""
    rng = np.random.default_rng(20260129)
    counts = [(label, "train", size) for label, size in enumerate(SIZES)]
    counts += [(label, part, size) for part, size in (("validation", 4), ("test", 12)) for label in range(10)]
    labels = np.concatenate([np.full(size, label) for label, _, size in counts])
    parts = np.concatenate([np.full(size, part) for _, part, size in counts])
    order = rng.permutation(len(labels))
    labels, parts = labels[order], parts[order]
    coarse = rng.normal(0, 1, (10, 3, 4, 4))
    patterns = np.kron(coarse, np.ones((4, 4)))
    strength = rng.uniform(0.6, 1.4, (len(labels), 1, 1, 1))
    pixels = 128 + 26 * strength * patterns[labels] + rng.normal(0, 40, (len(labels), 3, 16, 16))
    pixels = np.clip(np.round(pixels), 0, 255).astype(np.uint8)
    labels[::17] = (labels[::17] + 1 + np.arange(len(labels[::17])) % 9) % 10
    train = np.flatnonzero(parts == "train")
    inside = pixels[train] / 255
    return ImageData(
        pixels=pixels,
        labels=labels.astype(np.int64),
        class_names=tuple(f"class {label}" for label in range(10)),
        train=train,
        validation=np.flatnonzero(parts == "validation"),
        test=np.flatnonzero(parts == "test"),
        image_size=16,
        mean=tuple(np.round(inside.mean((0, 2, 3)), 4).tolist()),
        std=tuple(np.round(inside.std((0, 2, 3)), 4).tolist()),
        fingerprint=f"golden {VERSION}",
    )


@cache
def split(scenario: str) -> Split:
    """random: every eleventh training image, 37; class: all images of class 3. Neither a multiple of a batch.

    few: every fifth image of both sets of random, 8 and 72, for what grows with the square of their number.
    """
    source = data()
    if scenario == "few":
        whole = split("random")
        return replace(whole, forget=whole.forget.subset(range(0, 37, 5)), retain=whole.retain.subset(range(0, 360, 5)))
    if scenario == "random":
        return Split.of_training(source, forget=source.train[::11], forget_test=source.test[:0])
    of_class = [part[source.labels[part] == FORGET_CLASS] for part in (source.train, source.test)]
    return Split.of_training(source, *of_class, forget_classes=(FORGET_CLASS,))


def fresh(name: str, number: int = 0) -> Classifier:
    """The model with initial weights: the same number, the same weights.

    resnet: a convolution and two residual blocks (8 and 16 channels). cnn: three stages (8, 16 and 32). Both have
    batch normalisation. linear: the head alone, for authors whose code knows nothing else.
    """
    source = data()
    if name == "cnn":
        model = SmallCNN(widths=[8, 16, 32])(10, 16, source.mean, source.std)
    elif name == "linear":
        model = Classifier(nn.Flatten(), nn.Linear(3 * 16 * 16, 10), source.mean, source.std)
    else:
        blocks = [BasicBlock(8, 8, stride=1), BasicBlock(8, 16, stride=2)]
        stem = [nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU()]
        body = nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        model = Classifier(body, nn.Linear(16, 10), source.mean, source.std)
    model = model.double()
    rng = np.random.default_rng([MODELS.index(name), number])
    for weight in model.parameters():
        if weight.dim() > 1:
            values = rng.normal(0, np.sqrt(2 / weight[0].numel()), tuple(weight.shape))
            weight.data.copy_(torch.from_numpy(values))
        elif weight is model.head.bias:
            weight.data.zero_()
    return model.eval()


def original(name: str) -> Classifier:
    """The model trained on all training images."""
    model = fresh(name)
    stored = load_file(ORIGINALS)
    state = {key.removeprefix(f"{name}."): tensor for key, tensor in stored.items() if key.startswith(f"{name}.")}
    model.load_state_dict(state)
    return model


def fit(model: Classifier, images: Images, *, augment: bool = True, constant_schedule: bool = False, **changes: Any):
    """Train it in place by `RECIPE`, with these fields changed; see `supreme.core.Fit`."""
    if constant_schedule:
        changes |= {"schedule": "constant"}
    recipe = Recipe(**{**RECIPE, **{name: value for name, value in changes.items() if value is not None}})
    return recipe(model, images, torch.Generator().manual_seed(0), augment=augment)


@dataclass(frozen=True)
class GoldenHistory:
    """The training of the original, replayed. Not kept: each call trains anew."""

    name: str
    epochs: int = RECIPE["epochs"]

    def weights_after(self, epochs: int) -> dict[str, Tensor]:
        model = fresh(self.name)
        if epochs == self.epochs:
            model = original(self.name)
        elif epochs:
            self._train(model, epochs * 7)
        return {key: tensor.detach().clone() for key, tensor in model.state_dict().items()}

    def updates_of(self, images: Images) -> dict[str, Tensor]:
        model, wanted = fresh(self.name), set(images.indices.tolist())
        before = {key: weight.detach().clone() for key, weight in model.named_parameters()}
        sums = {key: torch.zeros_like(weight) for key, weight in before.items()}

        def after_step(_steps: int, positions: Tensor) -> None:
            counts = not wanted.isdisjoint(data().train[positions.numpy()].tolist())
            for key, weight in model.named_parameters():
                sums[key] += (weight.detach() - before[key]) * counts
                before[key] = weight.detach().clone()

        self._train(model, None, after_step)
        return sums

    def _train(self, model: Classifier, steps: int | None, after_step: Any = lambda steps, positions: None) -> None:
        class EnoughError(Exception):
            pass

        def told(done: int, positions: Tensor) -> None:
            after_step(done, positions)
            if done == steps:
                raise EnoughError

        try:
            Recipe(**RECIPE)(model, data().view(data().train), torch.Generator(), after_step=told)
        except EnoughError:
            model.eval()


def context(name: str, seed: int = 0) -> Context:
    """What a method is given beside model and split. `fresh()` gives `fresh(name, 1)`, then 2, and so on."""
    calls = iter(range(1, 1000))
    return Context(
        device="cpu",
        rng=torch.Generator().manual_seed(seed),
        fresh=lambda: fresh(name, next(calls)),
        untrained=lambda: fresh(name, next(calls)),
        fit=fit,
        once=lambda name, settings, compute: compute(),
        history=GoldenHistory(name),
    )


class FixedDraws:
    """Draws of torch that depend on the kind, the shape, and how often both were asked for: on no generator.

    `torch.randperm(n)` is 0, 1, ..., n - 1, so that both programs see the batches in the order of the sets.
    """

    def __init__(self) -> None:
        self._counts: dict[tuple[Any, ...], int] = {}

    def uniform(self, shape: Any) -> np.ndarray:
        return self._next("uniform", shape).uniform(0, 1, tuple(shape))

    def normal(self, shape: Any) -> np.ndarray:
        return self._next("normal", shape).normal(0, 1, tuple(shape))

    def integers(self, low: int, high: int, shape: Any) -> np.ndarray:
        """low to high - 1."""
        return self._next("integers", shape, int(low), int(high)).integers(low, high, tuple(shape))

    def _next(self, kind: str, shape: Any, *more: int) -> np.random.Generator:
        key = (kind, tuple(shape), *more)
        self._counts[key] = self._counts.get(key, -1) + 1
        kinds = ("uniform", "normal", "integers")
        return np.random.default_rng([kinds.index(kind), *map(int, shape), *more, self._counts[key]])


@contextmanager
def fixed_draws() -> Iterator[FixedDraws]:
    """Inside, torch draws from `FixedDraws`, whatever generator it is given; NumPy and random are left alone."""
    draws = FixedDraws()

    def shape_of(size: tuple[Any, ...]) -> tuple[int, ...]:
        return tuple(size[0]) if len(size) == 1 and not isinstance(size[0], int) else tuple(size)

    def tensor(values: np.ndarray, dtype: torch.dtype | None) -> Tensor:
        return torch.from_numpy(np.asarray(values)).to(dtype or torch.get_default_dtype())

    def rand(*size: Any, dtype: Any = None, **_: Any) -> Tensor:
        return tensor(draws.uniform(shape_of(size)), dtype)

    def randn(*size: Any, dtype: Any = None, **_: Any) -> Tensor:
        return tensor(draws.normal(shape_of(size)), dtype)

    def randint(low: int, high: Any = None, size: Any = None, dtype: Any = None, **_: Any) -> Tensor:
        if size is None:
            low, high, size = 0, low, high
        return tensor(draws.integers(low, high, tuple(size)), dtype or torch.int64)

    def normal_(self: Tensor, mean: float = 0.0, std: float = 1.0, **_: Any) -> Tensor:
        return self.data.copy_(mean + std * torch.from_numpy(draws.normal(self.shape)))

    def uniform_(self: Tensor, low: float = 0.0, high: float = 1.0, **_: Any) -> Tensor:
        return self.data.copy_(low + (high - low) * torch.from_numpy(draws.uniform(self.shape)))

    def exponential_(self: Tensor, lambd: float = 1.0, **_: Any) -> Tensor:
        return self.data.copy_(-torch.from_numpy(np.log1p(-draws.uniform(self.shape))) / lambd)

    with (
        patch.object(torch, "randperm", lambda n, **_: torch.arange(n)),
        patch.object(torch, "rand", rand),
        patch.object(torch, "randn", randn),
        patch.object(torch, "rand_like", lambda like, **_: tensor(draws.uniform(like.shape), like.dtype)),
        patch.object(torch, "randn_like", lambda like, **_: tensor(draws.normal(like.shape), like.dtype)),
        patch.object(torch, "randint", randint),
        patch.object(Tensor, "normal_", normal_),
        patch.object(Tensor, "uniform_", uniform_),
        patch.object(Tensor, "exponential_", exponential_),
    ):
        yield draws


NUDGE = 1e-14
"""Relative: what rounding does to a weight anyway, some times over."""


def unlearned(
    method: Any, model: str, scenario: str, seed: int | None = None, nudge: int | None = None
) -> dict[str, Tensor]:
    """The state that our method leaves; with fixed draws, or with a seed with torch's own.

    Args:
        nudge: number of a draw that moves each weight of the original by about `NUDGE` of itself; None: not at all.
    """
    start = copy.deepcopy(original(model))
    if nudge is not None:
        rng = np.random.default_rng(nudge)
        for weight in start.parameters():
            weight.data *= 1 + NUDGE * torch.from_numpy(rng.normal(size=tuple(weight.shape)))
    with fixed_draws() if seed is None else nullcontext():
        return method(start, split(scenario), context(model, seed or 0)).state_dict()


def main() -> None:
    states = {}
    with fixed_draws():
        for name in MODELS:
            model = fit(fresh(name), data().view(data().train))
            states |= {f"{name}.{key}": tensor.clone() for key, tensor in model.state_dict().items()}
            for part in ("train", "test"):
                x, y = next(data().view(getattr(data(), part)).batches(1000))
                print(
                    name,
                    sum(w.numel() for w in model.parameters()),
                    part,
                    float((model(x).argmax(1) == y).double().mean()),
                )
    save_file(states, ORIGINALS)


if __name__ == "__main__":
    main()
