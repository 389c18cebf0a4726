"""Boundary unlearning by giving the forget set a class of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F

from supreme.core import Context, Split
from supreme.core.validation import Momentum, NonNegativeFloat, PositiveFloat, PositiveInt, bounded
from supreme.functional.classifier import Classifier


@bounded
@dataclass(frozen=True, kw_only=True)
class BoundaryExpand:
    """Boundary expanding: add a shadow class, move the forget set into it, then take the class away.

    Chen, Gao, Liu, Peng and Wang, "Boundary Unlearning: Rapid Forgetting of Deep Networks via Shifting the Decision
    Boundary", CVPR 2023, https://arxiv.org/abs/2303.11570: the classifier gets one more output unit, min_θ
    of the cross entropy on the forget set labelled with it, and the unit is removed at the end. Made for forgetting
    classes; here for any forget set.

    Deviations: the new unit stands beside the head instead of inside a wider copy of it, which computes the same for
    every kind of head. Its weights start normal with the variance 2 / (features + classes + 1) of the authors' Xavier
    initialisation, its bias at 0 (TY-LEE-KR/Boundary-Unlearning-Code, a copy of what they published); theirs takes its
    first step in evaluation mode, if that is how it was given the model, here all steps are in training mode.
    OPTML-Group/Unlearn-Saliency draws weights and bias uniformly up to 1 / √features and keeps the unit when it
    evaluates; here it is gone.
    Cost: `epochs` over the forget set.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"forget"})

    lr: PositiveFloat
    """Learning rate of SGD."""
    momentum: Momentum
    """Of SGD."""
    weight_decay: NonNegativeFloat
    """L2 term of SGD."""
    epochs: PositiveInt
    """Passes over the forget set."""
    batch_size: PositiveInt
    """Images per step."""
    augment: bool
    """Whether to augment the images as the recipe does."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        with torch.no_grad():
            x, _ = next(split.forget.batches(1))
            features = model.features(x)
        width = features.shape[1]
        spread = (2 / (width + split.num_classes + 1)) ** 0.5
        shadow = (torch.randn(width, generator=context.rng) * spread).to(features).requires_grad_(True)
        bias = features.new_zeros(1).requires_grad_(True)
        weights = [weight for weight in model.parameters() if weight.requires_grad]
        optimizer = torch.optim.SGD(
            [*weights, shadow, bias], lr=self.lr, momentum=self.momentum, weight_decay=self.weight_decay
        )
        model.train()
        for _ in context.epochs(self.epochs):
            for x, y in split.forget.batches(self.batch_size, context.rng, self.augment):
                features = model.features(x)
                logits = torch.cat([model.head(features), (features @ shadow + bias)[:, None]], dim=1)
                loss = F.cross_entropy(logits, torch.full_like(y, split.num_classes))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        return model
