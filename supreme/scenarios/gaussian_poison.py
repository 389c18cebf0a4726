"""Plant noise in training images, then forget them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
from annotated_types import Gt, Lt

from supreme.core import Split, SupremeError
from supreme.core.images import ImageData
from supreme.core.validation import PositiveFloat, PositiveInt, bounded
from supreme.scenarios import amounts


@bounded
@dataclass(frozen=True, kw_only=True)
class GaussianPoison:
    """Some training images, uniformly, each with Gaussian noise of its own on it and its label kept.

    A model that has learnt the noisy image goes along with its noise: `metric=gaussian_poison` finds that, and a model
    that never saw the noise cannot show it. Pawelczyk et al., ICLR 2025, https://arxiv.org/abs/2406.17216

    Sets for evaluation: `clean_forget`, the forget set without the noise, in its order. Planted: `noise` (float32,
    P x 3 x S x S, of pixels in [0, 1], as drawn: the images hold it clipped to what a pixel can be) and `sigma`.
    A recipe that crops or flips at random moves the noise about, and so weakens the trace.
    """

    fraction: Annotated[float, Gt(0), Lt(1)] | None
    """Share of the training images, above 0 and below 1; the number is rounded up (null: `count` says how many)."""
    count: PositiveInt | None
    """Number of training images (null: `fraction` says how many)."""
    sigma: PositiveFloat
    """Standard deviation of the noise, of pixels in [0, 1]; above 0."""

    def __post_init__(self) -> None:
        amounts.check(self.fraction, self.count)

    def __call__(self, data: ImageData, rng: np.random.Generator) -> Split:
        count = amounts.number(self.fraction, self.count, len(data.train))
        if count >= len(data.train):
            raise SupremeError(
                f"poisoning {count} of {len(data.train)} training images leaves nothing to retain: poison fewer"
            )
        chosen = np.sort(rng.permutation(data.train)[:count])
        clean = np.asarray(data.pixels)[chosen]
        noise = rng.standard_normal(clean.shape, dtype=np.float32) * np.float32(self.sigma)
        noisy = np.clip(np.rint(clean + 255 * noise), 0, 255).astype(np.uint8)
        poisoned = data.extended(chosen, noisy, data.labels[chosen], training=count)
        split = Split.of_training(poisoned, forget=poisoned.train[-count:], forget_test=data.test[:0])
        return replace(
            split,
            extra={"clean_forget": poisoned.view(chosen)},
            planted={"noise": noise, "sigma": np.array([self.sigma])},
        )
