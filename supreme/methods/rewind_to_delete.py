"""Going back to an earlier point of the training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from annotated_types import Gt, Le

from supreme.core import Context, Split
from supreme.core.validation import NonNegativeFloat, PositiveFloat, PositiveInt, bounded
from supreme.functional.classifier import Classifier


@bounded
@dataclass(frozen=True, kw_only=True)
class RewindToDelete:
    """Rewind to delete: undo the last part of the training, then train that part again without the forget set.

    Mu and Klabjan, "Rewind-to-Delete: Certified Machine Unlearning for Nonconvex Functions", arXiv 2024,
    https://arxiv.org/abs/2409.09778: from the weights that the original had K steps before its end, K
    steps on the retain set, then, for a certificate, Gaussian noise on all weights. The more is undone, the nearer
    it comes to retraining.

    Deviations: K is counted in epochs of the original's training (the paper: full-batch steps; the authors' code,
    anonymous-1234567/r2d, epochs of batches of 512). The optimiser is the recipe's with a constant learning rate of its
    own; theirs, and so that of the published numbers, is plain SGD, for the original too. The certificate needs bounds
    on the loss's gradients that a network does not give, so the noise is a plain option.
    It needs the training's history, which counts as stored while the original was trained.
    Cost: `fraction` of the original's epochs, over the retain set.
    """

    needs_history: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset({"retain"})

    fraction: Annotated[float, Gt(0), Le(1)]
    """Which part of the original's epochs, the last ones, to undo and train again."""
    noise: NonNegativeFloat
    """Standard deviation of the noise that is added to every weight at the end."""
    lr: PositiveFloat
    """Learning rate after rewinding, constant."""
    batch_size: PositiveInt
    """Images per step."""
    augment: bool
    """Whether to augment the images as the recipe does."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        undone = max(1, round(self.fraction * context.history.epochs))
        model.load_state_dict(context.history.weights_after(context.history.epochs - undone))
        context.fit(
            model,
            split.retain,
            epochs=undone,
            lr=self.lr,
            batch_size=self.batch_size,
            constant_schedule=True,
            augment=self.augment,
        )
        if self.noise:
            with torch.no_grad():
                for weight in model.parameters():
                    weight += self.noise * torch.randn(weight.shape, generator=context.rng).to(weight)
        return model
