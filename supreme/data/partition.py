"""Which images train, validate and test: dealt class by class, from a seed of its own.

A class is dealt from a stream that depends only on the seed and on the number of the class, so the split changes
neither with the size at which the images are decoded nor with what another class holds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from supreme.core import IntArray, SupremeError


class Partition(NamedTuple):
    """Positions in the source, each array sorted; no position is in two of them."""

    train: IntArray
    validation: IntArray
    test: IntArray


def by_count(labels: IntArray, class_names: Sequence[str], *, train: int, validation: int, seed: int) -> Partition:
    """So many images of every class train and validate; the rest of the class, at least one image, tests."""

    def sizes(count: int) -> tuple[int, int] | None:
        return (train, validation) if count > train + validation else None

    return _dealt(labels, class_names, seed, sizes, f"{train} to train, {validation} to validate, at least 1 to test")


def by_fraction(
    labels: IntArray, class_names: Sequence[str], *, validation: float, test: float, seed: int
) -> Partition:
    """These fractions of every class validate and test; the rest of the class, at least one image, trains.

    Each number of images is rounded to the nearest (halves up) and is at least 1, unless its fraction is 0.
    """

    def sizes(count: int) -> tuple[int, int] | None:
        validating = _nearest(validation, count)
        training = count - validating - _nearest(test, count)
        return (training, validating) if training >= 1 else None

    wanted = ["train"] + ["validate"] * (validation > 0) + ["test"] * (test > 0)
    return _dealt(labels, class_names, seed, sizes, "at least 1 to " + ", 1 to ".join(wanted))


def of_training_by_count(
    labels: IntArray, class_names: Sequence[str], *, train: int | None, validation: int, seed: int
) -> Partition:
    """So many images of every class validate and so many train, None being all others; none tests.

    Validation images are dealt first: they do not depend on `train`, and fewer training images are some of more.
    """

    def sizes(count: int) -> tuple[int, int] | None:
        training = count - validation if train is None else train
        return (validation, training) if training >= 1 and training + validation <= count else None

    wanted = f"{train or 'at least 1'} to train, {validation} to validate"
    validating, training, _ = _dealt(labels, class_names, seed, sizes, wanted)
    return Partition(training, validating, np.arange(0))


def as_stated(
    labels: IntArray, class_names: Sequence[str], parts: Sequence[str], *, validation: float, seed: int
) -> Partition:
    """The split that the source states, `train`, `validation` or `test` for each image.

    Where it states no validation images, this fraction of the training images of every class is dealt, as by_fraction.
    """
    train, validating, test = (
        np.flatnonzero([part == which for part in parts]).astype(np.int64) for which in ("train", "validation", "test")
    )
    for which, positions in (("train", train), ("test", test)):
        lacking = set(range(len(class_names))) - set(labels[positions].tolist())
        if lacking:
            names = ", ".join(repr(class_names[number]) for number in sorted(lacking)[:3])
            more = f" and {len(lacking) - 3} more" if len(lacking) > 3 else ""
            raise SupremeError(f"no image of class {names}{more} is there to {which} with: every class needs one")
    if not len(validating):
        dealt = by_fraction(labels[train], class_names, validation=validation, test=0.0, seed=seed)
        train, validating = train[dealt.train], train[dealt.validation]
    return Partition(train, validating, test)


def _nearest(fraction: float, count: int) -> int:
    # Exact decimals: 0.15 of 10 is one and a half, whatever 0.15 is in binary.
    share = math.floor(Fraction(str(fraction)) * count + Fraction(1, 2))
    return max(1, share) if fraction else 0


def _dealt(
    labels: IntArray,
    class_names: Sequence[str],
    seed: int,
    sizes: Callable[[int], tuple[int, int] | None],
    wanted: str,
) -> Partition:
    """Deal every class by `sizes`: its number of images to how many train and validate, None when it is too small."""
    parts: tuple[list[IntArray], ...] = ([], [], [])
    for number, name in enumerate(class_names):
        positions = np.flatnonzero(labels == number)
        if (size := sizes(len(positions))) is None:
            raise SupremeError(f"class {name!r} has too few images for the split: {len(positions)}; it needs {wanted}")
        shuffled = np.random.default_rng([seed, number]).permutation(positions)
        for part, chosen in zip(parts, np.split(shuffled, np.cumsum(size)), strict=True):
            part.append(chosen)
    return Partition(*(np.sort(np.concatenate(part)).astype(np.int64) for part in parts))
