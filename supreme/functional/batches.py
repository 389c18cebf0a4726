"""Batches beyond one pass over the images."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from supreme.core import SupremeError
from supreme.core.images import Images


def endless_batches(
    images: Images, size: int, rng: torch.Generator, augment: bool = False
) -> Iterator[tuple[Tensor, Tensor]]:
    """Shuffled passes over the images, one after another, without end."""
    if len(images) == 0:
        raise SupremeError("batches without end need at least one image, and the set is empty")
    while True:
        yield from images.batches(size, rng, augment)
