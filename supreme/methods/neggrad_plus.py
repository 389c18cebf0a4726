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
    retain batches, and in each epoch the forget set starts again, in another order, as often as it is through.

    The authors' code (meghdadk/SCRUB) has two forms. That of MIA_experiments.ipynb is the paper's, in training mode. In
    small_scale_unlearning.ipynb the loss has a pull towards the original weights θ₀, alpha · pull / 2 · ‖θ - θ₀‖²,
    and the model is in evaluation mode: `freeze_batchnorm`.

    Deviations: where the forget set starts again within an epoch, the authors' code repeats the first order.
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
    pull: NonNegativeFloat
    """Strength of the pull towards the weights of the original; 0 in the paper."""
    freeze_batchnorm: bool
    """Whether batch normalisation keeps the statistics of the original."""
    forget_batch_size: PositiveInt
    """Images of the forget set per step."""
    retain_batch_size: PositiveInt
    """Images of the retain set per step."""
    augment: bool
    """Whether to augment the images as the recipe does."""

    def __post_init__(self) -> None:
        require_no_momentum_with_adam(self, self.optimizer, self.momentum)

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        optimizer = make_optimizer(self.optimizer, model, self.lr, self.momentum, self.weight_decay)
        weights = [weight for weight in model.parameters() if weight.requires_grad]
        originals = [weight.detach().clone() for weight in weights]
        model.train(not self.freeze_batchnorm)
        for _ in context.epochs(self.epochs):
            retain = split.retain.batches(self.retain_batch_size, context.rng, self.augment)
            forget = endless_batches(split.forget, self.forget_batch_size, context.rng, self.augment)
            for (x, y), (forget_x, forget_y) in zip(retain, forget, strict=False):
                retain_loss = F.cross_entropy(model(x), y)
                forget_loss = F.cross_entropy(model(forget_x), forget_y)
                if self.pull:
                    distance = sum((w - o).square().sum() for w, o in zip(weights, originals, strict=True))
                    retain_loss = retain_loss + self.pull / 2 * distance
                loss = self.alpha * retain_loss - (1 - self.alpha) * forget_loss
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        return model
