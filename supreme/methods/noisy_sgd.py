"""Noisy gradient descent on the retain set."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import ClassVar

import torch
import torch.nn.functional as F

from supreme.core import Context, Split
from supreme.core.validation import NonNegativeFloat, PositiveFloat, PositiveInt, bounded
from supreme.functional.classifier import Classifier
from supreme.functional.gradients import dot, gradients_of, trainable


@bounded
@dataclass(frozen=True, kw_only=True)
class NoisySGD:
    """Langevin unlearning: go on with stochastic gradient descent on the retain set, with noise in every step.

    Chien, Wang, Chen and Li, "Langevin Unlearning: A New Perspective of Noisy Gradient Descent for Machine Unlearning",
    NeurIPS 2024, https://arxiv.org/abs/2401.10371, and "Certified Machine Unlearning via Noisy Stochastic Gradient
    Descent", NeurIPS 2024, https://arxiv.org/abs/2403.17105: θ ← Π_R(θ - η ∇L(θ) + √(2 η σ²) N(0, I)), where L is the
    mean cross entropy of a batch of the retain set plus weight_decay / 2 · ‖θ‖² and Π_R goes back to the ball ‖θ‖ ≤ R.

    The papers' guarantee holds for a strongly convex loss with bounded gradients when the original was trained with the
    same noise and radius; a network trained by another recipe gets the algorithm without the guarantee.

    Deviations: the authors' code (Graph-COM/SGD_unlearning) knows linear models alone, clips the gradient of each image
    to length 1, on which the guarantee rests, and leaves out a last batch that is not full; here nothing is clipped,
    since batch normalisation ties images together. The model is in training mode.
    Cost: `epochs` over the retain set.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"retain"})

    noise: NonNegativeFloat
    """The sigma above: a step adds noise of standard deviation √(2 · lr) · noise to every weight."""
    radius: PositiveFloat | None
    """R, of the ball that all weights together are projected onto after every step; null: none."""
    lr: PositiveFloat
    """η."""
    weight_decay: NonNegativeFloat
    """L2 term."""
    epochs: PositiveInt
    """Passes over the retain set."""
    batch_size: PositiveInt
    """Images per step."""
    augment: bool
    """Whether to augment the images as the recipe does."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        weights = trainable(model)
        scale = sqrt(2 * self.lr) * self.noise
        model.train()
        for _ in context.epochs(self.epochs):
            for x, y in split.retain.batches(self.batch_size, context.rng, self.augment):
                gradients = gradients_of(F.cross_entropy(model(x), y), weights)
                with torch.no_grad():
                    for weight, gradient in zip(weights, gradients, strict=True):
                        weight -= self.lr * (gradient + self.weight_decay * weight)
                        weight += scale * torch.randn(weight.shape, generator=context.rng).to(weight)
                    if self.radius is not None:
                        length = dot(weights, weights).sqrt()
                        for weight in weights:
                            weight *= (self.radius / length).clamp(max=1)
        return model
