"""Unlearning by leaving the teacher on the forget set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Gt, Le

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
from supreme.functional.distillation import scrub_epoch
from supreme.functional.layers import freeze
from supreme.functional.optimizers import make_optimizer


@bounded
@dataclass(frozen=True, kw_only=True)
class SCRUB:
    """SCalable Remembering and Unlearning unBound: leave the teacher on the forget set, obey it on the retain set.

    Kurmanji, Triantafillou, Hayes and Triantafillou, "Towards Unbounded Machine Unlearning", NeurIPS 2023,
    https://arxiv.org/abs/2302.09880, equation 3 and algorithm 1. The teacher is the original. In each of the first
    `max_epochs` epochs one pass over the forget set maximises d = T² KL(teacher ‖ student); then, in every epoch, one
    pass over the retain set minimises gamma · cross entropy + alpha · d.

    Authors' code: meghdadk/SCRUB. Its option `smoothing` has no effect there: no notebook builds the average that it is
    about.

    Deviations: none known. Rewinding is a method of its own, `scrub_rewind`.
    Cost: `max_epochs` over the forget set and `epochs` over the retain set, with one more forward pass for the teacher.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"forget", "retain"})

    epochs: PositiveInt
    """Passes over the retain set."""
    max_epochs: NonNegativeInt
    """In how many epochs, the first ones, the student first leaves the teacher on the forget set; from 0 to epochs."""
    alpha: NonNegativeFloat
    """Weight of the distance to the teacher on the retain set."""
    gamma: NonNegativeFloat
    """Weight of the cross entropy on the retain set."""
    temperature: PositiveFloat
    """T, divides all logits in the distance."""
    optimizer: Optimizer
    """adam or sgd."""
    lr: PositiveFloat
    """Learning rate of the first epochs."""
    momentum: Momentum
    """Of sgd; 0 with adam."""
    weight_decay: NonNegativeFloat
    """L2 term."""
    decay_epochs: list[PositiveInt]
    """After each of these epochs the learning rate is multiplied by decay_rate."""
    decay_rate: Annotated[float, Gt(0), Le(1)]
    """Factor of the learning rate after each of decay_epochs."""
    forget_batch_size: PositiveInt
    """Images per maximising step. Small ones mean more steps: the authors tune it."""
    retain_batch_size: PositiveInt
    """Images per minimising step."""
    augment: bool
    """Whether to augment the images as the recipe does."""

    def __post_init__(self) -> None:
        rule = f"a whole number from 0 to epochs={self.epochs}, as in method.max_epochs=1"
        require(self, "max_epochs", self.max_epochs <= self.epochs, rule)
        require_no_momentum_with_adam(self, self.optimizer, self.momentum)

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        student, teacher = model, freeze(model)
        optimizer = make_optimizer(self.optimizer, student, self.lr, self.momentum, self.weight_decay)
        for epoch in context.epochs(self.epochs):
            for group in optimizer.param_groups:
                group["lr"] = self.lr * self.decay_rate ** sum(epoch > decay for decay in self.decay_epochs)
            retain = split.retain.batches(self.retain_batch_size, context.rng, self.augment)
            forget = split.forget.batches(self.forget_batch_size, context.rng, self.augment)
            weights = {"alpha": self.alpha, "gamma": self.gamma, "temperature": self.temperature}
            scrub_epoch(student, teacher, optimizer, forget if epoch <= self.max_epochs else (), retain, **weights)
        return student
