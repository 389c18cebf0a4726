"""Does a model still go along with noise that was planted in the forget set?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Annotated, ClassVar

import torch
from annotated_types import Gt, Lt
from torch import Tensor, nn

from supreme.core import Column, Evaluation, Split, SupremeError, Undefined
from supreme.core.pixels import centre
from supreme.core.validation import bounded
from supreme.metrics import arithmetic

BATCH = 32
"""Images whose gradients are taken at once."""


@bounded
@dataclass(frozen=True, kw_only=True)
class GaussianPoison:
    """How far the planted noise points to where the subject's loss falls, seen from the clean image.

    For each poisoned image <noise, -gradient of its loss> / (sigma |gradient|), at the image without the noise: a
    standard normal number for every model that never saw the noise, above that for one that learnt the noisy image.
    It is the score of Pawelczyk et al., "Machine Unlearning Fails to Remove Data Poisoning Attacks", ICLR 2025,
    https://arxiv.org/abs/2406.17216, with the sign that makes a trace positive; below 0 a method has overdone it.

    * `gaussian_poison/mean`: over the poisoned images.
    * `gaussian_poison/z`: the mean times the root of their number; standard normal without a trace.
    * `gaussian_poison/tpr_at_<fpr>`: share of them above the (1 - fpr) quantile of the standard normal.

    An image whose gradient is zero does not count. Undefined but with scenario=gaussian_poison.

    Range: mean and z any number; the rate [0, 1].
    Ideal: mean and z 0 but for chance, the rate fpr; so does the reference.
    Attacker: per sample; knows the noise that was planted in each image, and has the weights of one model.
    Cost: a forward and a backward pass over the forget set.
    Least n: none; z knows how many images there are.
    """

    fpr: Annotated[float, Gt(0), Lt(1)]
    """False-positive rate at which the true-positive rate is read."""

    declared_columns: ClassVar[Mapping[str, Column]] = {
        "gaussian_poison/mean": Column(),
        "gaussian_poison/z": Column(title="poison z", format=".2f", shown=True, rank=70),
        "gaussian_poison/tpr_at_*": Column(unit="fraction"),
    }
    needs: ClassVar[frozenset[str]] = frozenset({"models", "images"})

    def columns(self, evaluation: Evaluation) -> tuple[str, ...]:
        return "gaussian_poison/mean", "gaussian_poison/z", f"gaussian_poison/tpr_at_{self.fpr:g}"

    def check_split(self, split: Split) -> None:
        if "noise" not in split.planted:
            raise SupremeError("this scenario plants no noise: type scenario=gaussian_poison")

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float | Undefined]:
        columns = self.columns(evaluation)
        if "noise" not in evaluation.planted:
            return dict.fromkeys(columns, Undefined("this scenario plants no noise: type scenario=gaussian_poison"))
        images, model = evaluation.images("clean_forget"), evaluation.subject.model
        gradients = torch.cat([_directions(model, x, y).cpu() for x, y in images.batches(BATCH)])
        noise = centre(torch.from_numpy(evaluation.planted["noise"]), images.data.image_size)
        norms = gradients.flatten(1).norm(dim=1)
        counted = (norms > 0) & norms.isfinite()
        if not counted.any():
            return dict.fromkeys(columns, Undefined("no gradient reaches any poisoned image"))
        noise, gradients = noise[counted].flatten(1), gradients[counted].flatten(1)
        scores = -arithmetic.gaussian_unlearning_score(noise, gradients, float(evaluation.planted["sigma"][0]))
        mean = float(scores.mean())
        tpr = float((scores > NormalDist().inv_cdf(1 - self.fpr)).double().mean())
        return dict(zip(columns, (mean, mean * math.sqrt(len(scores)), tpr), strict=True))


def _directions(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """The gradient of every image's cross-entropy with respect to the image, up to a positive factor.

    Its part at the logits, p minus one-hot, is taken in float64 (on the CPU: not every device has it), divided by 1 -
    p_y and scaled to length 1. As p_k / (1 - p_y) is the softmax of the other classes alone, the gradient of an image
    of which the model is certain vanishes neither in rounding nor where every other probability is 0 in float64.
    """
    logits, own = model(x.requires_grad_()), y.cpu()[:, None]
    pull = logits.detach().cpu().double().scatter(1, own, -torch.inf).softmax(1).scatter(1, own, -1.0)
    pull = pull / pull.norm(dim=1, keepdim=True)
    return torch.autograd.grad((logits * pull.to(logits)).sum(), x)[0]
