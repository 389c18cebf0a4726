"""Selective Synaptic Dampening."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from supreme.core import Context, Split
from supreme.core.validation import Compat, NonNegativeFloat, PositiveFloat, PositiveInt, bounded
from supreme.functional.classifier import Classifier
from supreme.methods.dampening import ROUNDING, SQUARED_GRADIENTS, dampen, of_forget_and_all


@bounded
@dataclass(frozen=True, kw_only=True)
class SSD:
    """Selective Synaptic Dampening: shrink the weights that matter far more to the forget set than to all data.

    Foster, Schoepf and Brintrup, "Fast Machine Unlearning Without Retraining Through Selective Synaptic Dampening",
    AAAI 2024, https://arxiv.org/abs/2308.07707, equations 4 to 7. The importance I of a weight is the mean squared
    gradient of the loss. A weight with I_forget > alpha · I_all is multiplied by min(dampening · I_all / I_forget, 1);
    every other one stays as it is, to the bit. Nothing is trained and nothing is drawn.

    With `compat: paper` I_all is at least |forget| / |all| of I_forget, as all data contain the forget set: an alpha of
    |all| / |forget| or more (10 for one of ten equal classes) selects nothing. With `compat: reference` there is no
    such bound, as the gradients of different images cancel in the mean of a batch.

    Deviations: with `compat: paper` gradients are squared per image, which is the Fisher information that the paper
    means and does not depend on the batch size (SUPREME calls this SSD-Det). The authors' code
    (if-loops/selective-synaptic-dampening) squares the gradient of a batch's mean loss, and the published numbers and
    alphas come from it: `compat: reference`. Its batches of all data go through the retain set and then the forget set;
    here through the source in its order, so that one pass serves every forget set.
    Cost: one pass, forward and backward, over all training data, which all methods that need it share for one
    original, and one over the forget set.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"forget", "retain"})

    alpha: PositiveFloat
    """Select a weight whose forget importance exceeds alpha times its overall importance."""
    dampening: NonNegativeFloat
    """The paper's lambda, how hard selected weights shrink: smaller is harder."""
    compat: Compat
    """paper, or reference as the authors' code."""
    batch_size: PositiveInt
    """Images per pass; changes the result with compat: reference only."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        of_forget, of_all = of_forget_and_all(SQUARED_GRADIENTS, self.compat, self.batch_size, model, split, context)
        dampen(model, of_forget, of_all, self.alpha * ROUNDING, self.dampening)
        return model
