"""Images as somebody gave them: in memory, with pixels in [0, 255] or already in the input space of a model."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from supreme.core.errors import SupremeError
from supreme.core.images import ImageData, Images, _parts
from supreme.core.pixels import Augmentation, IntArray, _crop_and_flip, _rotate

IN_MEMORY_BYTES = 2 << 30
"""A larger array lies in an anonymous temporary file, which goes with the process."""


def room_for(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """An array to be filled, in memory or, where it is large, in a file that has no name."""
    dtype = np.dtype(dtype)
    if int(np.prod(shape)) * dtype.itemsize <= IN_MEMORY_BYTES:
        return np.empty(shape, dtype)
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, dtype, "w+", shape=shape)


@dataclass(frozen=True, eq=False)
class Joined:
    """Arrays of images that are read as if they were one; none is copied."""

    parts: Sequence[np.ndarray]
    """Each N x ..., all of one type and of one shape of image."""

    @property
    def starts(self) -> np.ndarray:
        return np.cumsum([0, *map(len, self.parts)])

    @property
    def shape(self) -> tuple[int, ...]:
        return (int(self.starts[-1]), *self.parts[0].shape[1:])

    @property
    def dtype(self) -> np.dtype:
        return self.parts[0].dtype

    @property
    def nbytes(self) -> int:
        return sum(part.nbytes for part in self.parts)

    def __len__(self) -> int:
        return int(self.starts[-1])

    def __getitem__(self, indices: IntArray) -> np.ndarray:
        """The images at these positions, which are from 0."""
        found = np.empty((len(indices), *self.shape[1:]), self.dtype)
        of = np.searchsorted(self.starts, indices, side="right") - 1
        for number in np.unique(of):
            own = of == number
            found[own] = self.parts[number][indices[own] - self.starts[number]]
        return found

    def __array__(self, dtype: np.dtype | None = None, copy: bool | None = None) -> np.ndarray:
        return np.concatenate(self.parts).astype(dtype or self.dtype, copy=False)


@dataclass(frozen=True, kw_only=True, eq=False)
class GivenData(ImageData):
    """Image data whose pixels, where they are floats, are given to a model as they are."""

    def view(self, indices: Sequence[int] | IntArray) -> Images:
        indices = np.asarray(indices, dtype=np.int64)
        return GivenImages(data=self, indices=indices, targets=self.labels[indices])


@dataclass(frozen=True, kw_only=True)
class GivenImages(Images):
    """A view on `GivenData`. x of its batches is in [0, 1] where pixels are uint8, else as given."""

    def numbered_batches(
        self, size: int, rng: torch.Generator | None = None, augment: bool = False
    ) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        if self.data.pixels.dtype == np.uint8:
            yield from super().numbered_batches(size, rng, augment)
            return
        if size < 1:
            raise SupremeError(f"batch size {size} is not allowed: give 1 or more")
        if augment and rng is None:
            raise SupremeError("augmentation is random: give batches() a generator")
        order = np.arange(len(self)) if rng is None else torch.randperm(len(self), generator=rng).numpy()
        for part in _parts(order, size, merge_single=rng is not None):
            x = torch.from_numpy(np.ascontiguousarray(self.data.pixels[self.indices[part]])).to(self.device)  # type: ignore[index]
            if augment and rng is not None:
                x = _augmented(x, self.augmentation, rng)
            yield torch.from_numpy(part), x, torch.from_numpy(self.targets[part]).to(self.device)


def _augmented(x: Tensor, augmentation: Augmentation, rng: torch.Generator) -> Tensor:
    if x.ndim != 4 or x.shape[-1] != x.shape[-2]:
        shape = " x ".join(map(str, x.shape[1:]))
        raise SupremeError(f"augmentation is for square images C x S x S, and these are {shape}: train without it")
    x = _crop_and_flip(x, x.shape[-1], augmentation, rng)
    return _rotate(x, augmentation.rotation_degrees, rng) if augmentation.rotation_degrees else x
