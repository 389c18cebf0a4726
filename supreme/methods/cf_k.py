"""Fine-tuning of the last layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from supreme.core import Context, Split
from supreme.core.validation import Compat, PositiveFloat, PositiveInt, bounded
from supreme.functional.classifier import Classifier
from supreme.functional.layers import last_layers, last_weights, only_learning


@bounded
@dataclass(frozen=True, kw_only=True)
class CFk:
    """Catastrophic forgetting of the last k layers: fine-tune them on the retain set, the rest frozen.

    Goel, Prabhu, Sanyal, Lim, Torr and Kumaraguru, "Towards Adversarial Evaluations for Inexact Machine Unlearning",
    arXiv 2022, https://arxiv.org/abs/2201.06640: min of the cross entropy on the retain set over the weights of the
    last k layers, from the original's. What the frozen layers know of the forget set, they keep.

    Deviations: with `compat: paper` a layer is a convolution or block with the normalisation that follows it, and the
    frozen ones stay as they are, their batch normalisation, too. The authors' code
    (shash42/Evaluating-Inexact-Unlearning) counts every convolution and linear map, those inside blocks, too, and
    leaves the frozen layers in training mode, so that their statistics become those of the retain set: that is
    `compat: reference`, and the published numbers come from it. It trains at the learning rates of the original's
    schedule, here at a constant one, and clips gradients at a norm of 10, here none. SCRUB's version keeps the whole
    model in evaluation mode and pulls the weights towards the original's.
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
    compat: Compat
    """paper, or reference as the authors' code."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        with only_learning(model, self._layers(model), keep_statistics=self.compat == "paper"):
            return context.fit(
                model,
                split.retain,
                epochs=self.epochs,
                lr=self.lr,
                batch_size=self.batch_size,
                constant_schedule=True,
                augment=self.augment,
            )

    def _layers(self, model: Classifier) -> list[nn.Module]:
        return last_layers(model, self.layers) if self.compat == "paper" else last_weights(model, self.layers)

    def check_model(self, model: Classifier, split: Split) -> None:
        self._layers(model)
