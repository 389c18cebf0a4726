"""Pictures: a source decoded once, views on it, and the batches that models eat.

Importing this module imports no torch; the methods that move pixels import it when they are called.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from supreme.core import IntArray, Split, SupremeError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

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


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageData:
    """One data source, decoded: every image once, and which images train, validate and test.

    The three index arrays are disjoint, unless the source says that its training images test, too. Pixels are never
    normalised here: a model does that to its input.
    """

    pixels: np.ndarray | Extended | Tensor
    """uint8, N x 3 x S x S: a memory-mapped array, perhaps with more images behind it, or a tensor on the device."""
    labels: IntArray
    """int64, N: the class a model learns."""
    class_names: tuple[str, ...]
    train: IntArray
    validation: IntArray
    test: IntArray
    image_size: int
    """Side of the square a model sees; smaller than S when random crops have a margin to move in."""
    fine_labels: IntArray | None = None
    """int64, N: the subclass inside the class, where the source has one."""
    fine_names: tuple[str, ...] = ()
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    """Channel means of the training images, pixels in [0, 1]."""
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    fingerprint: str = ""
    """SHA-256 of everything above: content, never a path."""

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    def view(self, indices: Sequence[int] | IntArray) -> Images:
        """The images at these positions of the source, in this order."""
        indices = np.asarray(indices, dtype=np.int64)
        return Images(data=self, indices=indices, targets=self.labels[indices])

    def sealed(self) -> ImageData:
        """The same data, for many cells: nobody can write to any of its arrays."""
        fine, pixels = self.fine_labels, self.pixels
        return replace(
            self,
            labels=sealed(self.labels),
            train=sealed(self.train),
            validation=sealed(self.validation),
            test=sealed(self.test),
            fine_labels=None if fine is None else sealed(fine),
            pixels=Extended(pixels.base, sealed(pixels.added)) if isinstance(pixels, Extended) else pixels,
        )

    def extended(self, origins: IntArray, pixels: np.ndarray, labels: IntArray, training: int) -> ImageData:
        """These data with changed copies of some images behind the last one, at positions N to N + P - 1.

        The first `training` of them train in place of the images that they were made from; the others are there to
        evaluate on. No image of these data is copied or changed, nor are mean and standard deviation.

        Args:
            origins: P positions here, of the images that the copies were made from.
            pixels: uint8, P x 3 x S x S.
            labels: int64, P.
        """
        replaced, copies = origins[:training], len(self.labels) + np.arange(len(origins))
        digest = hashlib.sha256(json.dumps([self.fingerprint, len(origins), training]).encode())
        digest.update(origins.astype("<i8").tobytes() + labels.astype("<i8").tobytes())
        digest.update(pixels.tobytes())
        fine = self.fine_labels
        return replace(
            self,
            pixels=Extended(self.pixels, pixels),  # type: ignore[arg-type]  # a scenario sees no tensor
            labels=np.concatenate([self.labels, labels]),
            train=np.concatenate([np.setdiff1d(self.train, replaced), copies[:training]]),
            fine_labels=None if fine is None else np.concatenate([fine, fine[origins]]),
            fingerprint=digest.hexdigest(),
        )


def sealed_split(split: Split) -> Split:
    """The same split, for many cells: nobody can write to what its scenario has made of the data."""
    planted = {name: sealed(array) for name, array in split.planted.items()}
    return replace(split.with_data(split.data.sealed()), planted=planted)


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Random changes of a training image, drawn for each image on its own."""

    crop_padding: int = 0
    """Pad by this many black pixels on every side, then crop back at random."""
    horizontal_flip: bool = False
    rotation_degrees: float = 0.0
    """Rotate by an angle drawn uniformly from plus or minus this many degrees."""


@dataclass(frozen=True, kw_only=True)
class Images:
    """A view on image data: some positions, and the label that each has here.

    `images.batches(size)` yields `(x, y)` on the device of the work: x is float32 B x 3 x H x W in [0, 1], y int64 B.
    """

    data: ImageData
    indices: IntArray
    targets: IntArray
    device: str = "cpu"
    augmentation: Augmentation = field(default_factory=Augmentation)

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def labels(self) -> Tensor:
        """int64, N, on the CPU."""
        import torch

        return torch.from_numpy(self.targets.copy())

    @property
    def num_classes(self) -> int:
        return self.data.num_classes

    def batches(
        self, size: int, rng: torch.Generator | None = None, augment: bool = False
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield every image once, shuffled if and only if given a generator.

        A shuffled pass never ends on a single image, on which batch normalisation cannot train: the batch before
        takes it.
        """
        for _, x, y in self.numbered_batches(size, rng, augment):
            yield x, y

    def numbered_batches(
        self, size: int, rng: torch.Generator | None = None, augment: bool = False
    ) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """The same, each batch with the positions of its images in this view (int64 B, on the CPU) in front."""
        import torch

        if size < 1:
            raise SupremeError(f"batch size {size} is not allowed: give 1 or more")
        if augment and rng is None:
            raise SupremeError("augmentation is random: give batches() a generator")
        order = np.arange(len(self)) if rng is None else torch.randperm(len(self), generator=rng).numpy()
        shuffled = _sent(torch.from_numpy(self.targets[order]), self.device)  # all labels at once: one copy an epoch
        parts = list(_parts(order, size, merge_single=rng is not None))
        for part, labels in zip(parts, shuffled.split([len(part) for part in parts]), strict=True):
            pixels = _gather(self.data.pixels, self.indices[part], self.device)
            x = to_input(pixels, self.data.image_size, self.augmentation, rng if augment else None)
            yield torch.from_numpy(part), x, labels

    def subset(self, positions: Sequence[int] | np.ndarray | Tensor) -> Images:
        """The images at these positions of this view (not of the source)."""
        positions = np.asarray(positions, dtype=np.int64)
        return replace(self, indices=self.indices[positions], targets=self.targets[positions])

    def with_labels(self, labels: Tensor | np.ndarray | Sequence[int]) -> Images:
        """The same images under other labels (N, class indices)."""
        targets = np.asarray(labels, dtype=np.int64)
        if targets.shape != self.targets.shape:
            raise SupremeError(f"{targets.shape[0]} labels were given for {len(self)} images")
        return replace(self, targets=targets)

    def joined(self, other: Images) -> Images:
        """These images, then the other ones, as one set."""
        if other.data is not self.data:
            raise SupremeError("only images of the same source can be joined")
        return replace(
            self,
            indices=np.concatenate([self.indices, other.indices]),
            targets=np.concatenate([self.targets, other.targets]),
        )

    def to(self, device: str, augmentation: Augmentation | None = None) -> Images:
        """The same view for work on this device, with this augmentation where a pass asks for one."""
        return replace(self, device=device, augmentation=augmentation or self.augmentation)


def _parts(order: np.ndarray, size: int, merge_single: bool) -> Iterator[np.ndarray]:
    start, count = 0, len(order)
    while start < count:
        stop = min(start + size, count)
        if merge_single and count - stop == 1:
            stop = count
        yield order[start:stop]
        start = stop


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
