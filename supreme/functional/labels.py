"""Labels other than the true ones."""

from __future__ import annotations

from math import inf

import torch
from torch import Tensor

from supreme.core import SupremeError


def random_labels(labels: Tensor, num_classes: int, rng: torch.Generator, wrong: bool) -> Tensor:
    """A class for each label (int64, N, on the CPU), drawn uniformly.

    Args:
        wrong: draw from the other classes only, so that no label stays.
    """
    shift = torch.randint(int(wrong), num_classes, labels.shape, generator=rng)
    return (labels + shift) % num_classes


def nearest_wrong(distances: Tensor, classes: Tensor, labels: Tensor) -> Tensor:
    """For each image the nearest class but its own: its place among the classes (int64, N).

    Args:
        distances: N x K, to K classes.
        classes: K, the labels of these classes.
        labels: N, those of the images.
    """
    if len(classes) < 2:
        raise SupremeError("the nearest wrong class needs retained images of two classes, and there is one")
    return distances.masked_fill(labels[:, None] == classes, inf).argmin(1)
