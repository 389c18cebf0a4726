"""Images as they are given to a network, as the pixels in [0, 1] that methods know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from supreme.api.reading import GivenSet
from supreme.api.sets import GivenSets
from supreme.core import SupremeError

TOLERANCE = 1e-3
"""How far outside of [0, 1] a pixel may lie once the normalisation is undone: what its rounding comes to, and more."""


def as_pixels(sets: GivenSets, mean: Sequence[float] | None, std: Sequence[float] | None) -> tuple[GivenSets, bool]:
    """The same sets with three channels in [0, 1], or uint8; and whether they had one channel.

    Args:
        mean, std: of each channel, where floats were normalised with them.

    Raises:
        SupremeError: they are no images, or do not lie in [0, 1].
    """
    if (mean is None) != (std is None):
        raise SupremeError("mean and std belong together: give both, or neither")
    shape = () if (first := sets.sets["forget"].pixels) is None else first.shape[1:]
    if len(shape) != 3 or shape[0] not in (1, 3):
        told = " x ".join(map(str, shape)) if shape else "labels alone"
        raise SupremeError(f"the sets hold {told}: a method needs images of one channel or three, N x C x H x W")
    grey = shape[0] == 1
    changed = {name: _readied(name, one, mean, std, grey) for name, one in sets.sets.items()}
    return GivenSets(sets=changed), grey


def _readied(
    name: str, one: GivenSet, mean: Sequence[float] | None, std: Sequence[float] | None, grey: bool
) -> GivenSet:
    pixels = one.pixels
    assert pixels is not None
    if pixels.dtype != np.uint8:
        pixels = _unnormalised(name, pixels, mean, std)
    if pixels is one.pixels and not grey:
        return one
    return replace(one, pixels=np.repeat(pixels, 3, axis=1) if grey else pixels, images=None)


def _unnormalised(
    name: str, pixels: np.ndarray, mean: Sequence[float] | None, std: Sequence[float] | None
) -> np.ndarray:
    if mean is not None and std is not None:
        center, spread = (np.asarray(values, np.float64).reshape(-1, 1, 1) for values in (mean, std))
        if {len(center), len(spread)} != {pixels.shape[1]} or not (spread > 0).all():
            raise SupremeError(
                f"mean={mean} std={std} is not allowed: give {pixels.shape[1]} numbers each, those of std above 0"
            )
        pixels = (pixels * spread + center).astype(np.float32)
    low, high = float(pixels.min()), float(pixels.max())
    if low < -TOLERANCE or high > 1 + TOLERANCE:
        advice = (
            "other mean and std were used than those that are given"
            if mean is not None
            else "give pixels in [0, 1], or say how they were normalised, as in mean=(0.485, 0.456, 0.406), "
            "std=(0.229, 0.224, 0.225)"
        )
        raise SupremeError(f"the images of {name} go from {low:.3g} to {high:.3g}: methods work on [0, 1], so {advice}")
    return pixels.clip(0, 1)


def example_of(sets: GivenSets, count: int = 2) -> Tensor:
    """Some images to try a network with, float32 B x 3 x H x W in [0, 1]."""
    pixels = sets.sets["retain"].pixels
    assert pixels is not None
    some = torch.from_numpy(np.array(pixels[:count]))
    return some.float().div(255) if some.dtype == torch.uint8 else some
