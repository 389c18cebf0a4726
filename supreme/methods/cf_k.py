"""Fine-tuning of the last layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from supreme.core import Context, Split
from supreme.core.validation import PositiveFloat, PositiveInt, bounded
from supreme.functional.classifier import Classifier
from supreme.functional.layers import last_layers, only_learning


@bounded
@dataclass(frozen=True, kw_only=True)
class CFk:
    """Catastrophic forgetting of the last k layers: fine-tune them on the retain set, the rest frozen.

    Goel, Prabhu, Sanyal, Lim, Torr and Kumaraguru, "Towards Adversarial Evaluations for Inexact Machine Unlearning",
    arXiv 2022, https://arxiv.org/abs/2201.06640: min of the cross entropy on the retain set over the weights of the
    last k layers, from the original's. What the frozen layers know of the forget set, they keep.

    Deviations: as in fine-tuning, the optimiser is the one of the recipe, with a constant learning rate; the pull
    towards the original's weights of SCRUB's code, which the paper does not have, is left out. The frozen layers are
    in evaluation mode, so their batch normalisation stays too (that code: the whole model).
    Cost: `epochs` over the retain set, the backward passes through the last layers only.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"retain"})

    layers: PositiveInt
    """k, the head included: 1 trains the head alone."""
    lr: PositiveFloat
    """Learning rate, constant."""
    epochs: PositiveInt
    """Passes over the retain set."""
    batch_size: PositiveInt
    """Images per step."""
    augment: bool
    """Whether to augment the images as the recipe does."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        with only_learning(model, last_layers(model, self.layers)):
            return context.fit(
                model,
                split.retain,
                epochs=self.epochs,
                lr=self.lr,
                batch_size=self.batch_size,
                constant_schedule=True,
                augment=self.augment,
            )

    def check_model(self, model: Classifier, split: Split) -> None:
        last_layers(model, self.layers)
