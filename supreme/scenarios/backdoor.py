"""Plant a backdoor in training images, then forget them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Gt, Le, Lt

from supreme.core import Split, SupremeError
from supreme.core.images import ImageData
from supreme.core.validation import PositiveInt, bounded
from supreme.scenarios import amounts, targets


@bounded
@dataclass(frozen=True, kw_only=True)
class Backdoor:
    """Some training images of other classes get a small bright square, the trigger, and the target class as label.

    The model learns to answer the target wherever it sees the trigger: `metric=backdoor` counts how often it does on
    test images. Gu et al. 2017 (BadNets), https://arxiv.org/abs/1708.06733

    Sets for evaluation: `triggered_test`, the test images of other classes with the trigger, under their true labels
    (held in memory once more). Planted: `target_class`. The trigger lies in the lower right corner of what a model sees
    in evaluation; a recipe that crops at random cuts it off now and then.
    """

    fraction: Annotated[float, Gt(0), Lt(1)] | None
    """Share of all training images, above 0 and below 1; the number is rounded up (null: `count` says how many)."""
    count: PositiveInt | None
    """Number of training images (null: `fraction` says how many)."""
    target: Any
    """Name or number of the class that the trigger stands for."""
    size: PositiveInt
    """Side of the square, in pixels of the decoded image."""
    value: Annotated[float, Ge(0), Le(1)]
    """Its brightness, from 0 to 1."""
    known_fraction: Annotated[float, Gt(0), Le(1)]
    """Share of the poisoned images that is found out and to be forgotten, above 0, at most 1; the number is rounded up.

    The rest stays in the retain set, and so in the reference: below 1, a method may do better than that one.
    """

    def __post_init__(self) -> None:
        amounts.check(self.fraction, self.count)
        targets.check(self.target)
        if isinstance(self.target, list | tuple):
            raise SupremeError(f"target={self.target!r} is not allowed: a backdoor leads to one class; name one")

    def __call__(self, data: ImageData, rng: np.random.Generator) -> Split:
        (target,) = targets.numbers(self.target, data.class_names, "class")
        others, tested = (part[data.labels[part] != target] for part in (data.train, data.test))
        count = amounts.number(self.fraction, self.count, len(data.train))
        if count >= len(others):
            raise SupremeError(
                f"poisoning {count} images leaves none of the {len(others)} of other classes clean: poison fewer"
            )
        origins = np.concatenate([rng.permutation(others)[:count], tested])
        labels = np.concatenate([np.full(count, target), data.labels[tested]])
        poisoned = data.extended(origins, self._triggered(data, origins), labels, training=count)
        copies = len(data.labels) + np.arange(len(origins))
        known = amounts.number(self.known_fraction, None, count)
        split = Split.of_training(poisoned, forget=copies[:known], forget_test=data.test[:0])
        return replace(
            split,
            extra={"triggered_test": poisoned.view(copies[count:])},
            planted={"target_class": np.array([target])},
        )

    def _triggered(self, data: ImageData, positions: np.ndarray) -> np.ndarray:
        """uint8, copies of the images at these positions with the trigger on them."""
        if self.size >= data.image_size:
            raise SupremeError(f"size={self.size} covers the whole image of {data.image_size} pixels: give less")
        pixels = np.asarray(data.pixels)[positions]
        end = (pixels.shape[-1] + data.image_size) // 2
        pixels[..., end - self.size : end, end - self.size : end] = round(255 * self.value)
        return pixels
