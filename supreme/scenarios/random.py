"""Forget training images drawn at random."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Gt, Lt

from supreme.core import Split, SupremeError
from supreme.core.images import ImageData
from supreme.core.validation import PositiveInt, bounded
from supreme.scenarios import amounts


@bounded
@dataclass(frozen=True, kw_only=True)
class Random:
    """Some training images, uniformly, whatever their class: a right to be forgotten for single images.

    With one stream a larger forget set contains every smaller one, so sizes can be compared.
    """

    fraction: Annotated[float, Gt(0), Lt(1)] | None
    """Share of the training images, above 0 and below 1; the number is rounded up (null: `count` says how many)."""
    count: PositiveInt | None
    """Number of training images (null: `fraction` says how many)."""

    def __post_init__(self) -> None:
        amounts.check(self.fraction, self.count)

    def __call__(self, data: ImageData, rng: np.random.Generator) -> Split:
        size = amounts.number(self.fraction, self.count, len(data.train))
        if size >= len(data.train):
            raise SupremeError(
                f"forgetting {size} of {len(data.train)} training images leaves nothing to retain: forget fewer"
            )
        return Split.of_training(data, rng.permutation(data.train)[:size], forget_test=np.empty(0, dtype=np.int64))
