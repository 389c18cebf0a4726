"""Unlearning with gradients rectified in direction and adjusted in magnitude."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import ceil
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from supreme.core import Context, Split
from supreme.core.validation import Compat, NonNegativeFloat, PositiveFloat, PositiveInt, bounded
from supreme.functional.classifier import Classifier
from supreme.functional.gradients import gradients_of, step_along, trainable


@bounded
@dataclass(frozen=True, kw_only=True)
class GDRGMA:
    """Gradient Direction Rectification and Gradient Magnitude Adjustment: climb and descend without conflict.

    Lin, Zhang, Susilo, Chen and Liu, "GDR-GMA: Machine Unlearning via Direction-Rectified and Magnitude-Adjusted
    Gradients", ACM Multimedia 2024, https://openreview.net/forum?id=52NGERGnlz. Each step takes g_f, the gradient of
    -cross entropy on a forget batch, and g_r, that of the cross entropy on a retain batch. Where they conflict
    (g_f · g_r < 0, for each weight tensor on its own) each is projected on the plane normal to the other. In the head,
    from the second epoch on, g_f is also projected on the plane normal to the mean of those g_f of the last epoch that
    conflict with it. Then the step is along (1 - λ) g_r + λ g_f with λ = sigmoid(sharpness · (retain_loss - loss of the
    retain batch)): climb only while the retained images are known well.

    Deviations: with `compat: paper` both projections take the gradients as they were, and the memory holds the
    gradients of the whole head. The authors' code (RUIYUN-ML/GDR-GMA) projects g_f by the g_r that is projected
    already, holds those of the last tensor alone (the head's bias), and averages them in place, so that the memory
    changes with every look; the published numbers come from it: `compat: reference`. Training mode, as in their code.
    Cost: `epochs` over as many batches as the smaller of both sets has, of the forget set and of the retain set each.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"forget", "retain"})

    compat: Compat
    """paper, or reference as the authors' code."""
    lr: PositiveFloat
    """Learning rate of AdamW."""
    weight_decay: NonNegativeFloat
    """Decoupled, of AdamW."""
    epochs: PositiveInt
    """How often to go through the set with fewer batches."""
    sharpness: PositiveFloat
    """The paper's gamma: how suddenly climbing stops as the retain loss grows."""
    retain_loss: NonNegativeFloat
    """The paper's epsilon: the retain loss at which both gradients count the same."""
    forget_batch_size: PositiveInt
    """Images per step."""
    retain_batch_size: PositiveInt
    """Images per step."""
    augment: bool
    """Whether to augment the images as the recipe does."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        weights = trainable(model)
        reference = self.compat == "reference"
        head = {id(weight) for weight in model.head.parameters()}
        in_head = [index for index, weight in enumerate(weights) if id(weight) in head]
        length = ceil(len(split.forget) / self.forget_batch_size)
        memory: dict[int, deque[Tensor]] = {
            index: deque(maxlen=length) for index in (in_head[-1:] if reference else in_head)
        }
        optimizer = torch.optim.AdamW(weights, lr=self.lr, weight_decay=self.weight_decay)
        model.train()
        for epoch in context.epochs(self.epochs):
            retained = split.retain.batches(self.retain_batch_size, context.rng, self.augment)
            forgotten = split.forget.batches(self.forget_batch_size, context.rng, self.augment)
            for (x_retain, y_retain), (x_forget, y_forget) in zip(retained, forgotten, strict=False):
                loss = F.cross_entropy(model(x_retain), y_retain)
                retain = gradients_of(loss, weights)
                forget = gradients_of(-F.cross_entropy(model(x_forget), y_forget), weights)
                for index, stored in memory.items():
                    stored.append(forget[index])
                pairs = [_rectified(r, f, reference) for r, f in zip(retain, forget, strict=True)]
                climb = [f for _, f in pairs]
                if epoch > 1:
                    for index, stored in memory.items():
                        past = (_summed_conflict if reference else _mean_conflict)(climb[index], stored)
                        climb[index], _ = _rectified(climb[index], past)
                share = torch.sigmoid(self.sharpness * (self.retain_loss - loss.detach()))
                step = [(1 - share) * r + share * f for (r, _), f in zip(pairs, climb, strict=True)]
                step_along(optimizer, weights, step)
        return model


def _rectified(one: Tensor, other: Tensor, in_turn: bool = False) -> tuple[Tensor, Tensor]:
    """Both gradients, each without what it has against the other; in turn: the other without that along the new one."""
    tiny = torch.finfo(one.dtype).tiny
    against = (one * other).sum().clamp(max=0)
    first = one - against / other.square().sum().clamp(min=tiny) * other
    return first, other - against / one.square().sum().clamp(min=tiny) * (first if in_turn else one)


def _mean_conflict(gradient: Tensor, stored: deque[Tensor]) -> Tensor:
    """The mean of the stored gradients that conflict with this one; zeros where none does."""
    past = torch.stack(list(stored))
    conflicting = (past * gradient).flatten(1).sum(1) < 0
    total = (past * conflicting.view(-1, *[1] * gradient.dim())).sum(0)
    return total / conflicting.sum().clamp(min=1)


def _summed_conflict(gradient: Tensor, stored: deque[Tensor]) -> Tensor:
    """The same but for its length, as the authors' code takes it: the oldest such gradient becomes the sum, twice."""
    conflicting = [past for past in stored if (past * gradient).sum() < 0]
    for past in conflicting[1:]:
        conflicting[0] += 2 * past
    return conflicting[0] if conflicting else torch.zeros_like(gradient)
