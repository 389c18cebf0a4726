"""Adaptive Selective Synaptic Dampening."""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import Annotated, ClassVar

import numpy as np
import torch
from torch import Tensor

from supreme.core import Context, Split
from supreme.core.validation import Compat, OneOf, PositiveInt, bounded
from supreme.functional.classifier import Classifier
from supreme.methods.dampening import SQUARED_GRADIENTS, dampen, of_forget_and_all, of_images


@bounded
@dataclass(frozen=True, kw_only=True)
class ASSD:
    """Adaptive Selective Synaptic Dampening: SSD whose alpha follows from how much is to be forgotten.

    Schoepf, Foster and Brintrup, "Parameter-tuning-free data entry error unlearning with adaptive selective synaptic
    dampening", 2024, https://arxiv.org/abs/2402.10098. As in SSD, the importance I of a weight is the mean squared
    gradient of the loss, and a weight with I_forget > alpha · I_all is multiplied by min(I_all / I_forget, 1). Here
    alpha is the percentile 100 - ln(1 + 100 · |forget| / |all|) of I_forget / I_all over all weights: a hundredth of
    the data selects 0.7 % of the weights, a tenth 2.4 %. Weights that matter to no image are left out.

    Deviations: with `compat: paper` gradients are squared per image, and with `overall: all` the forget set is compared
    with all training data, as in SSD. The authors' notebook (if-loops/adaptive-selective-synaptic-dampening), which
    holds the paper's experiment on a table of shipments, squares the gradient of a batch's mean loss (`compat:
    reference`) and compares with the retain set (`overall: retain`). It has no code for the paper's images; SUPREME's
    code has the former of the two and not the latter.
    Cost: that of SSD, and finding one percentile among the weights on the CPU.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"forget", "retain"})

    compat: Compat
    """paper, or reference as the authors' code."""
    overall: Annotated[str, OneOf("all", "retain")]
    """What the forget set is compared with: all training data, or the retain set as in the authors' notebook."""
    batch_size: PositiveInt
    """Images per pass; changes the result with compat: reference only."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        settings = (SQUARED_GRADIENTS, self.compat, self.batch_size, model)
        if self.overall == "all":
            of_forget, of_all = of_forget_and_all(*settings, split, context)
        else:
            of_forget, of_all = of_images(*settings, split.forget), of_images(*settings, split.retain)
        percentile = 100 - log(1 + 100 * len(split.forget) / (len(split.forget) + len(split.retain)))
        dampen(model, of_forget, of_all, alpha=_percentile(of_forget, of_all, percentile), dampening=1.0)
        return model


def _percentile(of_forget: dict[str, Tensor], of_all: dict[str, Tensor], percentile: float) -> float:
    """Of the finite ratios of importances, all weights taken together."""
    ratios = torch.cat([(of_forget[name] / of_all[name]).flatten() for name in of_all])
    return float(np.percentile(ratios[ratios.isfinite()].cpu().numpy(), percentile))
