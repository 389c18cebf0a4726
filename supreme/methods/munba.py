"""Unlearning as a Nash bargain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from supreme.core import Context, Split
from supreme.core.validation import Compat, Momentum, NonNegativeFloat, PositiveFloat, PositiveInt, bounded
from supreme.functional.batches import endless_batches
from supreme.functional.classifier import Classifier
from supreme.functional.gradients import dot, gradients_of, shortened, step_along, trainable
from supreme.functional.labels import random_labels
from supreme.functional.optimizers import make_optimizer

EPSILON = 1e-8
"""Where a product of gradients counts as zero; the authors add it to denominators."""


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

    Deviations: the paper bargains in every step, and so the forget set is repeated here. The authors' code,
    JingWu321/MUNBa, takes each forget batch once an epoch and, when there is none left, ordinary steps on the retain
    set, not shortened; and it adds 1e-8 to both denominators of the form with g_r · g_u, which outweighs short
    gradients. That is `compat: reference`, and the published numbers come from it. Its options to add an L1 term, a
    saliency mask and sharpness-aware steps are left out. Training mode. As `max_norm` is below √2, every step of the
    paper's form has the same length before momentum.
    Cost: `epochs` over the retain set, as many batches of the forget set (reference: `epochs` over it), and the inner
    products.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"forget", "retain"})

    compat: Compat
    """paper, or reference as the authors' code."""
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
    augment: bool
    """Whether to augment the images as the recipe does."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        weights = trainable(model)
        optimizer = make_optimizer("sgd", model, self.lr, self.momentum, self.weight_decay)
        bargain = _bargain if self.compat == "paper" else _published_bargain
        forgotten = endless_batches(split.forget, self.forget_batch_size, context.rng, self.augment)
        model.train()
        for _ in context.epochs(self.epochs):
            if self.compat == "reference":
                forgotten = split.forget.batches(self.forget_batch_size, context.rng, self.augment)
            for x_retain, y_retain in split.retain.batches(self.retain_batch_size, context.rng, self.augment):
                retain = gradients_of(F.cross_entropy(model(x_retain), y_retain), weights)
                if (batch := next(forgotten, None)) is None:
                    step_along(optimizer, weights, retain)
                    continue
                x_forget, y_forget = batch
                labels = random_labels(y_forget.cpu(), split.num_classes, context.rng, wrong=False).to(y_forget)
                forget = gradients_of(F.cross_entropy(model(x_forget), labels), weights)
                of_retain, of_forget = bargain(retain, forget)
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


def _published_bargain(retain: list[Tensor], forget: list[Tensor]) -> tuple[Tensor, Tensor]:
    """The same, as the authors' code computes it."""
    g1, g2, g3 = dot(retain, retain), dot(retain, forget), dot(forget, forget)
    of_retain = ((g1 * g3 - g2 * (g1 * g3).sqrt()) / (g1 * g1 * g3 - g1 * g2 * g2 + EPSILON)).sqrt()
    of_forget = (1 - g1 * of_retain**2) / (g2 * of_retain + EPSILON)
    solvable = (of_retain > 0) & (of_forget > 0)  # nor are they where they are no numbers
    return torch.where(solvable, of_retain, 1.0), torch.where(solvable, of_forget, 0.1)
