"""Retraining of the last layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from supreme.core import Context, Split
from supreme.core.validation import PositiveInt, bounded
from supreme.functional.classifier import Classifier
from supreme.functional.layers import last_layers, only_learning


@bounded
@dataclass(frozen=True, kw_only=True)
class EUk:
    """Exact unlearning of the last k layers: train them anew on the retain set, the rest frozen.

    Goel, Prabhu, Sanyal, Lim, Torr and Kumaraguru, "Towards Adversarial Evaluations for Inexact Machine Unlearning",
    arXiv 2022, https://arxiv.org/abs/2201.06640: the last k layers are initialised again and trained on the retain set
    by the original's recipe. They have never seen the forget set; the frozen layers, which have, stay as they are.

    Deviations: the frozen layers are in evaluation mode, so their batch normalisation stays too. Where the model starts
    from pretrained weights, so do the layers, as they do in retraining.
    Cost: the recipe's epochs, or `epochs`, over the retain set, the backward passes through the last layers only.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"retain"})

    layers: PositiveInt
    """k, the head included: 1 trains the head alone."""
    epochs: PositiveInt | None
    """Passes over the retain set, over which the recipe's schedule is stretched; null: the recipe's number."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        layers = last_layers(model, self.layers)
        for layer, new in zip(layers, last_layers(context.fresh(), self.layers), strict=True):
            layer.load_state_dict(new.state_dict())
        with only_learning(model, layers):
            return context.fit(model, split.retain, epochs=self.epochs)

    def check_model(self, model: Classifier, split: Split) -> None:
        last_layers(model, self.layers)
