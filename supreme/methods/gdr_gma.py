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
from supreme.core.validation import NonNegativeFloat, PositiveFloat, PositiveInt, bounded
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

    Deviations: two slips of the authors' code are not repeated: the second projection used the result of the first,
    and averaging the stored gradients changed them. The code stores gradients of the last tensor alone (the head's
    bias), here those of the whole head. Training mode, as in their code.
    Cost: `epochs` over as many batches as the smaller of both sets has, of the forget set and of the retain set each.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"forget", "retain"})

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

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        weights = trainable(model)
        head = {id(weight) for weight in model.head.parameters()}
        in_head = [index for index, weight in enumerate(weights) if id(weight) in head]
        length = ceil(len(split.forget) / self.forget_batch_size)
        memory: dict[int, deque[Tensor]] = {index: deque(maxlen=length) for index in in_head}
        optimizer = torch.optim.AdamW(weights, lr=self.lr, weight_decay=self.weight_decay)
        model.train()
        for epoch in context.epochs(self.epochs):
            retained = split.retain.batches(self.retain_batch_size, context.rng)
            forgotten = split.forget.batches(self.forget_batch_size, context.rng)
            for (x_retain, y_retain), (x_forget, y_forget) in zip(retained, forgotten, strict=False):
                loss = F.cross_entropy(model(x_retain), y_retain)
                retain = gradients_of(loss, weights)
                forget = gradients_of(-F.cross_entropy(model(x_forget), y_forget), weights)
                for index, stored in memory.items():
                    stored.append(forget[index])
                pairs = [(_rectified(r, f), _rectified(f, r)) for r, f in zip(retain, forget, strict=True)]
                climb = [f for _, f in pairs]
                for index, stored in memory.items():
                    if epoch > 1:
                        climb[index] = _rectified(climb[index], _mean_conflict(climb[index], stored))
                share = torch.sigmoid(self.sharpness * (self.retain_loss - loss.detach()))
                step = [(1 - share) * r + share * f for (r, _), f in zip(pairs, climb, strict=True)]
                step_along(optimizer, weights, step)
        return model


def _rectified(gradient: Tensor, other: Tensor) -> Tensor:
    """The gradient without what it has against the other one."""
    against = (gradient * other).sum().clamp(max=0) / other.square().sum().clamp(min=torch.finfo(other.dtype).tiny)
    return gradient - against * other


def _mean_conflict(gradient: Tensor, stored: deque[Tensor]) -> Tensor:
    """The mean of the stored gradients that conflict with this one; zeros where none does."""
    past = torch.stack(list(stored))
    conflicting = (past * gradient).flatten(1).sum(1) < 0
    total = (past * conflicting.view(-1, *[1] * gradient.dim())).sum(0)
    return total / conflicting.sum().clamp(min=1)
