"""A tiny world to try methods in: images made of blobs, a small model, a plain training loop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from supreme.core import Context, Fit, Split, seeds
from supreme.core.images import ImageData, Images
from supreme.functional.classifier import Classifier


@dataclass(frozen=True, kw_only=True)
class World:
    """What a method is given: the original model, the split and the context."""

    model: Classifier
    split: Split
    context: Context


def tiny_data() -> ImageData:
    """160 images of 10 x 10 pixels, 4 classes of 2 subclasses, that differ in where a blob is and in its colour.

    Every thirtieth image is mislabelled. Seven people, who are no classes, have some of each.
    """
    rng = np.random.default_rng(0)
    fine = np.arange(160) % 8
    pixels = rng.normal(90, 25, (160, 3, 10, 10))
    for index, subclass in enumerate(fine):
        row, column = 1 + 4 * (subclass // 2 % 2), 1 + 4 * (subclass // 4)
        pixels[index, subclass % 2, row : row + 4, column : column + 4] += 110
    labels = fine // 2
    labels[::30] = (labels[::30] + 1) % 4
    pixels = np.clip(pixels, 0, 255).astype(np.uint8)
    inside = pixels[:120] / 255
    return ImageData(
        pixels=pixels,
        labels=labels,
        class_names=("one", "two", "three", "four"),
        train=np.arange(120),
        validation=np.arange(120, 136),
        test=np.arange(136, 160),
        image_size=8,
        fine_labels=fine,
        fine_names=tuple(f"{name}-{colour}" for name in ("one", "two", "three", "four") for colour in ("red", "green")),
        groups=np.arange(160) % 7,
        group_names=("Ann", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gus"),
        mean=tuple(inside.mean((0, 2, 3)).tolist()),
        std=tuple(inside.std((0, 2, 3)).tolist()),
        fingerprint="tiny",
    )


def tiny_model(data: ImageData, seed: int) -> Classifier:
    """A convolution, batch normalisation and a linear head: 364 weights."""
    with seeds.scoped(seed):
        body = nn.Sequential(
            nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten()
        )
        return Classifier(body, nn.Linear(32, data.num_classes), data.mean, data.std).eval()


def tiny_fit(rng: torch.Generator) -> Fit:
    """A training loop with nothing but SGD, drawing from this generator."""

    def fit(
        model: Classifier,
        images: Images,
        *,
        epochs: int | None = None,
        lr: float | None = None,
        batch_size: int | None = None,
        constant_schedule: bool = False,
        augment: bool = True,
    ) -> Classifier:
        optimizer = torch.optim.SGD(model.parameters(), lr=lr or 0.1, momentum=0.9)
        model.train()
        for _ in range(epochs or 6):
            for x, y in images.batches(batch_size or 32, rng, augment):
                loss = F.cross_entropy(model(x), y)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        return model.eval()

    return fit


@dataclass(frozen=True)
class TinyHistory:
    """The training of the tiny world's model, replayed epoch by epoch."""

    data: ImageData
    seed: int
    epochs: int = 6

    def weights_after(self, epochs: int) -> dict[str, Tensor]:
        model = tiny_model(self.data, self.seed)
        if epochs:
            tiny_fit(seeds.torch_generator("train", self.seed))(model, self.data.view(self.data.train), epochs=epochs)
        return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}

    def updates_of(self, images: Images) -> dict[str, Tensor]:
        """What the whole training added, as if every batch had held one of them."""
        before, after = self.weights_after(0), self.weights_after(self.epochs)
        return {name: after[name] - before[name] for name, _ in tiny_model(self.data, self.seed).named_parameters()}


def tiny_world(seed: int = 0) -> World:
    """A trained tiny model that is to forget the four mislabelled training images. The same seed, the same world."""
    data = tiny_data()
    return _world(data, Split.of_training(data, forget=data.train[::30], forget_test=data.test[:0]), seed)


def tiny_class_world(seed: int = 0) -> World:
    """The same model, which is to forget a whole class, the second one."""
    data = tiny_data()
    of_class = [part[data.labels[part] == 1] for part in (data.train, data.test)]
    return _world(data, Split.of_training(data, *of_class, forget_classes=(1,)), seed)


def _world(data: ImageData, split: Split, seed: int) -> World:
    rng = seeds.torch_generator("unlearn", seed)
    model = tiny_fit(seeds.torch_generator("train", seed))(tiny_model(data, seed), data.view(data.train))
    context = Context(
        device="cpu",
        rng=rng,
        fresh=lambda: tiny_model(data, int(torch.randint(2**62, (), generator=rng))),
        untrained=lambda: tiny_model(data, int(torch.randint(2**62, (), generator=rng))),
        fit=tiny_fit(rng),
        once=lambda name, settings, compute: compute(),
        history=TinyHistory(data, seed),
    )
    return World(model=model, split=split, context=context)
