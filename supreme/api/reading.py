"""One set of images as somebody has it (a torch Dataset, a DataLoader, arrays, our Images), as two arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Sized
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, RandomSampler, SequentialSampler, SubsetRandomSampler

from supreme.api.arrays import images_of, labels_of
from supreme.api.items import items_read
from supreme.core import SupremeError
from supreme.core.images import Images
from supreme.core.pixels import IntArray

ALLOWED = "a torch Dataset or DataLoader of (image, label), a pair (x, y) of tensors or arrays, or our Images"


@dataclass(frozen=True, kw_only=True, eq=False)
class GivenSet:
    """Images and their labels."""

    name: str
    """forget, retain, test or validation."""
    pixels: np.ndarray | None
    """uint8 or float32, N x ..., as a model is to see them but for the scale of uint8; None where labels alone are."""
    labels: IntArray
    """int64, N; 0 or more."""
    images: Images | None = None
    """What was given, where it was this."""

    def __len__(self) -> int:
        return len(self.labels)


def given_set(name: str, given: Any) -> GivenSet:
    """The set that was given under this name, read once.

    Labels alone (int, N) are a set, too: of whoever has logits and no images.

    Raises:
        SupremeError: it is none of `ALLOWED`; it is empty; labels and images are not as many; an item gives another
            image when it is read again; an image has another shape than those before it, or is not finite.
    """
    found = _read(name, given)
    if len(found) == 0:
        raise SupremeError(f"{name} is empty: give at least one image")
    if found.pixels is not None and len(found.pixels) != len(found):
        raise SupremeError(
            f"{name} has {len(found.pixels)} images and {len(found)} labels: give one label for each image"
        )
    return found


def _read(name: str, given: Any) -> GivenSet:
    if isinstance(given, GivenSet):
        return given
    if isinstance(given, Images):
        return _of_images(name, given)
    if isinstance(given, DataLoader):
        given = _behind(name, given)
    if isinstance(given, IterableDataset):
        raise SupremeError(
            f"{name} is an IterableDataset, which has no order to come back to: give a Dataset with a length, or (x, y)"
        )
    if isinstance(given, torch.Tensor | np.ndarray):
        return _of_array(name, given)
    if isinstance(given, tuple) and len(given) == 2:
        return GivenSet(name=name, pixels=images_of(name, given[0]), labels=labels_of(name, given[1]))
    if isinstance(given, Dataset) or (
        isinstance(given, Sized)
        and hasattr(given, "__getitem__")
        and not isinstance(given, str | bytes | tuple | Mapping)
    ):
        pixels, labels = items_read(name, given)
        return GivenSet(name=name, pixels=pixels, labels=labels)
    raise SupremeError(f"{name} is {_kind(given)}: give {ALLOWED}")


def _of_images(name: str, given: Images) -> GivenSet:
    """Their centre, as a model sees it."""
    from supreme.core.pixels import centre

    data = given.data
    pixels = (
        data.pixels[given.indices]
        if not isinstance(data.pixels, torch.Tensor)
        else data.pixels[torch.from_numpy(given.indices).to(data.pixels.device)].cpu().numpy()
    )
    if pixels.shape[-1] != data.image_size:
        pixels = np.ascontiguousarray(centre(pixels, data.image_size))
    return GivenSet(name=name, pixels=pixels, labels=given.targets.copy(), images=given)


def _of_array(name: str, given: torch.Tensor | np.ndarray) -> GivenSet:
    if given.ndim != 1:
        shape = " x ".join(map(str, given.shape))
        raise SupremeError(f"{name} is one array of {shape}: give images and labels as a pair, {name}=(x, y)")
    return GivenSet(name=name, pixels=None, labels=labels_of(name, given))


def _behind(name: str, loader: DataLoader[Any]) -> Sequence[Any] | Dataset[Any]:
    """What a DataLoader loads, in the order of its dataset, each image once."""
    dataset, sampler = loader.dataset, loader.sampler
    if isinstance(dataset, IterableDataset):
        return dataset
    if loader.batch_sampler is None and loader.batch_size is not None:
        raise SupremeError(f"{name} is a DataLoader without a sampler: give its dataset")
    if isinstance(sampler, SubsetRandomSampler):
        return torch.utils.data.Subset(dataset, sorted(int(index) for index in sampler.indices))
    whole = isinstance(sampler, SequentialSampler) or (isinstance(sampler, RandomSampler) and not sampler.replacement)
    if not whole:
        raise SupremeError(
            f"{name} is a DataLoader with a {type(sampler).__name__}, which may leave images out or repeat them: give "
            "its dataset, or a torch.utils.data.Subset of it"
        )
    return dataset


def _kind(given: Any) -> str:
    if isinstance(given, list):
        return "a list: one set for each model is a list, and a set is not"
    if given is None:
        return "None"
    return f"a {type(given).__name__}"
