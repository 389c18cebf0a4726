"""What image data come to: the mean and deviation of each channel, and a digest of everything."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from supreme.core.errors import SupremeError
from supreme.core.images import ImageData
from supreme.core.pixels import IntArray

_BLOCK_BYTES = 1 << 24

_CACHED_VALUES = 1 << 18
"""So many squares stay in a processor's cache."""


def channel_statistics(pixels: np.ndarray, positions: IntArray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and population standard deviation of each channel of these images, pixels in [0, 1].

    Both come from sums of integers: no rounding, no order. A channel that is the same everywhere, as the blue of a
    two-channel micrograph, tells nothing; 1 stands for its deviation, so that it can be divided by.

    Raises:
        SupremeError: every channel is constant.
    """
    with ThreadPoolExecutor() as threads:  # each takes its own block from the file; numpy lets the others run
        sums = list(threads.map(lambda part: _sums(pixels[part]), _parts(pixels, positions)))
    count = len(positions) * math.prod(pixels.shape[2:])
    means, deviations = [], []
    for channel in range(3):
        total, squares = (sum(one[channel][which] for one in sums) for which in (0, 1))
        means.append(total / count / 255)
        deviations.append(math.sqrt(count * squares - total * total) / count / 255)
    if max(deviations) == 0:
        raise SupremeError("every training image has the same colour everywhere: there is nothing to learn from them")
    return tuple(means), tuple(deviation or 1.0 for deviation in deviations)


def _sums(block: np.ndarray) -> list[tuple[int, int]]:
    """Of each channel, the sum of the values and of their squares."""
    sums = np.zeros((3, 2), dtype=np.uint64)
    step = max(1, _CACHED_VALUES // math.prod(block.shape[2:]))
    for start in range(0, len(block), step):
        for channel in range(3):
            values = block[start : start + step, channel]
            sums[channel, 0] += values.sum(dtype=np.uint64)
            sums[channel, 1] += np.square(values, dtype=np.uint32).sum(dtype=np.uint64)
    return [(total, squares) for total, squares in sums.tolist()]


def content_digest(data: ImageData) -> str:
    """SHA-256 of what a fingerprint says of image data; the same wherever the pixels are kept (a numpy array)."""
    pixels = np.asarray(data.pixels)
    digest = hashlib.sha256()
    facts = [
        list(pixels.shape),
        data.class_names,
        data.fine_names,
        data.image_size,
        [value.hex() for value in (*data.mean, *data.std)],
    ]
    digest.update(json.dumps(facts).encode())
    for part in _parts(pixels, np.arange(len(pixels))):
        digest.update(pixels[part].tobytes())
    fine = data.labels[:0] if data.fine_labels is None else data.fine_labels
    for name, array in zip("lftvs", (data.labels, fine, data.train, data.validation, data.test), strict=True):
        digest.update(f"|{name}{len(array)}|".encode() + array.astype("<i8").tobytes())
    if data.groups is not None:  # only then, so that data without groups keep the fingerprint that they always had
        digest.update(json.dumps(["groups", *data.group_names]).encode() + data.groups.astype("<i8").tobytes())
    return digest.hexdigest()


def _parts(pixels: np.ndarray, positions: IntArray) -> Iterator[IntArray]:
    """These positions, some megabytes of images at a time: they may live in a file larger than memory."""
    size = max(1, _BLOCK_BYTES // math.prod(pixels.shape[1:]))
    for start in range(0, len(positions), size):
        yield positions[start : start + size]
