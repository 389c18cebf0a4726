"""Images and labels in numpy files of one folder: what they are called, and how they are read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from supreme.core import SupremeError

PARTS = ("train", "validation", "test")
NAMES = "class_names.json"
FILES = tuple(f"{part}_{what}.npy" for part in PARTS for what in ("images", "labels"))


class Pairs:
    """An array of images and one of labels, as a data set."""

    def __init__(self, images: Any, labels: Any, where: str) -> None:
        if not len(images) == len(labels) > 0:
            raise SupremeError(f"{where} holds {len(images)} images and {len(labels)} labels: give one label for each")
        self.images, self.labels = images, labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, position: int) -> tuple[Any, Any]:
        label = self.labels[position]
        return self.images[position], str(label) if isinstance(label, str) else label


def array_of(path: Path) -> np.ndarray:
    """The array in this file, memory-mapped; nothing in it can run."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise SupremeError(f"{path} cannot be read as an array ({error}): save it with numpy.save") from error
    if array.ndim == 0:
        raise SupremeError(f"{path} holds a single number: save an array of all of them")
    return array


def names_of(path: Path) -> Sequence[str]:
    """The names of the classes, by the number of the class."""
    try:
        names = json.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise SupremeError(f"{path} cannot be read as a list of names ({error})") from error
    if not (isinstance(names, list) and names and all(isinstance(name, str) for name in names)):
        raise SupremeError(f'{path} must be a list of the names of the classes, as in ["cat", "dog"]')
    return names
