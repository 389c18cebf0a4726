"""Items of foreign data sets into one file of pixels: one after the other, and going on after a kill where it was.

An item is a pair of an image and a label, as torch's data sets give them. They are read in this thread, since nobody
promises that several threads may read at once. A journal states of each part its SHA-256.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from supreme.core import SupremeError
from supreme.core.canonical import parse
from supreme.data.labels import Label, label_of
from supreme.data.pictures import pixels_of, square
from supreme.store.decoded.cache import JOURNAL, PIXELS

PART = 256
"""Items in a part: 50 MB at 256 x 256."""
LOOKED_AT = 32
"""Items of each set that are read twice: of a flip that is drawn for each, one data set in 4 billion escapes."""

Progress = Callable[[int, int], None]


class Items(Protocol):
    """A map-style data set."""

    def __len__(self) -> int: ...

    def __getitem__(self, position: int, /) -> Any: ...


class Decoded(NamedTuple):
    """What all items come to, one set after the other."""

    pixels: np.ndarray
    """uint8, N x 3 x S x S."""
    labels: Mapping[str, list[Label]]
    """By the name of the set."""


def decoded(sets: Mapping[str, Items], size: int | None, folder: Path | None, progress: Progress) -> Decoded:
    """Read every item of these sets once.

    Args:
        sets: by the name that messages give them.
        size: side of the square that is kept; None: that of the images, which must all have the same.
        folder: where `images.npy` goes, perhaps with what an earlier call has left; None: into memory.
        progress: told how many items are done, and of how many.

    Raises:
        SupremeError: a set has no items, an item cannot be read or is none, or reading it twice gives two images.
    """
    counts = {name: _count(name, items) for name, items in sets.items()}
    for name, items in sets.items():
        _refuse_random(name, items, counts[name])
    first, total = next(iter(sets)), sum(counts.values())
    side = size or min(_item(first, sets[first], 0)[0].shape[:2])
    shape = (total, 3, side, side)
    known = {} if folder is None else _journal(folder / JOURNAL)
    pixels = np.empty(shape, np.uint8) if folder is None else _mapped(folder / PIXELS, shape, known)
    places = [(name, items, number) for name, items in sets.items() for number in range(counts[name])]
    labels: list[Label] = []
    for start in range(0, total, PART):
        block = pixels[start : start + PART]
        if start in known and hashlib.sha256(block.data).hexdigest() == known[start][0]:
            labels += known[start][1]
        else:
            some: list[Label] = []
            for row, (name, items, number) in zip(block, places[start : start + PART], strict=True):
                image, label = _item(name, items, number)
                _refuse_other_size(name, number, image, size, side)
                row[:] = square(image, side)
                some.append(label)
            labels += some
            if folder is not None:
                pixels.flush()  # type: ignore[attr-defined]  # a memory map
                with (folder / JOURNAL).open("a") as journal:
                    journal.write(json.dumps([start, hashlib.sha256(block.data).hexdigest(), some]) + "\n")
        progress(len(labels), total)
    ends = np.cumsum(list(counts.values())).tolist()
    parts = {name: labels[end - counts[name] : end] for name, end in zip(counts, ends, strict=True)}
    return Decoded(pixels if folder is None else np.load(folder / PIXELS, mmap_mode="r"), parts)


def _count(name: str, items: Items) -> int:
    try:
        count = len(items)
    except Exception as error:  # foreign code
        raise SupremeError(
            f"{name} does not say how many items it has ({type(error).__name__}: {error}): give a map-style data set, "
            "with __len__ and __getitem__"
        ) from error
    if count < 1:
        raise SupremeError(f"{name} has no items")
    return count


def _item(name: str, items: Items, number: int) -> tuple[np.ndarray, Label]:
    """uint8 H x W x 3, and the label."""
    try:
        item = items[number]
    except Exception as error:  # foreign code
        raise SupremeError(
            f"item {number} of {name} cannot be read ({type(error).__name__}: {error}): mend it or leave it out"
        ) from error
    if not isinstance(item, tuple | list) or len(item) != 2:
        found = f"{len(item)} parts" if isinstance(item, tuple | list) else f"a {type(item).__name__}"
        raise SupremeError(f"item {number} of {name} is {found}: give a pair of an image and a label")
    try:
        return pixels_of(item[0]), label_of(item[1])
    except SupremeError as error:
        raise SupremeError(f"item {number} of {name} cannot be used: {error}") from error


def _refuse_random(name: str, items: Items, count: int) -> None:
    """A data set that draws its images anew at each reading has no certain ones that could be forgotten."""
    for number in sorted({count * step // LOOKED_AT for step in range(LOOKED_AT)}):
        (image, label), (again, other) = _item(name, items, number), _item(name, items, number)
        if label != other or image.shape != again.shape or not np.array_equal(image, again):
            raise SupremeError(
                f"item {number} of {name} is another one each time that it is read: take away its random transforms; "
                "training images are augmented by the recipe (recipe.augment...)"
            )


def _refuse_other_size(name: str, number: int, image: np.ndarray, size: int | None, side: int) -> None:
    if size is None and min(image.shape[:2]) != side:
        height, width = image.shape[:2]
        raise SupremeError(
            f"item {number} of {name} has {height} x {width} pixels, and others are {side} wide: say at which size to "
            "keep them, as in data.decode_size=32"
        )


def _mapped(path: Path, shape: tuple[int, ...], known: Mapping[int, Any]) -> np.ndarray:
    """The file of pixels, to write to: a new one, unless there are parts in it and it has this shape."""
    with suppress(OSError, ValueError):
        there = np.load(path, mmap_mode="r+")
        if known and there.shape == shape and there.dtype == np.uint8:
            return there
    return np.lib.format.open_memmap(path, "w+", np.uint8, shape)


def _journal(path: Path) -> dict[int, tuple[str, list[Label]]]:
    """Of each part that the journal states, by where it begins, its digest and its labels."""
    stated = {}
    path.touch()
    for line in path.read_text(errors="replace").splitlines():
        with suppress(ValueError, TypeError):  # the last line of a killed process may be cut
            start, digest, labels = parse(line)
            stated[int(start)] = (str(digest), list(labels))
    return stated
