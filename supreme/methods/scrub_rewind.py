"""SCRUB, then back to the epoch that forgot as much as retraining would."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Gt, Le

from supreme.core import Context, Split, SupremeError
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
from supreme.functional.scores import accuracy


@bounded
@dataclass(frozen=True, kw_only=True)
class SCRUBRewind:
    """SCRUB+R: forget by SCRUB, then rewind to the epoch whose forget error is that of images never seen.

    Kurmanji, Triantafillou, Hayes and Triantafillou, "Towards Unbounded Machine Unlearning", NeurIPS 2023,
    https://arxiv.org/abs/2302.09880. SCRUB to the end, keeping the weights after each epoch. The reference
    is the error of the last weights on validation images of the classes that the forget set has; the result are the
    weights whose error on the forget set comes nearest to it. It keeps SCRUB from forgetting so much that it shows.

    Authors' code: meghdadk/SCRUB, MIA_experiments.ipynb; of equally near weights the first ones win.

    Deviations: the original is none of the candidates. The authors' code has it among them and fails when it is the
    nearest, as it did not store it.
    Stops: at the epoch whose forget accuracy is nearest to the last epoch's accuracy on validation images.
    Cost: SCRUB's (`max_epochs` over the forget set and `epochs` over the retain set, with one more forward pass for the
    teacher) and in every epoch one more forward pass over the forget set, in the end one over validation images; it
    holds `epochs` copies of the weights, in main memory.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"forget", "retain", "validation"})

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
        self.check_split(split)
        unseen = split.validation.subset(np.flatnonzero(np.isin(split.validation.targets, split.forget.targets)))
        student, teacher = model, freeze(model)
        optimizer = make_optimizer(self.optimizer, student, self.lr, self.momentum, self.weight_decay)
        kept, accuracies = [], []
        for epoch in context.epochs(self.epochs):
            for group in optimizer.param_groups:
                group["lr"] = self.lr * self.decay_rate ** sum(epoch > decay for decay in self.decay_epochs)
            retain = split.retain.batches(self.retain_batch_size, context.rng, self.augment)
            forget = split.forget.batches(self.forget_batch_size, context.rng, self.augment)
            weights = {"alpha": self.alpha, "gamma": self.gamma, "temperature": self.temperature}
            scrub_epoch(student, teacher, optimizer, forget if epoch <= self.max_epochs else (), retain, **weights)
            kept.append({name: tensor.to("cpu", copy=True) for name, tensor in student.state_dict().items()})
            accuracies.append(accuracy(student, split.forget, self.retain_batch_size))
        reference = accuracy(student, unseen, self.retain_batch_size)
        student.load_state_dict(kept[int(np.abs(np.array(accuracies) - reference).argmin())])
        return student

    def check_split(self, split: Split) -> None:
        if not np.isin(split.validation.targets, split.forget.targets).any():
            raise SupremeError(
                "SCRUB+R compares with validation images of the classes that are forgotten and there are none: "
                "type method=scrub, or choose data that has some"
            )
