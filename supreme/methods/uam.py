"""Unlearning-aware minimisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F

from supreme.core import Context, Split
from supreme.core.validation import Momentum, NonNegativeFloat, PositiveFloat, PositiveInt, bounded
from supreme.functional.batches import endless_batches
from supreme.functional.classifier import Classifier
from supreme.functional.gradients import dot, gradients_of, step_along, trainable
from supreme.functional.optimizers import make_optimizer


@bounded
@dataclass(frozen=True, kw_only=True)
class UAM:
    """Unlearning-Aware Minimisation: minimise the retain loss where the forget loss is at its worst nearby.

    Kim, Kim, Chae and Yoon, "Unlearning-Aware Minimization", NeurIPS 2025,
    https://neurips.cc/virtual/2025/loc/san-diego/poster/116406: min over θ of the retain loss at θ + δ, where δ
    maximises the forget loss within a ball of radius rho; as in sharpness-aware minimisation, δ = rho · g_f / ‖g_f‖ to
    first order. A step goes back to θ with the gradient g of the retain loss there. Where descending along it would
    also lower the forget loss (g · g_f > 0), its component along g_f is taken out (reflection 0) or turned round
    (reflection 1).

    Deviations: written from the abstract and the authors' package, the paper not being at hand. Their package has the
    perturbation, with batch statistics over both batches, as here, and a function for the reflection with its factor,
    gamma, for single tensors, which its published step does not call; here it acts on all weights as one vector. rho is
    constant. Training mode.
    Cost: `epochs` over the retain set twice and over as many batches of the forget set.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"forget", "retain"})

    rho: PositiveFloat
    """How far to climb the forget loss before the retain gradient is taken."""
    reflection: NonNegativeFloat
    """The authors' gamma: which part of a component against forgetting is turned round."""
    lr: PositiveFloat
    """Learning rate of SGD."""
    momentum: Momentum
    """Of SGD."""
    weight_decay: NonNegativeFloat
    """L2 term."""
    epochs: PositiveInt
    """Passes over the retain set."""
    forget_batch_size: PositiveInt
    """Images per step."""
    retain_batch_size: PositiveInt
    """Images per step."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        weights = trainable(model)
        optimizer = make_optimizer("sgd", model, self.lr, self.momentum, self.weight_decay)
        forgotten = endless_batches(split.forget, self.forget_batch_size, context.rng)
        model.train()
        for _ in context.epochs(self.epochs):
            for x_retain, y_retain in split.retain.batches(self.retain_batch_size, context.rng):
                x_forget, y_forget = next(forgotten)
                both = model(torch.cat([x_forget, x_retain]))
                climb = gradients_of(F.cross_entropy(both[: len(y_forget)], y_forget), weights)
                square = dot(climb, climb).clamp(min=torch.finfo(x_forget.dtype).tiny)
                before = [weight.detach().clone() for weight in weights]
                with torch.no_grad():
                    for weight, gradient in zip(weights, climb, strict=True):
                        weight += self.rho / square.sqrt() * gradient
                descend = gradients_of(F.cross_entropy(model(x_retain), y_retain), weights)
                with torch.no_grad():
                    for weight, value in zip(weights, before, strict=True):
                        weight.copy_(value)
                against = (1 + self.reflection) * dot(descend, climb).clamp(min=0) / square
                step_along(optimizer, weights, [d - against * c for d, c in zip(descend, climb, strict=True)])
        return model
