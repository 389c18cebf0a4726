"""Arrays of pixels: kept from being written to, put behind one another, and made into what a model eats.

Importing this module imports no torch.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    import torch
    from torch import Tensor


IntArray = np.ndarray[Any, np.dtype[np.int64]]
FileNames = np.ndarray[Any, np.dtype[np.bytes_]]

Picture = TypeVar("Picture", "np.ndarray", "Tensor")


def sealed(array: np.ndarray) -> np.ndarray:
    """A copy in memory that nobody can write to: numpy refuses it, and what goes past numpy ends its process."""
    if array.size == 0:
        return array
    with (
        tempfile.TemporaryFile() if not hasattr(os, "memfd_create") else open(os.memfd_create("sealed"), "w+b") as file
    ):
        file.write(np.ascontiguousarray(array).tobytes())
        file.flush()
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return np.frombuffer(mapped, array.dtype).reshape(array.shape)


@dataclass(frozen=True, eq=False)
class Extended:
    """The images of one array, then those of another, read as if they were one array. Neither is copied."""

    base: np.ndarray
    """N images; it may be memory-mapped."""
    added: np.ndarray
    """P images of the same shape and type, at positions N to N + P - 1."""

    def __len__(self) -> int:
        return len(self.base) + len(self.added)

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self), *self.base.shape[1:])

    @property
    def dtype(self) -> np.dtype:
        return self.base.dtype

    @property
    def nbytes(self) -> int:
        return self.base.nbytes + self.added.nbytes

    def __getitem__(self, indices: IntArray) -> np.ndarray:
        """The images at these positions, which are from 0."""
        in_base = indices < len(self.base)
        found = np.empty((len(indices), *self.base.shape[1:]), self.dtype)
        found[in_base] = self.base[indices[in_base]]
        found[~in_base] = self.added[indices[~in_base] - len(self.base)]
        return found

    def __array__(self, dtype: np.dtype | None = None, copy: bool | None = None) -> np.ndarray:
        return np.concatenate([self.base, self.added]).astype(dtype or self.dtype, copy=False)


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Random changes of a training image, drawn for each image on its own."""

    crop_padding: int = 0
    """Pad by this many black pixels on every side, then crop back at random."""
    horizontal_flip: bool = False
    rotation_degrees: float = 0.0
    """Rotate by an angle drawn uniformly from plus or minus this many degrees."""


def _gather(pixels: np.ndarray | Extended | Tensor, indices: IntArray, device: str) -> Tensor:
    """The uint8 rows at these indices, on the device. A numpy gather from a mapped file beats torch's five times."""
    import torch

    if isinstance(pixels, torch.Tensor):
        return pixels[_sent(torch.from_numpy(indices), pixels.device)].to(device)
    return _sent(torch.from_numpy(np.ascontiguousarray(pixels[indices])), device)


def _sent(tensor: Tensor, device: str | torch.device) -> Tensor:
    """The tensor on the device, without waiting until the device has done its earlier work.

    Apple's GPUs are waited for: they read the host's memory later, when it may hold something else.
    """
    import torch

    return tensor.to(device, non_blocking=torch.device(device).type != "mps")


def centre(pixels: Picture, size: int) -> Picture:
    """The square of this side in the middle: what a model sees in evaluation of ... x S x S pixels."""
    start = (pixels.shape[-1] - size) // 2
    return pixels[..., start : start + size, start : start + size]


def to_input(pixels: Tensor, size: int, augmentation: Augmentation, rng: torch.Generator | None) -> Tensor:
    """uint8 B x 3 x S x S -> float32 B x 3 x size x size in [0, 1], on the same device.

    Without a generator: the centre. With one: crop, flip and rotation, drawn for every image separately (a transform
    applied to a batch with one decision for all would be wrong for anything that studies memorisation). The draws are
    made on the CPU, so they do not depend on the device.
    """
    if rng is not None:
        pixels = _crop_and_flip(pixels, size, augmentation, rng)
    elif pixels.shape[-1] != size:
        pixels = centre(pixels, size)
    x = pixels.float().div_(255)
    if rng is not None and augmentation.rotation_degrees:
        x = _rotate(x, augmentation.rotation_degrees, rng)
    return x


def _crop_and_flip(pixels: Tensor, size: int, augmentation: Augmentation, rng: torch.Generator) -> Tensor:
    import torch
    import torch.nn.functional as F

    count, padding = len(pixels), augmentation.crop_padding
    room = pixels.shape[-1] + 2 * padding - size
    if room == 0 and not augmentation.horizontal_flip:
        return pixels
    if padding:
        pixels = F.pad(pixels, (padding,) * 4)
    corners = torch.randint(0, room + 1, (2, count, 1), generator=rng)
    rows, columns = corners + torch.arange(size)
    if augmentation.horizontal_flip:
        flipped = torch.rand(count, 1, generator=rng) < 0.5
        columns = torch.where(flipped, columns.flip(1), columns)
    rows, columns = _sent(torch.stack([rows, columns]), pixels.device)
    first = torch.arange(count, device=pixels.device)[:, None, None]
    picked = pixels.permute(0, 2, 3, 1)[first, rows[:, :, None], columns[:, None, :]]
    return picked.permute(0, 3, 1, 2).contiguous()


def _rotate(x: Tensor, degrees: float, rng: torch.Generator) -> Tensor:
    import torch
    import torch.nn.functional as F

    angle = (torch.rand(len(x), generator=rng) * 2 - 1) * (degrees * torch.pi / 180)
    cos, sin, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
    matrix = torch.stack([torch.stack([cos, -sin, zero], 1), torch.stack([sin, cos, zero], 1)], 1)
    grid = F.affine_grid(_sent(matrix, x.device), list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, align_corners=False)
