"""Unlearning-aware minimisation."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle
from math import ceil
from typing import ClassVar

import torch
import torch.nn.functional as F

from supreme.core import Context, Split
from supreme.core.validation import Compat, Momentum, NonNegativeFloat, PositiveFloat, PositiveInt, bounded
from supreme.functional.classifier import Classifier
from supreme.functional.gradients import dot, gradients_of, step_along, trainable
from supreme.functional.optimizers import cosine, make_optimizer


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

    Deviations: the paper is not at hand: `compat: paper` is written from its abstract and the authors' package
    (Harry24k/machine-unlearning-pytorch). The package's step has no reflection: `compat: reference`. It has a function
    for it, with the factor gamma, for single tensors, which nothing calls; here it acts on all weights as one vector.
    Which of the two the published numbers come from is not said. An epoch of the package ends with the set of more
    batches, here always with the retain set, and its loaders leave out a last batch that is not full. Training mode,
    and batch statistics of both batches together where the forget loss is climbed, as there.
    Cost: `epochs` over the retain set twice and over as many batches of the forget set, which are held on the device.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"forget", "retain"})

    compat: Compat
    """paper, or reference as the authors' package, which turns nothing round."""
    rho: PositiveFloat
    """How far to climb the forget loss before the retain gradient is taken."""
    decay_rho: bool
    """Whether rho falls by a cosine to 0 over all steps."""
    reflection: NonNegativeFloat
    """The authors' gamma: which part of a component against forgetting is turned round; of compat: paper."""
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
    augment: bool
    """Whether to augment the images as the recipe does."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        weights = trainable(model)
        optimizer = make_optimizer("sgd", model, self.lr, self.momentum, self.weight_decay)
        total, done = self.epochs * ceil(len(split.retain) / self.retain_batch_size), 0
        model.train()
        for _ in context.epochs(self.epochs):
            retained = split.retain.batches(self.retain_batch_size, context.rng, self.augment)
            forgotten = cycle(split.forget.batches(self.forget_batch_size, context.rng, self.augment))
            for (x_retain, y_retain), (x_forget, y_forget) in zip(retained, forgotten, strict=False):
                rho = self.rho * cosine(done, total) if self.decay_rho else self.rho
                done += 1
                both = model(torch.cat([x_forget, x_retain]))
                climb = gradients_of(F.cross_entropy(both[: len(y_forget)], y_forget), weights)
                square = dot(climb, climb).clamp(min=torch.finfo(x_forget.dtype).tiny)
                before = [weight.detach().clone() for weight in weights]
                with torch.no_grad():
                    for weight, gradient in zip(weights, climb, strict=True):
                        weight += rho / square.sqrt() * gradient
                descend = gradients_of(F.cross_entropy(model(x_retain), y_retain), weights)
                with torch.no_grad():
                    for weight, value in zip(weights, before, strict=True):
                        weight.copy_(value)
                if self.compat == "paper":
                    against = (1 + self.reflection) * dot(descend, climb).clamp(min=0) / square
                    descend = [d - against * c for d, c in zip(descend, climb, strict=True)]
                step_along(optimizer, weights, descend)
        return model
