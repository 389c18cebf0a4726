"""Datasets read item by item, once, and a few items again: a random transform shows then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from supreme.api.arrays import as_array, refuse_not_finite
from supreme.api.given_images import room_for
from supreme.core import SupremeError, seeds
from supreme.core.pixels import IntArray

READ_AGAIN = 64
"""Items that are read a second time: the most that is random changes one of them."""

IMAGE_NAMES = ("image", "img", "pixel_values")
LABEL_NAMES = ("label", "labels")
"""What an item that is a mapping calls its parts."""


def items_read(name: str, dataset: Any) -> tuple[np.ndarray, IntArray]:
    """The images (uint8 or float32, N x ...) and labels (int64, N) of a Dataset, in its order.

    Raises:
        SupremeError: an item is no (image, label), cannot be read, has another shape than the first one, or is another
            one when it is read again.
    """
    try:
        count = len(dataset)
    except (TypeError, NotImplementedError):
        raise SupremeError(f"{name} has no length: give a Dataset with __len__, or (x, y)") from None
    if count == 0:
        raise SupremeError(f"{name} is empty: give at least one image")
    labels = np.empty(count, np.int64)
    with seeds.scoped(seeds.stream("evaluate", 0)):  # transforms may draw, and nobody's generators are to move
        first, labels[0] = _item(name, dataset, 0)
        pixels = room_for((count, *first.shape), first.dtype)
        pixels[0] = first
        for place in range(1, count):
            image, labels[place] = _item(name, dataset, place)
            if image.shape != first.shape or image.dtype != first.dtype:
                raise SupremeError(
                    f"{name}[{place}] is {_told(image)} and {name}[0] {_told(first)}: resize in the transform of the "
                    "dataset, so that all images are alike"
                )
            pixels[place] = image
    _refuse_random(name, dataset, pixels, labels)
    if pixels.dtype != np.uint8:
        refuse_not_finite(name, pixels)
    return pixels, labels


def _refuse_random(name: str, dataset: Any, pixels: np.ndarray, labels: IntArray) -> None:
    some = np.unique(np.linspace(0, len(labels) - 1, READ_AGAIN).astype(int))
    with seeds.scoped(seeds.stream("evaluate", 1)):
        for place in some:
            image, label = _item(name, dataset, int(place))
            if label != labels[place] or not np.array_equal(image, pixels[place], equal_nan=image.dtype != np.uint8):
                raise SupremeError(
                    f"{name}[{place}] is another image when it is read again: its transform is random, so no two "
                    "models would see the same; give a dataset whose transform is the one of evaluation"
                )


def _item(name: str, dataset: Any, place: int) -> tuple[np.ndarray, int]:
    try:
        item = dataset[place]
    except Exception as error:  # a third party's code
        raise SupremeError(f"{name}[{place}] cannot be read ({type(error).__name__}: {error})") from error
    image, label = _parts(name, place, item)
    return _image(f"{name}[{place}]", image), _label(f"{name}[{place}]", label)


def _parts(name: str, place: int, item: Any) -> tuple[Any, Any]:
    if isinstance(item, Mapping):
        found = [next((item[key] for key in names if key in item), None) for names in (IMAGE_NAMES, LABEL_NAMES)]
        if any(part is None for part in found):
            raise SupremeError(
                f"{name}[{place}] has {', '.join(map(str, item))}: an item needs image and label, under these names"
            )
        return found[0], found[1]
    if isinstance(item, tuple | list) and len(item) >= 2:
        return item[0], item[1]
    raise SupremeError(
        f"{name}[{place}] is a {type(item).__name__}: an item must be (image, label); "
        "a pair of arrays is given as a tuple, (x, y)"
    )


def _image(what: str, image: Any) -> np.ndarray:
    """uint8 or float32, C x H x W for pictures."""
    if not isinstance(image, torch.Tensor | np.ndarray):
        if not hasattr(image, "getbands"):  # Pillow's
            raise SupremeError(
                f"{what} has a {type(image).__name__} for an image: give a tensor, an array or a picture"
            )
        bands = image.getbands()
        if bands not in (("L",), ("R", "G", "B")):
            raise SupremeError(
                f"{what} is a picture of mode {image.mode}: convert it to RGB in the transform of the dataset"
            )
        array = np.array(image, dtype=np.uint8)
        return array[None] if array.ndim == 2 else np.ascontiguousarray(array.transpose(2, 0, 1))
    array = as_array(what, image)
    if array.ndim == 0:
        raise SupremeError(f"{what} has a single number for an image: give C x H x W")
    if array.dtype == np.uint8:
        if array.ndim == 2:
            return array[None]
        if array.ndim == 3 and array.shape[0] not in (1, 3) and array.shape[2] in (1, 3):
            return np.ascontiguousarray(array.transpose(2, 0, 1))
        return array
    if array.dtype.kind != "f":
        raise SupremeError(
            f"{what} is an image of {array.dtype}: give uint8 in [0, 255], or floats as the model takes them"
        )
    return array.astype(np.float32)


def _label(what: str, label: Any) -> int:
    array = as_array(f"the label of {what}", label)
    if array.size != 1 or array.dtype.kind not in "iuf" or float(array.reshape(())) != int(array.reshape(())):
        raise SupremeError(f"the label of {what} is {label!r:.60}: give a class number from 0 on")
    if (number := int(array.reshape(()))) < 0:
        raise SupremeError(f"the label of {what} is {number}: give a class number from 0 on")
    return number


def _told(image: np.ndarray) -> str:
    return f"{image.dtype} {' x '.join(map(str, image.shape))}"
