"""Taking back the training steps that saw the forget set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from supreme.core import Context, Split
from supreme.core.validation import NonNegativeInt, PositiveFloat, PositiveInt, bounded
from supreme.functional.classifier import Classifier


@bounded
@dataclass(frozen=True, kw_only=True)
class Amnesiac:
    """Amnesiac unlearning: subtract the updates of all batches that held a forgotten image, then repair.

    Graves, Nagisetty and Ganesh, "Amnesiac Machine Learning", AAAI 2021, https://arxiv.org/abs/2010.10981:
    θ = θ_original - Σ_s Δ_s over the training steps s whose batch held a sensitive image, Δ_s being what the step added
    to the weights; then, where that hurt, a few epochs on the retain set. It is meant for a forget set that few batches
    saw: a random forget set of one image in ten is in nearly every batch, so little but the repair is left.

    What a step added includes momentum and weight decay, as in the authors' code (lmgraves/AmnesiacML), where the
    statistics of batch normalisation stay the original's, too, until the repair moves them. It needs the training's
    history, which counts as stored while the original was trained. The relabelling of the same
    paper is the method random_label.

    Deviations: the repair takes the recipe's optimiser, started anew, with a constant learning rate; the authors' Adam
    goes on with the moments of the training.
    Cost: `epochs` over the retain set.
    """

    needs_history: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset({"forget", "retain"})

    epochs: NonNegativeInt
    """Passes over the retain set for the repair; 0: none."""
    lr: PositiveFloat
    """Learning rate of the repair, constant."""
    batch_size: PositiveInt
    """Images per step of the repair."""
    augment: bool
    """Whether to augment the images of the repair as the recipe does."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        updates = context.history.updates_of(split.forget)
        with torch.no_grad():
            for name, weight in model.named_parameters():
                weight -= updates[name]
        if self.epochs == 0:
            return model
        return context.fit(
            model,
            split.retain,
            epochs=self.epochs,
            lr=self.lr,
            batch_size=self.batch_size,
            constant_schedule=True,
            augment=self.augment,
        )
