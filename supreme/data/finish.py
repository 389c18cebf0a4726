"""From decoded pixels to `ImageData`: the one place that checks them, measures them and takes their fingerprint."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from supreme.core import IntArray, SupremeError
from supreme.core.content import channel_statistics, content_digest
from supreme.core.images import ImageData
from supreme.data.partition import Partition


def finish(
    *,
    pixels: np.ndarray,
    labels: IntArray,
    class_names: Sequence[str],
    partition: Partition,
    image_size: int,
    fine_labels: IntArray | None = None,
    fine_names: Sequence[str] = (),
    groups: IntArray | None = None,
    group_names: Sequence[str] = (),
    file_names: Sequence[str] | None = None,
    official_train: int = 0,
) -> ImageData:
    """The data source that these pixels (uint8, N x 3 x S x S) and labels (N) make; see `ImageData` for the others.

    Mean and standard deviation are exact (integer sums) and of the training images only, so that nothing is learnt
    from an image that is held out.

    Raises:
        SupremeError: the parts do not fit together.
    """
    _check(pixels, labels, class_names, partition, image_size)
    if fine_labels is not None:
        _check_labels("fine labels", fine_labels, fine_names, len(pixels))
    if groups is not None:
        _check_labels("groups", groups, group_names, len(pixels), "groups")
    if file_names is not None and not len(set(file_names)) == len(file_names) == len(pixels):
        raise SupremeError(f"file names must differ, and be one for each of the {len(pixels)} images")
    if not 0 <= official_train <= len(pixels):
        raise SupremeError(f"official_train={official_train} is not allowed: there are {len(pixels)} images")
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
        groups=None if groups is None else np.asarray(groups, dtype=np.int64),
        group_names=tuple(group_names),
        mean=mean,
        std=std,
        file_names=None if file_names is None else np.array([os.fsencode(name) for name in file_names]),
        official_train=official_train,
    )
    return replace(data, fingerprint=content_digest(data))


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


def _check_labels(what: str, labels: IntArray, names: Sequence[str], count: int, numbered: str = "classes") -> None:
    if repeated := sorted(name for name, times in Counter(names).items() if times > 1):
        raise SupremeError(f"two {numbered} have the same name: {', '.join(repeated)}")
    if len(labels) != count or labels.min() < 0 or labels.max() >= len(names):
        raise SupremeError(f"{what} must be one for each of the {count} images, from 0 to {len(names) - 1}")
