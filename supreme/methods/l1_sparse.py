"""Fine-tuning towards sparse weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F

from supreme.core import Context, Split
from supreme.core.validation import (
    Momentum,
    NonNegativeFloat,
    NonNegativeInt,
    Optimizer,
    PositiveFloat,
    PositiveInt,
    bounded,
    require,
    require_no_momentum_with_adam,
)
from supreme.functional.classifier import Classifier
from supreme.functional.optimizers import make_optimizer


@bounded
@dataclass(frozen=True, kw_only=True)
class L1Sparse:
    """l1-sparse: fine-tune on the retain set while the sum of all absolute weights is pressed down.

    Jia, Liu, Ram, Yao, Liu, Liu, Sharma and Liu, "Model Sparsity Can Simplify Machine Unlearning", NeurIPS 2023,
    https://arxiv.org/abs/2304.04934: min_θ of the cross entropy on the retain set + γ_t ‖θ‖₁, from the
    original's weights, with γ_t = gamma · (1 - t / T) falling over the epochs t = 0, 1, ..., T - 1 and 0 in the
    `plain_epochs` after them. The norm runs over all weights, those of normalisation and biases too, as in the authors'
    code.

    Deviations: none known from OPTML-Group/Unlearn-Sparse, whose learning rate does not fall within ten epochs either;
    that code holds γ constant if every epoch is a plain one, which is refused here. The model is in training mode.
    Cost: `epochs` over the retain set.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"retain"})

    gamma: NonNegativeFloat
    """Weight of the norm in the first epoch."""
    plain_epochs: NonNegativeInt
    """How many of the epochs, the last ones, go without the norm; from 0 to below epochs."""
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
    """Images per step."""
    augment: bool
    """Whether to augment the images as the recipe does."""

    def __post_init__(self) -> None:
        require_no_momentum_with_adam(self, self.optimizer, self.momentum)
        rule = f"a whole number from 0 to below epochs={self.epochs}, as in method.plain_epochs=0"
        require(self, "plain_epochs", self.plain_epochs < self.epochs, rule)

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        optimizer = make_optimizer(self.optimizer, model, self.lr, self.momentum, self.weight_decay)
        sparse_epochs = self.epochs - self.plain_epochs
        model.train()
        for epoch in context.epochs(self.epochs):
            gamma = self.gamma * max(0.0, 1 - (epoch - 1) / sparse_epochs)
            for x, y in split.retain.batches(self.batch_size, context.rng, self.augment):
                norm = torch.stack([weight.abs().sum() for weight in model.parameters()]).sum()
                loss = F.cross_entropy(model(x), y) + gamma * norm
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        return model
