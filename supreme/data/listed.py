"""The photographs of a source, and what is known of each without opening it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from supreme.core import IntArray

TRAIN, VALIDATION, TEST = "train", "validation", "test"
PARTS = (TRAIN, VALIDATION, TEST)
SPELLINGS = {
    **dict.fromkeys(("train", "training"), TRAIN),
    **dict.fromkeys(("val", "valid", "validation"), VALIDATION),
    **dict.fromkeys(("test", "testing"), TEST),
}
"""What people call the parts of a split, in whichever capitals."""


class Listed(NamedTuple):
    """Photographs in the source's own order."""

    paths: list[Path]
    labels: IntArray
    """int64, N."""
    class_names: list[str]
    """As folders or the table call them."""
    parts: list[str] | None
    """Of each photograph train, validation or test; None where the source says nothing of a split."""
    groups: list[str] | None = None
    """Of each photograph the person, or whatever else groups stand for; None where the source says nothing of them."""
    notes: tuple[str, ...] = ()
    """What a user may not expect of them."""

    def grouped(self) -> tuple[IntArray | None, tuple[str, ...]]:
        """The group of each photograph (int64, N) as a number, and the groups' names, as `ImageData` holds them."""
        if self.groups is None:
            return None, ()
        names = sorted({*self.groups}, key=in_order)
        numbers = {name: number for number, name in enumerate(names)}
        return np.array([numbers[name] for name in self.groups], dtype=np.int64), tuple(names)


def in_order(name: str) -> tuple[int, int, str]:
    """A key that sorts numbers as numbers, and names behind them."""
    return (0, int(name), name) if name.isdecimal() and name.isascii() else (1, 0, name)
