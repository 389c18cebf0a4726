"""Twins: images that are equal in every stored pixel. What is forgotten is still learnt from a retained twin."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np

from supreme.core.errors import SupremeError
from supreme.core.pixels import IntArray
from supreme.core.split import Split

KEEP, TOGETHER = "keep", "together"
"""Values of `data.twins`."""

DIGEST_BYTES = 16
_BLOCK = 256
"""Images that a thread takes at a time."""


def pixel_digests(pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> bytes:
    """BLAKE2b of each image's bytes (uint8, N x 3 x S x S; perhaps memory-mapped), 16 bytes each, one behind the other.

    Two different images have the same one with a probability of less than N^2 / 2^129.
    """

    def of_block(start: int) -> bytes:
        block = np.ascontiguousarray(pixels[start : start + _BLOCK])
        return b"".join(hashlib.blake2b(image.data, digest_size=DIGEST_BYTES).digest() for image in block)

    with ThreadPoolExecutor() as threads:  # hashing lets other threads run
        return b"".join(threads.map(of_block, range(0, len(pixels), _BLOCK)))


def group_numbers(digests: bytes) -> IntArray:
    """int64, N: of each image the position of the first one with the same digest, its own where it has no twin."""
    first: dict[bytes, int] = {}
    parts = (digests[start : start + DIGEST_BYTES] for start in range(0, len(digests), DIGEST_BYTES))
    return np.fromiter((first.setdefault(part, at) for at, part in enumerate(parts)), dtype=np.int64)


def has_twin(first: IntArray, second: IntArray, groups: IntArray) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Of each of these positions, whether another position among the second has the same image."""
    counts = np.bincount(groups[second], minlength=len(groups))
    return counts[groups[first]] > np.isin(first, second)


def has_contradiction(positions: IntArray, labels: IntArray, groups: IntArray) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Of each of these positions, whether another one of them has the same image under another label (N)."""
    own = groups[positions]
    pairs = np.unique(np.stack([own, labels]), axis=1)[0]
    return np.bincount(pairs, minlength=len(groups))[own] > 1


def twins_of(split: Split, groups: IntArray) -> dict[str, int]:
    """How many images of one set have a twin in another: those of forget in retain are `forget_retain`; zeros left out.

    train is forget and retain together; `train_other_class` counts its images with a twin of another class in it.
    """
    forget, retain = split.forget.indices, split.retain.indices
    sets = {"forget": forget, "retain": retain, "train": np.concatenate([forget, retain])}
    sets |= {"test": split.test.indices, "validation": split.validation.indices}
    labels = np.concatenate([split.forget.targets, split.retain.targets])
    found = {
        f"{one}_{other}": int(has_twin(sets[one], sets[other], groups).sum())
        for one, other in (
            ("forget", "retain"),
            ("forget", "test"),
            ("train", "test"),
            ("train", "validation"),
            ("validation", "test"),
        )
    }
    found["train_other_class"] = int(has_contradiction(sets["train"], labels, groups).sum())
    return {name: count for name, count in found.items() if count}


_PAIRS = (("train", "train"), ("train", "test"), ("train", "validation"), ("validation", "test"))
_NAMES = {"train": "training", "validation": "validation", "test": "test"}


def warning_of(sets: Mapping[str, IntArray], labels: IntArray, groups: IntArray) -> str:
    """What to warn of when data are decoded; empty where no image has a twin.

    Args:
        sets: positions, by train, validation and test.
        labels: of all images.
    """
    every = np.arange(len(groups))
    if not (count := int(has_twin(every, every, groups).sum())):
        return ""
    found = {pair: int(has_twin(sets[pair[0]], sets[pair[1]], groups).sum()) for pair in _PAIRS}
    parts = [f"{many} {_NAMES[one]} images to a {_NAMES[other]} image" for (one, other), many in found.items() if many]
    if apart := int(has_contradiction(every, labels, groups).sum()):
        parts.append(f"{apart} images to one with another label")
    return (
        f"{count} of {len(groups)} images are identical to another one ({', '.join(parts)}): what is forgotten may "
        "stay in the retain set; data.twins=together keeps identical images in one set"
    )


def together(split: Split, groups: IntArray) -> Split:
    """The split with twins on one side: training images join a twin in the forget set, and held-out images go.

    Held-out images are left out where a training image is their twin, and validation images where a test image is.
    What is trained on stays as it is, so the original is the same.

    Raises:
        SupremeError: the scenario says which classes, or which planted images, are forgotten, and a twin is another;
            or a set that must not be empty would be.
    """
    forget, retain = split.forget, split.retain
    train = np.concatenate([forget.indices, retain.indices])
    joins = has_twin(retain.indices, forget.indices, groups)
    if joins.any() and (split.forget_classes or split.planted):
        what = "classes" if split.forget_classes else "images with a plant"
        raise SupremeError(
            f"data.twins=together cannot be kept: the scenario forgets {what}, and {int(joins.sum())} other training "
            "images are identical to some of those; type data.twins=keep"
        )
    if joins.all():
        raise SupremeError(
            "data.twins=together leaves nothing to retain: every retained image is identical to a forgotten one; "
            "forget fewer images, or type data.twins=keep"
        )
    if joins.any():
        forget = forget.joined(retain.subset(np.flatnonzero(joins)))
        forget = forget.subset(np.argsort(forget.indices, kind="stable"))

    def held_out(name: str, *others: IntArray) -> dict[str, Any]:
        images = getattr(split, name)
        alike = [has_twin(images.indices, other, groups) & ~np.isin(images.indices, other) for other in others]
        return {name: images.subset(np.flatnonzero(~np.any(alike, axis=0)))}

    sets = held_out("test", train) | held_out("retain_test", train) | held_out("forget_test", train)
    sets |= held_out("validation", train, split.test.indices)
    if not len(sets["test"]):
        raise SupremeError(
            "data.twins=together leaves no test image: each is identical to a training image; type data.twins=keep"
        )
    return replace(split, forget=forget, retain=retain.subset(np.flatnonzero(~joins)), **sets)
