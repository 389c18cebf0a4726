"""Images: a source decoded once, views on it, and the batches that models eat.

Importing this module imports no torch; the methods that move pixels import it when they are called.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from supreme.core.errors import SupremeError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

from supreme.core.pixels import Augmentation, Extended, FileNames, IntArray, _gather, _sent, sealed, to_input

OF_EACH = ("fine_labels", "groups", "file_names")
"""What a source may know of each image beside its label."""


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
    groups: IntArray | None = None
    """int64, N: the person, or other identity, that an image shows, where the source has such; no part of the label."""
    group_names: tuple[str, ...] = ()
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    """Channel means of the training images, pixels in [0, 1]."""
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    fingerprint: str = ""
    """SHA-256 of everything above: content, never a path."""
    file_names: FileNames | None = None
    """bytes, N: the path of each image's file below the source's folder, with `/` between its parts, where each image
    has a file of its own. `os.fsdecode` makes text of it."""
    official_train: int = 0
    """Number of images, the first ones of the source, that are its official training set in its official order,
    whichever of them train here; 0 where the source has none."""

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    def view(self, indices: Sequence[int] | IntArray) -> Images:
        """The images at these positions of the source, in this order."""
        indices = np.asarray(indices, dtype=np.int64)
        return Images(data=self, indices=indices, targets=self.labels[indices])

    def sealed(self) -> ImageData:
        """The same data, for many cells: nobody can write to any of its arrays."""
        pixels = self.pixels
        arrays = {name: getattr(self, name) for name in ("labels", "train", "validation", "test", *OF_EACH)}
        return replace(
            self,
            pixels=Extended(pixels.base, sealed(pixels.added)) if isinstance(pixels, Extended) else pixels,
            **{name: None if array is None else sealed(array) for name, array in arrays.items()},
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
        of_each = {name: getattr(self, name) for name in OF_EACH}
        return replace(
            self,
            pixels=Extended(self.pixels, pixels),  # type: ignore[arg-type]  # a scenario sees no tensor
            labels=np.concatenate([self.labels, labels]),
            train=np.concatenate([np.setdiff1d(self.train, replaced), copies[:training]]),
            fingerprint=digest.hexdigest(),
            **{name: None if of is None else np.concatenate([of, of[origins]]) for name, of in of_each.items()},
        )


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
