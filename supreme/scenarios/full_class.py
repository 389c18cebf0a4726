"""Forget whole classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from supreme.core import Split
from supreme.core.images import ImageData
from supreme.scenarios import targets


@dataclass(frozen=True, kw_only=True)
class FullClass:
    """Every training image of one class, or of several. Nothing is drawn: all seeds forget the same images."""

    target: Any
    """Name or number of the class, or a list of them."""

    def __post_init__(self) -> None:
        targets.check(self.target)

    def __call__(self, data: ImageData, rng: np.random.Generator) -> Split:
        classes = targets.numbers(self.target, data.class_names, "class")
        forgotten = np.isin(data.labels, classes)
        return Split.of_training(
            data,
            forget=data.train[forgotten[data.train]],
            forget_test=data.test[forgotten[data.test]],
            forget_classes=classes,
        )
