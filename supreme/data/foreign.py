"""From the sets of a foreign source to `ImageData`: read, numbered, and dealt where it has no test set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from supreme.core import SupremeError
from supreme.core.images import ImageData
from supreme.data import files, labels, partition
from supreme.data.finish import finish
from supreme.data.item_decoding import Items, decoded
from supreme.data.partition import Partition

TRAINING, VALIDATION, TEST = "the training set", "the validation set", "the test set"
RENUMBER = "type data.labels=renumbered to number those that there are"


@dataclass(frozen=True, kw_only=True, eq=False)
class Sets:
    """What a foreign source has."""

    train: Items
    validation: Items | None
    """None: some of the training images validate."""
    test: Items | None
    """None: some of the training images test."""
    class_names: Sequence[str] | None
    """Of each label its class; None: nobody says."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How the items are read; see the fields of the same names of the sources."""

    what: str
    """What is read, for the progress bar."""
    image_size: int | None
    decode_size: int | None
    labels: str
    validation_fraction: float
    test_fraction: float
    split_seed: int

    def __post_init__(self) -> None:
        if self.image_size and self.decode_size and self.image_size > self.decode_size:
            raise SupremeError(
                f"image_size={self.image_size} with decode_size={self.decode_size} is not allowed: "
                "decode_size must be at least image_size"
            )
        if self.validation_fraction + self.test_fraction >= 1:
            raise SupremeError(
                f"validation_fraction={self.validation_fraction} with test_fraction={self.test_fraction} is not "
                "allowed: they leave nothing to train with; together they must be below 1"
            )


def image_data(sets: Sets, reading: Reading, folder: Path | None = None) -> ImageData:
    """Read these sets: the training images come first, then those that validate, then those that test.

    Args:
        folder: where the pixels go, perhaps with what an earlier call has left; None: into memory.

    Raises:
        SupremeError: something in them cannot be used.
    """
    named = {TRAINING: sets.train, VALIDATION: sets.validation, TEST: sets.test}
    given = {name: items for name, items in named.items() if items is not None}
    with files.shown(f"reading {reading.what}") as progress:
        pixels, found = decoded(given, reading.decode_size, folder, progress)
    numbers, class_names = labels.numbered(found, sets.class_names, reading.labels, RENUMBER)
    _refuse_splits_as_classes(class_names)
    return finish(
        pixels=pixels,
        labels=numbers,
        class_names=class_names,
        partition=_partition(numbers, {name: len(found.get(name, ())) for name in named}, class_names, reading),
        image_size=reading.image_size or pixels.shape[-1],
        official_train=len(found[TRAINING]) if TEST in found else 0,
    )


def classes_of(items: Any) -> list[str] | None:
    """The names of the classes, as torchvision's data sets give them; None where it does not."""
    named = getattr(items, "classes", None)
    if named is None and isinstance(by_name := getattr(items, "class_to_idx", None), Mapping):
        named = sorted(by_name, key=lambda name: by_name[name])
    if not isinstance(named, list | tuple) or not named:
        return None
    return [", ".join(map(str, name)) if isinstance(name, tuple) else str(name) for name in named]


def _partition(numbers: np.ndarray, counts: dict[str, int], class_names: Sequence[str], reading: Reading) -> Partition:
    """Sets of its own as they are; for what it lacks, some of the training images of each class."""
    training, validation = counts[TRAINING], counts[VALIDATION]
    dealt = partition.by_fraction(
        numbers[:training],
        class_names,
        validation=0.0 if validation else reading.validation_fraction,
        test=0.0 if counts[TEST] else reading.test_fraction,
        seed=reading.split_seed,
    )
    if validation:
        dealt = dealt._replace(validation=training + np.arange(validation))
    return dealt._replace(test=np.arange(training + validation, len(numbers))) if counts[TEST] else dealt


SPLITS = frozenset({"train", "training", "val", "valid", "validation", "test", "testing"})


def _refuse_splits_as_classes(class_names: Sequence[str]) -> None:
    if {name.lower() for name in class_names} <= SPLITS:
        raise SupremeError(
            f"the classes would be {' and '.join(class_names)}, which are the parts of a split: name the folder of "
            "each part (data.train_arguments={root: ...} data.test_arguments={root: ...}), or type data=image_folder"
        )
