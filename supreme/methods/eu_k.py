"""Retraining of the last layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from supreme.core import Context, Split
from supreme.core.validation import Compat, PositiveInt, bounded
from supreme.functional.classifier import Classifier
from supreme.functional.layers import last_layers, last_weights, only_learning


@bounded
@dataclass(frozen=True, kw_only=True)
class EUk:
    """Exact unlearning of the last k layers: train them anew on the retain set, the rest frozen.

    Goel, Prabhu, Sanyal, Lim, Torr and Kumaraguru, "Towards Adversarial Evaluations for Inexact Machine Unlearning",
    arXiv 2022, https://arxiv.org/abs/2201.06640: the last k layers are initialised again and trained on the retain set
    by the original's recipe. They have never seen the forget set; the frozen layers, which have, stay as they are.

    Where the model starts from pretrained weights, so do the layers, as they do in retraining and in the authors' code.

    Deviations: with `compat: paper` a layer is a convolution or block with the normalisation that follows it, all of
    it is new, and the frozen ones stay as they are, their batch normalisation, too. The authors' code
    (shash42/Evaluating-Inexact-Unlearning) counts every convolution and linear map, those inside blocks, too, keeps
    the original's batch normalisation between them, and leaves the frozen layers in training mode, so that their
    statistics become those of the retain set: `compat: reference`, from which the published numbers come. It draws He
    et al.'s normal distribution and biases of 0, here the model draws as it does at first, and it clips gradients at a
    norm of 10, here none. SCRUB's version keeps the whole model in evaluation mode and pulls the weights towards those
    drawn.
    Cost: the recipe's epochs, or `epochs`, over the retain set, the backward passes through the last layers only.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"retain"})

    layers: PositiveInt
    """k, the head included: 1 trains the head alone."""
    epochs: PositiveInt | None
    """Passes over the retain set, over which the recipe's schedule is stretched; null: the recipe's number."""
    augment: bool
    """Whether to augment the images as the recipe does."""
    compat: Compat
    """paper, or reference as the authors' code."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        layers = self._layers(model)
        for layer, new in zip(layers, self._layers(context.fresh()), strict=True):
            if self.compat == "paper" or not isinstance(layer, nn.BatchNorm2d):
                layer.load_state_dict(new.state_dict())
        with only_learning(model, layers, keep_statistics=self.compat == "paper"):
            return context.fit(model, split.retain, epochs=self.epochs, augment=self.augment)

    def _layers(self, model: Classifier) -> list[nn.Module]:
        return last_layers(model, self.layers) if self.compat == "paper" else last_weights(model, self.layers)

    def check_model(self, model: Classifier, split: Split) -> None:
        self._layers(model)
