"""Fine-tuning on the retain set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from supreme.classifier import Classifier
from supreme.core import Context, Split
from supreme.requirements import require_above_zero, require_counts


@dataclass(frozen=True, kw_only=True)
class Finetune:
    """Fine-tuning: go on training on the retain set alone and let the forget set fade.

    A baseline of Golatkar, Achille and Soatto, "Eternal Sunshine of the Spotless Net: Selective Forgetting in Deep
    Networks", CVPR 2020, https://arxiv.org/abs/1911.04933, and of Warnecke et al., "Machine Unlearning of Features and
    Labels", NDSS 2023, https://arxiv.org/abs/2108.11577: min_θ of the cross entropy on the retain set, from the
    original's weights.

    Deviations: the optimiser is the one that the recipe trained the model with (SUPREME's published runs use SGD for
    every architecture, which ruins vision transformers), with a constant learning rate.
    Cost: `epochs` over the retain set.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"retain"})

    lr: float
    """Learning rate, constant; above 0."""
    epochs: int
    """Passes over the retain set; 1 or more."""
    batch_size: int
    """Images per step; 1 or more."""
    augment: bool
    """Whether to augment the images as the recipe does."""

    def __post_init__(self) -> None:
        require_above_zero(self, "lr")
        require_counts(self, "epochs", "batch_size")

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        return context.fit(
            model,
            split.retain,
            epochs=self.epochs,
            lr=self.lr,
            batch_size=self.batch_size,
            constant_schedule=True,
            augment=self.augment,
        )
