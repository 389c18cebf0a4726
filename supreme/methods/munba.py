"""Unlearning as a Nash bargain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from supreme.core import Context, Split
from supreme.core.validation import Momentum, NonNegativeFloat, PositiveFloat, PositiveInt, bounded
from supreme.functional.batches import endless_batches
from supreme.functional.classifier import Classifier
from supreme.functional.gradients import dot, gradients_of, shortened, step_along, trainable
from supreme.functional.labels import random_labels
from supreme.functional.optimizers import make_optimizer

EPSILON = 1e-8
"""Below it a product of gradients counts as zero, and the bargain has no solution."""


@bounded
@dataclass(frozen=True, kw_only=True)
class MUNBa:
    """Machine Unlearning via Nash Bargaining: a step on which the forgetting and the retaining player agree.

    Wu and Harandi, "MUNBa: Machine Unlearning via Nash Bargaining", ICCV 2025, https://arxiv.org/abs/2411.15537. With
    g_r the gradient of the cross entropy on a retain batch and g_u that on a forget batch under random labels, the step
    is along a_r g_r + a_u g_u, where GᵀG a = 1 / a (element by element) for G = (g_r, g_u). Its positive solution is
    a_r = 1 / (‖g_r‖ √(1 + cos)) and a_u = 1 / (‖g_u‖ √(1 + cos)), cos being that of their angle: the step halves the
    angle and has length √2. (The paper writes the same with a division by g_r · g_u, undefined where they are normal to
    each other.) Where there is no solution, because one is zero or they are opposite, a = (1, 0.1), as the authors do.

    Deviations: the options of the authors' code to add an L1 term and a saliency mask are left out; labels are drawn
    again for every forget batch, of any class. Each step takes the next retain batch and the next forget batch, the
    forget set being repeated. Training mode. As `max_norm` is below √2, every step has the same length before momentum.
    Cost: `epochs` over the retain set and as many batches of the forget set, and the inner products.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"forget", "retain"})

    lr: PositiveFloat
    """Learning rate of SGD."""
    momentum: Momentum
    """Of SGD."""
    weight_decay: NonNegativeFloat
    """L2 term, added after clipping."""
    max_norm: PositiveFloat
    """The agreed gradient is shortened to this length."""
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
                labels = random_labels(y_forget.cpu(), split.num_classes, context.rng, wrong=False).to(y_forget)
                retain = gradients_of(F.cross_entropy(model(x_retain), y_retain), weights)
                forget = gradients_of(F.cross_entropy(model(x_forget), labels), weights)
                of_retain, of_forget = _bargain(retain, forget)
                agreed = [of_retain * r + of_forget * f for r, f in zip(retain, forget, strict=True)]
                step_along(optimizer, weights, shortened(agreed, self.max_norm))
        return model


def _bargain(retain: list[Tensor], forget: list[Tensor]) -> tuple[Tensor, Tensor]:
    """The weights of both gradients."""
    squares = dot(retain, retain), dot(forget, forget)
    product = (squares[0] * squares[1]).sqrt()
    together = product + dot(retain, forget)  # ‖g_r‖ ‖g_u‖ (1 + cos)
    solvable = (product > EPSILON**2) & (together > EPSILON * product)
    ratio = (squares[1] / squares[0]).sqrt()
    of_retain = (ratio / together).sqrt()
    return torch.where(solvable, of_retain, 1.0), torch.where(solvable, of_retain / ratio, 0.1)
