"""One image, in whatever form a data set gives it, as the square of pixels that is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from supreme.core import SupremeError

if TYPE_CHECKING:
    from PIL.Image import Image

CHANNELS = (1, 3, 4)
"""Grey, RGB, and RGB with transparency, which is left out."""
TOLERANCE = 1e-6
"""How far a float may lie outside [0, 1]: interpolation rounds."""
FORMS = "a PIL image, a tensor C x H x W or an array H x W x C, of uint8 or of floats in [0, 1]"


def pixels_of(image: Any) -> np.ndarray:
    """An image as uint8, H x W x 3.

    Args:
        image: a PIL image of any 8-bit mode; or a tensor or array of uint8, of other integers from 0 to 255, of
            booleans, or of floats in [0, 1], grey or with 1, 3 or 4 channels. The channels of a tensor are looked for
            in front, those of an array at the end, and at the other side where there cannot be any.

    Raises:
        SupremeError: it is something else, or has other values; the sentence begins with "it" or "its".
    """
    if hasattr(image, "convert") and hasattr(image, "getbands"):
        return _of_pil(image)
    is_tensor = hasattr(image, "detach")
    array = image.detach().cpu().numpy() if is_tensor else image
    if not isinstance(array, np.ndarray):
        raise SupremeError(f"it gives a {type(image).__name__} where the image is expected: give {FORMS}")
    return _bytes_of(_channels_last(array, is_tensor))


def square(pixels: np.ndarray, size: int) -> np.ndarray:
    """The central square of uint8 H x W x 3 as uint8, 3 x size x size, resized with antialiasing."""
    height, width = pixels.shape[:2]
    if (height, width) == (size, size):
        return pixels.transpose(2, 0, 1)
    from PIL import Image

    side = min(height, width)
    left, top = (width - side) / 2, (height - side) / 2
    image = Image.fromarray(np.ascontiguousarray(pixels))
    resized = image.resize((size, size), Image.Resampling.BILINEAR, box=(left, top, left + side, top + side))
    return np.asarray(resized).transpose(2, 0, 1)


def _of_pil(image: Image) -> np.ndarray:
    if image.mode.startswith("I") or image.mode == "F":
        raise SupremeError(f"its image has more than 8 bits a channel (mode {image.mode}): convert it to 8 bits")
    return np.asarray(image.convert("RGB"))


def _channels_last(array: np.ndarray, in_front_first: bool) -> np.ndarray:
    """H x W x C, C being 1, 3 or 4."""
    if array.ndim == 2:
        array = array[:, :, None]
    sides = ([0] if in_front_first else []) + [2, 0]
    side = next((side for side in sides if array.ndim == 3 and array.shape[side] in CHANNELS), None)
    if side is None or 0 in array.shape:
        shape = " x ".join(map(str, array.shape)) or "a single number"
        raise SupremeError(f"its image has the shape {shape}: give H x W, or 1, 3 or 4 channels of H x W")
    return np.moveaxis(array, side, 2)


def _bytes_of(array: np.ndarray) -> np.ndarray:
    """uint8 H x W x 3 of H x W x C."""
    if array.shape[2] == 4:
        array = array[:, :, :3]
    if array.dtype == np.bool_:
        array = array.astype(np.uint8) * np.uint8(255)
    elif array.dtype != np.uint8:
        array = _scaled(array)
    return np.ascontiguousarray(np.broadcast_to(array, (*array.shape[:2], 3)))


def _scaled(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind not in "iuf":
        raise SupremeError(f"its image has values of the type {array.dtype}: give {FORMS}")
    floats = array.dtype.kind == "f"
    low, high = array.min().item(), array.max().item()
    most, slack = (1, TOLERANCE) if floats else (255, 0)
    if not -slack <= low <= high <= most + slack:  # false of NaN, too
        allowed = "floats must lie in [0, 1]" if floats else "whole numbers must lie in 0 to 255"
        advice = "take away the transform that moves them (Normalize, say): models normalise by themselves"
        raise SupremeError(f"the values of its image run from {low:.4g} to {high:.4g}, but {allowed}: {advice}")
    return np.rint(np.clip(array, 0, 1) * 255).astype(np.uint8) if floats else array.astype(np.uint8)
