"""Swap labels between two classes, then forget the images whose labels were swapped."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
from annotated_types import Gt, Lt

from supreme.core import Split, SupremeError
from supreme.core.images import ImageData
from supreme.core.validation import PositiveInt, bounded
from supreme.scenarios import amounts, targets


@bounded
@dataclass(frozen=True, kw_only=True)
class InterclassConfusion:
    """Some training images of two classes, as many of each, get the label of the other class.

    The model takes one class for the other, on test images too: `metric=interclass_confusion` counts that.
    Goel et al. 2022, https://arxiv.org/abs/2201.06640

    Sets for evaluation: `clean_forget`, the forget set under its true labels, in its order. Planted: `classes`.
    """

    target: Any
    """The two classes, a list of names or numbers."""
    fraction: Annotated[float, Gt(0), Lt(1)] | None
    """Share of the training images of both, above 0 and below 1; the number is rounded up (null: see `count`)."""
    count: PositiveInt | None
    """Number of training images of both together; an odd one takes one more of the class with the higher number."""

    def __post_init__(self) -> None:
        amounts.check(self.fraction, self.count)
        targets.check(self.target)
        if not isinstance(self.target, list | tuple) or len(self.target) != 2:
            raise SupremeError(f"target={self.target!r} is not allowed: name two classes, as target=[0,1]")

    def __call__(self, data: ImageData, rng: np.random.Generator) -> Split:
        classes = targets.numbers(self.target, data.class_names, "class")
        parts = [data.train[data.labels[data.train] == number] for number in classes]
        count = amounts.number(self.fraction, self.count, sum(map(len, parts)))
        sizes = (count // 2, count - count // 2)
        for number, part, size in zip(classes, parts, sizes, strict=True):
            if size >= len(part):
                name = data.class_names[number]
                raise SupremeError(
                    f"swapping the labels of {size} of the {len(part)} training images of {name!r} leaves none right: "
                    "swap fewer"
                )
        chosen = np.sort(
            np.concatenate([rng.permutation(part)[:size] for part, size in zip(parts, sizes, strict=True)])
        )
        swapped = sum(classes) - data.labels[chosen]
        poisoned = data.extended(chosen, np.asarray(data.pixels)[chosen], swapped, training=count)
        split = Split.of_training(poisoned, forget=poisoned.train[-count:], forget_test=data.test[:0])
        return replace(split, extra={"clean_forget": poisoned.view(chosen)}, planted={"classes": np.array(classes)})
