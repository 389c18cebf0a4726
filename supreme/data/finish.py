"""From decoded pixels to `ImageData`: the one place that checks them, measures them and takes their fingerprint."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from supreme.core import IntArray, SupremeError
from supreme.data.partition import Partition
from supreme.images import ImageData

_BLOCK_BYTES = 1 << 24
_CACHED_VALUES = 1 << 18
"""So many squares stay in a processor's cache."""


def finish(
    *,
    pixels: np.ndarray,
    labels: IntArray,
    class_names: Sequence[str],
    partition: Partition,
    image_size: int,
    fine_labels: IntArray | None = None,
    fine_names: Sequence[str] = (),
) -> ImageData:
    """The data source that these pixels (uint8, N x 3 x S x S) and labels (N) make.

    Mean and standard deviation are exact (integer sums) and of the training images only, so that nothing is learnt
    from an image that is held out.

    Raises:
        SupremeError: the parts do not fit together.
    """
    _check(pixels, labels, class_names, partition, image_size)
    if fine_labels is not None:
        _check_labels("fine labels", fine_labels, fine_names, len(pixels))
    mean, std = channel_statistics(pixels, partition.train)
    data = ImageData(
        pixels=pixels,
        labels=np.asarray(labels, dtype=np.int64),
        class_names=tuple(class_names),
        train=partition.train,
        validation=partition.validation,
        test=partition.test,
        image_size=image_size,
        fine_labels=None if fine_labels is None else np.asarray(fine_labels, dtype=np.int64),
        fine_names=tuple(fine_names),
        mean=mean,
        std=std,
    )
    return replace(data, fingerprint=content_digest(data))


def channel_statistics(pixels: np.ndarray, positions: IntArray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and population standard deviation of each channel of these images, pixels in [0, 1].

    Both come from sums of integers: no rounding, no order.
    """
    with ThreadPoolExecutor() as threads:  # each takes its own block from the file; numpy lets the others run
        sums = list(threads.map(lambda part: _sums(pixels[part]), _parts(pixels, positions)))
    count = len(positions) * math.prod(pixels.shape[2:])
    means, deviations = [], []
    for channel in range(3):
        total, squares = (sum(one[channel][which] for one in sums) for which in (0, 1))
        means.append(total / count / 255)
        deviations.append(math.sqrt(count * squares - total * total) / count / 255)
    if min(deviations) == 0:
        raise SupremeError("every training image has the same colour everywhere: there is nothing to learn from them")
    return tuple(means), tuple(deviations)


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
    """SHA-256 of all that the data holds but its fingerprint; the same wherever the pixels are kept (a numpy array)."""
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
    return digest.hexdigest()


def _parts(pixels: np.ndarray, positions: IntArray) -> Iterator[IntArray]:
    """These positions, some megabytes of images at a time: they may live in a file larger than memory."""
    size = max(1, _BLOCK_BYTES // math.prod(pixels.shape[1:]))
    for start in range(0, len(positions), size):
        yield positions[start : start + size]


def _check(
    pixels: np.ndarray, labels: IntArray, class_names: Sequence[str], partition: Partition, image_size: int
) -> None:
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[1] != 3 or pixels.shape[2] != pixels.shape[3]:
        raise SupremeError(f"pixels must be uint8, N x 3 x S x S; given {pixels.dtype}, {pixels.shape}")
    if not (len(partition.train) and len(partition.test)):
        raise SupremeError("there must be images to train with and images to test with")
    if not 1 <= image_size <= pixels.shape[-1]:
        raise SupremeError(f"image_size={image_size} is not allowed: the images are {pixels.shape[-1]} pixels wide")
    _check_labels("labels", labels, class_names, len(pixels))
    if len(class_names) < 2:
        raise SupremeError(f"a classifier needs two classes or more; given {list(class_names)}")
    # A source may say that its training images test, too; they are then the same ones, and no accident.
    same = np.array_equal(partition.train, partition.test)
    used = np.concatenate(partition[:2] if same else partition)
    if len(np.unique(used)) != len(used) or not 0 <= used.min() <= used.max() < len(pixels):
        raise SupremeError("train, validation and test must not share images, nor name images that do not exist")


def _check_labels(what: str, labels: IntArray, names: Sequence[str], count: int) -> None:
    if repeated := sorted({name for name in names if list(names).count(name) > 1}):
        raise SupremeError(f"two classes have the same name: {', '.join(repeated)}")
    if len(labels) != count or labels.min() < 0 or labels.max() >= len(names):
        raise SupremeError(f"{what} must be one for each of the {count} images, from 0 to {len(names) - 1}")
