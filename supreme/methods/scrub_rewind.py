"""SCRUB, then back to the epoch that forgot as much as retraining would."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from supreme.core import Context, Split, SupremeError
from supreme.core.validation import require, require_above_zero, require_counts, require_not_negative, require_optimizer
from supreme.functional.classifier import Classifier
from supreme.functional.distillation import scrub_epoch
from supreme.functional.layers import freeze
from supreme.functional.optimizers import make_optimizer
from supreme.functional.scores import accuracy


@dataclass(frozen=True, kw_only=True)
class SCRUBRewind:
    """SCRUB+R: forget by SCRUB, then rewind to the epoch whose forget error is that of images never seen.

    Kurmanji, Triantafillou, Hayes and Triantafillou, "Towards Unbounded Machine Unlearning", NeurIPS 2023,
    https://arxiv.org/abs/2302.09880. SCRUB to the end, keeping the weights after each epoch. The reference
    is the error of the last weights on validation images of the classes that the forget set has; the result are the
    weights whose error on the forget set comes nearest to it. It keeps SCRUB from forgetting so much that it shows.

    Deviations: of equally near weights the last ones win, which have left the teacher most; otherwise those of SCRUB:
    no smoothing term, no augmentation.
    Cost: SCRUB's (`max_epochs` over the forget set and `epochs` over the retain set, with one more forward pass for the
    teacher) and in every epoch one more forward pass over the forget set, in the end one over validation images; it
    holds `epochs` copies of the weights, in main memory.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"forget", "retain", "validation"})

    epochs: int
    """Passes over the retain set; 1 or more."""
    max_epochs: int
    """In how many epochs, the first ones, the student first leaves the teacher on the forget set; from 0 to epochs."""
    alpha: float
    """Weight of the distance to the teacher on the retain set; 0 or more."""
    gamma: float
    """Weight of the cross entropy on the retain set; 0 or more."""
    temperature: float
    """T, divides all logits in the distance; above 0."""
    optimizer: str
    """adam or sgd."""
    lr: float
    """Learning rate of the first epochs; above 0."""
    momentum: float
    """Of sgd; 0 with adam."""
    weight_decay: float
    """L2 term; 0 or more."""
    decay_epochs: list[int]
    """After each of these epochs the learning rate is multiplied by decay_rate."""
    decay_rate: float
    """Above 0, up to 1."""
    forget_batch_size: int
    """Images per maximising step; 1 or more. Small ones mean more steps: the authors tune it."""
    retain_batch_size: int
    """Images per minimising step; 1 or more."""

    def __post_init__(self) -> None:
        require_counts(self, "epochs", "forget_batch_size", "retain_batch_size")
        rule = f"a whole number from 0 to epochs={self.epochs}, as in method.max_epochs=1"
        require(self, "max_epochs", 0 <= self.max_epochs <= self.epochs, rule)
        require_not_negative(self, "alpha", "gamma", "weight_decay")
        require_above_zero(self, "temperature", "lr")
        require_optimizer(self, self.optimizer, self.momentum)
        rule = "a number above 0 and up to 1, as in method.decay_rate=0.1"
        require(self, "decay_rate", 0 < self.decay_rate <= 1, rule)
        rule = "whole numbers from 1, as in method.decay_epochs=[5,8,9]"
        require(self, "decay_epochs", all(epoch >= 1 for epoch in self.decay_epochs), rule)

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        alike = np.isin(split.validation.targets, split.forget.targets)
        if not alike.any():
            raise SupremeError(
                "SCRUB+R compares with validation images of the classes that are forgotten and there are none: "
                "type method=scrub, or choose data that has some"
            )
        unseen = split.validation.subset(np.flatnonzero(alike))
        student, teacher = model, freeze(model)
        optimizer = make_optimizer(self.optimizer, student, self.lr, self.momentum, self.weight_decay)
        kept, accuracies = [], []
        for epoch in context.epochs(self.epochs):
            for group in optimizer.param_groups:
                group["lr"] = self.lr * self.decay_rate ** sum(epoch > decay for decay in self.decay_epochs)
            forget = split.forget.batches(self.forget_batch_size, context.rng) if epoch <= self.max_epochs else ()
            retain = split.retain.batches(self.retain_batch_size, context.rng)
            weights = {"alpha": self.alpha, "gamma": self.gamma, "temperature": self.temperature}
            scrub_epoch(student, teacher, optimizer, forget, retain, **weights)
            kept.append({name: tensor.to("cpu", copy=True) for name, tensor in student.state_dict().items()})
            accuracies.append(accuracy(student, split.forget, self.retain_batch_size))
        reference = accuracy(student, unseen, self.retain_batch_size)
        distances = np.abs(np.array(accuracies) - reference)
        student.load_state_dict(kept[int(np.flatnonzero(distances == distances.min())[-1])])
        return student

    def check_split(self, split: Split) -> None:
        if not np.isin(split.validation.targets, split.forget.targets).any():
            raise SupremeError(
                "SCRUB+R compares with validation images of the classes that are forgotten and there are none: "
                "type method=scrub, or choose data that has some"
            )
