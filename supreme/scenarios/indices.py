"""Forget the training images that a file lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge, Le

from supreme.core import Split, SupremeError
from supreme.core.images import ImageData
from supreme.core.validation import OneOf, PositiveInt, bounded
from supreme.scenarios.forget_list import positions, read, whole_classes
from supreme.scenarios.forget_list.chosen import Chooser


@bounded
@dataclass(frozen=True, kw_only=True)
class Indices:
    """The training images of a list: those that another paper forgot, say. Nothing is drawn.

    A list holds positions, or a truth for each image of the training set, or, of data that are files, their names.
    In a name `{seed}` stands for `seeds.forget`, so that each seed can have a list of its own.

    As with random images, `forget_test` is empty. A list of all training images of a class is refused: it is
    `full_class`, which sets the test images of the class apart.
    """

    file: str
    """A csv, tsv, txt, json, npy, npz, pt (weights only) or safetensors file. Results depend on what it holds, not on
    its path."""
    positions_in: Annotated[str, OneOf("train", "source")]
    """What positions count. train: the official training set where the data have one (as torchvision's train=True
    numbers it, with the images that validate here), else the images that train here, in the order of the source;
    source: all images of the source."""
    first: Annotated[int, Ge(0), Le(1)]
    """The number of the first image."""
    key: str | int | None
    """Which of several lists: a key of an npz, pt, safetensors or json file, `a.b` for one inside another; null: the
    only one, or the only one with a usual name (forget, indices, ...)."""
    column: str | int | None
    """Which column of a table, by name or by number from 0; null: the only one, or the only one with a usual name."""
    highest: PositiveInt | None
    """The file holds a score for each image of the training set, and so many with the highest scores are forgotten."""
    lowest: PositiveInt | None
    """The same with the lowest scores."""

    def __post_init__(self) -> None:
        if self.highest is not None and self.lowest is not None:
            raise SupremeError(
                f"highest={self.highest} with lowest={self.lowest} is not allowed: give one and set the other to null"
            )

    def __call__(self, data: ImageData, rng: np.random.Generator) -> Split:
        listed = read.values(self.file, Chooser(file=self.file, key=self.key, column=self.column))
        find = positions.Finder(data=data, file=self.file, positions_in=self.positions_in, first=self.first)
        if (count := self.highest or self.lowest) is None:
            chosen = find.of_values(listed)
        else:
            chosen = find.extreme(listed, count, highest=self.highest is not None)
        if len(chosen) < len(data.train):  # else the split says that nothing is left
            whole_classes.refuse(data, chosen, find.refuse)
        return Split.of_training(data, chosen, forget_test=data.test[:0])
