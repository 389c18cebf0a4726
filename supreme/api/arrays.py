"""Arrays of images and of labels, of whatever library they are, checked."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from supreme.core import SupremeError
from supreme.core.pixels import IntArray

CHANNELS = (1, 3)


def as_array(name: str, given: Any) -> np.ndarray:
    """A tensor on any device, an array or what numpy takes for one, as an array; not copied where that can be.

    Raises:
        SupremeError: it is none.
    """
    if isinstance(given, torch.Tensor):
        given = given.detach().cpu()
        if given.dtype == torch.bfloat16:
            given = given.float()
        return given.numpy()
    try:
        array = np.asarray(given)
    except (ValueError, TypeError) as error:
        raise SupremeError(f"{name} cannot be read as an array ({error})") from None
    if array.dtype == object or array.dtype.kind in "USV":
        raise SupremeError(f"{name} is no array of numbers but a {type(given).__name__}: give a tensor or an array")
    return array


def images_of(name: str, given: Any) -> np.ndarray:
    """uint8 N x C x H x W, or float32 N x ..., from the x of a pair.

    uint8 images N x H x W x C, as numpy and Pillow have them, and N x H x W are put into that order.

    Raises:
        SupremeError: they are integers of another kind, not finite, or not one entry for each image.
    """
    array = as_array(f"the x of {name}", given)
    if array.ndim < 2:
        raise SupremeError(f"the x of {name} has shape {_shape(array)}: give images N x C x H x W, then their labels")
    if array.dtype == np.uint8:
        return np.ascontiguousarray(channels_first(array))
    if array.dtype.kind != "f":
        raise SupremeError(
            f"the x of {name} is of {array.dtype}: give uint8, which is taken for pixels in [0, 255], or floats as the "
            "model takes them"
        )
    array = np.ascontiguousarray(array, dtype=np.float32)
    refuse_not_finite(f"the x of {name}", array)
    return array


def channels_first(array: np.ndarray) -> np.ndarray:
    """uint8 N x C x H x W, of N x H x W x C or N x H x W, too."""
    if array.ndim == 3:
        return array[:, None]
    if array.ndim == 4 and array.shape[1] not in CHANNELS and array.shape[3] in CHANNELS:
        return array.transpose(0, 3, 1, 2)
    return array


def labels_of(name: str, given: Any) -> IntArray:
    """int64, N.

    Raises:
        SupremeError: they are no whole numbers from 0 on, or not one for each image.
    """
    array = as_array(f"the labels of {name}", given)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        advice = "; of one-hot labels give y.argmax(1)" if array.ndim == 2 else ""
        raise SupremeError(
            f"the labels of {name} have shape {_shape(array)}: give one class number for each image{advice}"
        )
    if array.dtype.kind == "f" and array.size and not np.all(array == np.round(array)):
        raise SupremeError(f"the labels of {name} are not whole numbers: give class numbers from 0 on")
    if array.dtype.kind not in "iuf":
        raise SupremeError(f"the labels of {name} are of {array.dtype}: give class numbers from 0 on")
    if array.size and array.min() < 0:
        raise SupremeError(f"the labels of {name} go down to {array.min():g}: give class numbers from 0 on")
    return array.astype(np.int64)


def refuse_not_finite(what: str, array: np.ndarray) -> None:
    """Name the first row of an array N x ... that has a NaN or an infinite number."""
    step = max(1, (1 << 24) // max(1, array[:1].size))
    for start in range(0, len(array), step):
        block = array[start : start + step]
        finite = np.isfinite(block.reshape(len(block), -1)).all(axis=1)
        if not finite.all():
            raise SupremeError(f"{what} has a NaN or an infinite number in row {start + int(np.argmin(finite))}")


def _shape(array: np.ndarray) -> str:
    return " x ".join(map(str, array.shape)) or "a single number"
