"""Gradient ascent on the forget set, descent on the retain set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch.nn.functional as F
from annotated_types import Gt, Lt

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
from supreme.functional.batches import endless_batches
from supreme.functional.classifier import Classifier
from supreme.functional.optimizers import make_optimizer


@bounded
@dataclass(frozen=True, kw_only=True)
class NegGradPlus:
    """NegGrad+: go down the loss of the retain set and up the loss of the forget set in the same steps.

    Kurmanji, Triantafillou, Hayes and Triantafillou, "Towards Unbounded Machine Unlearning", NeurIPS 2023,
    https://arxiv.org/abs/2302.09880, a baseline there: min_θ of alpha · cross entropy on the retain set
    - (1 - alpha) · cross entropy on the forget set. Each step takes one batch of each; there are as many steps as
    retain batches, and the forget set starts again, in another order, when it is through.

    Deviations: the pull towards the original's weights of the authors' code, which the paper does not have, is left
    out. A constant learning rate, no augmentation. The model is in evaluation mode, as in that code, so batch
    normalisation keeps the original's statistics.
    Cost: `epochs` over the retain set, and as many batches of the forget set.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"forget", "retain"})

    alpha: Annotated[float, Gt(0), Lt(1)]
    """Weight of the retain loss."""
    optimizer: Optimizer
    """adam or sgd."""
    lr: PositiveFloat
    """Learning rate, constant."""
    momentum: Momentum
    """Of sgd; 0 with adam."""
    weight_decay: NonNegativeFloat
    """L2 term."""
    epochs: PositiveInt
    """Passes over the retain set."""
    batch_size: PositiveInt
    """Images of each set per step."""

    def __post_init__(self) -> None:
        require_no_momentum_with_adam(self, self.optimizer, self.momentum)

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        optimizer = make_optimizer(self.optimizer, model, self.lr, self.momentum, self.weight_decay)
        forget = endless_batches(split.forget, self.batch_size, context.rng)
        model.eval()
        for _ in context.epochs(self.epochs):
            for x, y in split.retain.batches(self.batch_size, context.rng):
                forget_x, forget_y = next(forget)
                retain_loss = F.cross_entropy(model(x), y)
                forget_loss = F.cross_entropy(model(forget_x), forget_y)
                loss = self.alpha * retain_loss - (1 - self.alpha) * forget_loss
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        return model
