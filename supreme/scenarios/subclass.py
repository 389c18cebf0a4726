"""Forget parts of a class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from supreme.core import Split, SupremeError
from supreme.core.images import ImageData
from supreme.scenarios import targets


@dataclass(frozen=True, kw_only=True)
class Subclass:
    """Every training image of one subclass, or of several, while the class that contains it stays.

    The model learns classes only (vehicles), so it goes on answering for what it forgot (rockets).
    Nothing is drawn: all seeds forget the same images.
    """

    target: Any
    """Name or number of the subclass, or a list of them."""

    def __post_init__(self) -> None:
        targets.check(self.target)

    def __call__(self, data: ImageData, rng: np.random.Generator) -> Split:
        if data.fine_labels is None:
            raise SupremeError("these data have no subclasses: type data=cifar20, or scenario=full_class")
        forgotten = np.isin(data.fine_labels, targets.numbers(self.target, data.fine_names, "subclass"))
        return Split.of_training(
            data,
            forget=data.train[forgotten[data.train]],
            forget_test=data.test[forgotten[data.test]],
            forget_classes=tuple(np.unique(data.labels[forgotten]).tolist()),
        )
