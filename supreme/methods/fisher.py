"""Forgetting by noise where the retain set does not care."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from supreme.core import Context, Split
from supreme.core.validation import PositiveFloat, PositiveInt, bounded
from supreme.functional.classifier import Classifier
from supreme.functional.importances import importances


@bounded
@dataclass(frozen=True, kw_only=True)
class Fisher:
    """Fisher forgetting: add noise to each weight, the more the less the answers on the retain set depend on it.

    Golatkar, Achille and Soatto, "Eternal Sunshine of the Spotless Net: Selective Forgetting in Deep Networks", CVPR
    2020, https://arxiv.org/abs/1911.04933, section 4 and the authors' code, AdityaGolatkar/SelectiveForgetting. F is
    the diagonal of the Fisher information of the retain set, the mean over images of Σ_y p(y|x) (∇ log p(y|x))². Each
    weight gets noise of variance alpha / F, where 1 / F is held below 1000 (100 in the last layer), averaged over the
    inputs of each output (weights of two dimensions and more), and ten times as large in the last layer, in biases and
    in normalisation layers. Where the scenario forgets a whole class, its weights in the last layer are first set to
    zero and their noise has variance 0.0001 (before the factor ten). Nothing is trained.

    Deviations: none known; Σ_y is exact, from gradients of single images (some ports square those of batches).
    Cost: a forward and a backward pass over the retain set for every class.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"retain"})

    alpha: PositiveFloat
    """How much noise, the variance where F is 1."""
    batch_size: PositiveInt
    """Images per pass; a matter of memory only."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        fisher = {name: torch.zeros_like(weight) for name, weight in model.named_parameters() if weight.requires_grad}
        for one in context.epochs(split.num_classes, "class"):
            term = importances(model, split.retain, self.batch_size, partial(_term, label=one - 1), "square")
            for name, square in term.items():
                fisher[name] += square
        gone = [label for label in split.forget_classes if label not in split.retain.targets]
        with torch.no_grad():
            for name, weight, last in _weights(model, split.num_classes):
                variance = self._variance(fisher[name], last)
                if last:
                    weight[gone], variance[gone] = 0.0, 1e-4
                if last or weight.dim() == 1:
                    variance *= 10
                noise = torch.randn(weight.shape, generator=context.rng).to(weight)
                weight.add_(variance.sqrt() * noise)
        return model

    def _variance(self, fisher: Tensor, last: bool) -> Tensor:
        variance = self.alpha * (1 / (fisher + 1e-8)).clamp(max=1e2 if last else 1e3)
        return variance.mean(1, keepdim=True).expand_as(fisher).clone() if fisher.dim() > 1 else variance


def _term(logits: Tensor, labels: Tensor, label: int) -> Tensor:
    """What, when its gradient is squared, gives p(label|x) (∇ log p(label|x))²; the images' labels play no part."""
    log_p = F.log_softmax(logits, dim=1)[:, label]
    return (log_p / 2).exp().detach() * log_p


def _weights(model: Classifier, num_classes: int) -> Iterator[tuple[str, Tensor, bool]]:
    """Name, trainable weight and whether it belongs to the last layer, with a row for each class."""
    for name, weight in model.named_parameters():
        if weight.requires_grad:
            yield name, weight, name.startswith("head.") and len(weight) == num_classes
