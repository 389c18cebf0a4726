"""Unlearning along a direction between forgetting and retaining."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
import torch.nn.functional as F
from annotated_types import Ge, Le
from torch import Tensor

from supreme.core import Context, Split
from supreme.core.validation import Compat, Momentum, NonNegativeFloat, PositiveFloat, PositiveInt, bounded
from supreme.functional.classifier import Classifier
from supreme.functional.gradients import dot, gradients_of, step_along, trainable
from supreme.functional.optimizers import make_optimizer

SMALLEST = 1e-6
"""Keeps the lengths that gradients are divided by above 0, as in the authors' code."""


@bounded
@dataclass(frozen=True, kw_only=True)
class CUP:
    """Controllable Unlearning by Pivoting gradient: turn the step from retaining towards forgetting by a chosen share.

    Hwang and Lim, "Controllable Machine Unlearning via Gradient Pivoting", arXiv 2025,
    https://arxiv.org/abs/2510.19226. Each step takes g_f, the gradient of -cross entropy on a forget batch, and g_r,
    that of the cross entropy on a retain batch. r is g_r without its part along g_f, and f is g_f without its part
    along g_r, both of length 1, θ is the angle between them, and the step is along

        |(g_f + g_r) / 2| · (sin(intensity · θ) g_f / |g_f| + cos(intensity · θ) r):

    with intensity 0 it only retains, without forgetting less; with 1 it only forgets, without retaining less.

    Deviations: the authors' classification code (youngsikhwang/Controllable-Machine-Unlearning-by-Pivoting-Gradient)
    steps twice along every direction, once in `Cup.step` and once after it: `compat: reference`. Their code for
    diffusion models steps once, and so does `compat: paper`. As published that classification code does not start (it
    hands `alpha` to a class that calls it `gamma`), so which of the two the published numbers come from is not known.
    Training mode.
    Cost: `epochs` over as many batches as the smaller of both sets has, of the forget set and of the retain set each.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"forget", "retain"})

    compat: Compat
    """paper: one step along each direction; reference: two, as in the authors' classification code."""
    intensity: Annotated[float, Ge(0), Le(1)]
    """The paper's gamma: from 0, retain only, to 1, forget only."""
    lr: PositiveFloat
    """Learning rate of SGD, constant."""
    momentum: Momentum
    """Of SGD."""
    weight_decay: NonNegativeFloat
    """L2 term of SGD."""
    epochs: PositiveInt
    """How often to go through the set with fewer batches."""
    forget_batch_size: PositiveInt
    """Images of the forget set per step."""
    retain_batch_size: PositiveInt
    """Images of the retain set per step."""
    augment: bool
    """Whether to augment the images as the recipe does."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        weights = trainable(model)
        optimizer = make_optimizer("sgd", model, self.lr, self.momentum, self.weight_decay)
        model.train()
        for _ in context.epochs(self.epochs):
            forgotten = split.forget.batches(self.forget_batch_size, context.rng, self.augment)
            retained = split.retain.batches(self.retain_batch_size, context.rng, self.augment)
            for (x_forget, y_forget), (x_retain, y_retain) in zip(forgotten, retained, strict=False):
                forget = gradients_of(-F.cross_entropy(model(x_forget), y_forget), weights)
                retain = gradients_of(F.cross_entropy(model(x_retain), y_retain), weights)
                direction = _pivoted(forget, retain, self.intensity)
                for _ in range(2 if self.compat == "reference" else 1):
                    step_along(optimizer, weights, direction)
        return model


def _pivoted(forget: list[Tensor], retain: list[Tensor], intensity: float) -> list[Tensor]:
    """The direction that lies this share of the way from only retaining to only forgetting."""
    product = dot(forget, retain)
    forget_length = dot(forget, forget).sqrt() + SMALLEST
    r = _unit([b - product / forget_length**2 * a for a, b in zip(forget, retain, strict=True)])
    f = _unit([a - product / (dot(retain, retain) + SMALLEST) * b for a, b in zip(forget, retain, strict=True)])
    angle = intensity * torch.acos(dot(r, f).clamp(-1, 1))
    mean = [(a + b) / 2 for a, b in zip(forget, retain, strict=True)]
    length = dot(mean, mean).sqrt()
    return [length * (angle.sin() * a / forget_length + angle.cos() * b) for a, b in zip(forget, r, strict=True)]


def _unit(gradients: list[Tensor]) -> list[Tensor]:
    length = dot(gradients, gradients).sqrt() + SMALLEST
    return [gradient / length for gradient in gradients]
