"""Unlearning by subtracting what several fine-tuned models agree on."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from itertools import product
from typing import Annotated, ClassVar

import torch
from annotated_types import MinLen
from torch import Tensor

from supreme.core import Context, Split
from supreme.core.validation import NonNegativeFloat, PositiveFloat, PositiveInt, bounded
from supreme.functional.classifier import Classifier


@bounded
@dataclass(frozen=True, kw_only=True)
class NegMerge:
    """Sign-consensual negation: fine-tune on the forget set in several ways, then go the other way where all agree.

    Kim, Han and Choe, "NegMerge: Sign-Consensual Weight Merging for Machine Unlearning", ICML 2025,
    https://arxiv.org/abs/2410.05583. For every learning rate and number of epochs given, τ_i = θ_i - θ_original, θ_i
    being the original fine-tuned on the forget set with these values. A coordinate is kept where the signs of all τ_i
    agree; the merged τ is the mean of the τ_i there and 0 elsewhere; θ = θ_original - scale · τ. With one learning rate
    and one number of epochs this is task arithmetic (Ilharco et al., "Editing Models with Task Arithmetic", ICLR 2023,
    https://arxiv.org/abs/2212.04089).

    Deviations: the authors' pool also varies the augmentation and the label smoothing, and they choose the scale by the
    accuracy on held-out data; here it is given. Fine-tuning is the recipe's, at a constant learning rate. Only trained
    weights are merged, and the statistics of batch normalisation stay the original's; the authors' code
    (naver-ai/negmerge) merges all numbers of a state, but what is public of it is for CLIP, which has no such
    statistics, and the published numbers of ResNet-18 come from code that is not.
    Cost: the sum of all epochs over the forget set, for every learning rate.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"forget"})

    lrs: Annotated[list[PositiveFloat], MinLen(1)]
    """Learning rates to fine-tune with."""
    epochs: Annotated[list[PositiveInt], MinLen(1)]
    """Numbers of passes over the forget set to fine-tune for, each with each learning rate."""
    scale: NonNegativeFloat
    """The paper's lambda: how far to go the other way."""
    batch_size: PositiveInt
    """Images per step."""
    augment: bool
    """Whether to augment the images as the recipe does."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        pool = list(product(self.lrs, self.epochs))
        sums = [torch.zeros_like(weight, requires_grad=False) for weight in model.parameters()]
        signs = [torch.zeros_like(total) for total in sums]
        for index in context.epochs(len(pool), "fine-tuned model"):
            lr, epochs = pool[index - 1]
            tuned = context.fit(
                copy.deepcopy(model),
                split.forget,
                epochs=epochs,
                lr=lr,
                batch_size=self.batch_size,
                constant_schedule=True,
                augment=self.augment,
            )
            _add_change(model, tuned, sums, signs)
        with torch.no_grad():
            for weight, total, sign in zip(model.parameters(), sums, signs, strict=True):
                weight -= self.scale / len(pool) * torch.where(sign.abs() == len(pool), total, 0.0)
        return model


@torch.no_grad()
def _add_change(original: Classifier, tuned: Classifier, sums: list[Tensor], signs: list[Tensor]) -> None:
    for before, after, total, sign in zip(original.parameters(), tuned.parameters(), sums, signs, strict=True):
        change = after - before
        total += change
        sign += change.sign()
