"""A new head on the old features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F

from supreme.core import Context, Split
from supreme.core.validation import (
    Momentum,
    NonNegativeFloat,
    Optimizer,
    PositiveFloat,
    PositiveInt,
    bounded,
    require_no_momentum_with_adam,
)
from supreme.functional.classifier import Classifier
from supreme.functional.optimizers import make_optimizer
from supreme.functional.scores import features_of


@bounded
@dataclass(frozen=True, kw_only=True)
class HeadOnly:
    """Head only: train a new head on the original's features of the retain set.

    Exact unlearning of the last layer (Goel et al., "Towards Adversarial Evaluations for Inexact Machine Unlearning",
    arXiv 2022, https://arxiv.org/abs/2201.06640, with k = 1) at the price of one pass through the body: the features
    cannot change, so they are computed once. A control for methods that change little but the head; what the body knows
    of the forget set stays.

    Deviations: an optimiser of its own instead of the recipe's, and no augmentation, without which the features would
    have to be computed in every epoch. The body is in evaluation mode.
    Cost: one forward pass over the retain set; training the head on features costs next to nothing.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"retain"})

    optimizer: Optimizer
    """adam or sgd."""
    lr: PositiveFloat
    """Learning rate, constant."""
    momentum: Momentum
    """Of sgd; 0 with adam."""
    weight_decay: NonNegativeFloat
    """L2 term."""
    epochs: PositiveInt
    """Passes over the features."""
    batch_size: PositiveInt
    """Images per pass and features per step."""

    def __post_init__(self) -> None:
        require_no_momentum_with_adam(self, self.optimizer, self.momentum)

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        model.head.load_state_dict(context.fresh().head.state_dict())
        features, labels = features_of(model, split.retain, self.batch_size)
        optimizer = make_optimizer(self.optimizer, model.head, self.lr, self.momentum, self.weight_decay)
        for _ in context.epochs(self.epochs):
            order = torch.randperm(len(labels), generator=context.rng).to(labels.device)
            for part in order.split(self.batch_size):
                loss = F.cross_entropy(model.head(features[part]), labels[part])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        return model
