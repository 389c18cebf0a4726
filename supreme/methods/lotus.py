"""Unlearning by making the model as unsure of the forget set as it is of unseen images."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp
from typing import Annotated, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from annotated_types import Gt, Le
from torch import Tensor

from supreme.core import Context, Split, SupremeError
from supreme.core.suitability import require_validation
from supreme.core.validation import NonNegativeFloat, OneOf, PositiveFloat, PositiveInt, bounded
from supreme.functional.classifier import Classifier
from supreme.functional.layers import freeze
from supreme.functional.scores import accuracy


@bounded
@dataclass(frozen=True, kw_only=True)
class LoTUS:
    """Large-scale machine unlearning with a Taste of Uncertainty: smooth what the original says of the forget set.

    Spartalis, Semertzidis, Gavves and Daras, "LoTUS: Large-Scale Machine Unlearning with a Taste of Uncertainty", CVPR
    2025, https://arxiv.org/abs/2503.18314. Over the forget set and a random part of the retain set, min_θ of the cross
    entropy between a target and the model. The target comes from the logits z of the original and fresh Gumbel noise g:
    softmax((z + g) / T) for a forgotten image; the one-hot argmax of z + g, a hard draw, for a retained one. In every
    epoch T = exp(alpha · (accuracy on the forget set − accuracy of the original on unseen images)), and training ends
    when the forget set is answered `tolerance` worse than unseen images. When no image of the forgotten classes is
    retained, unseen accuracy is taken as 0, as in the authors' code for forgetting classes; otherwise it is the
    validation set's.

    Authors' code: cspartalis/LoTUS.

    Deviations: accuracies are not rounded; the authors' code rounds them to hundredths before it computes T and decides
    whether to end, and measures that on the forget set on augmented images. Training mode.
    Cost: up to `epochs` over the forget set and the part of the retain set, with one more forward pass for the original
    and one over the forget set; one forward pass over the validation set.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"forget", "retain", "validation"})

    retain_fraction: Annotated[float, Gt(0), Le(1)]
    """Which part of the retain set to train on, drawn once."""
    alpha: NonNegativeFloat
    """How strongly the temperature follows the difference of accuracies."""
    tolerance: NonNegativeFloat
    """Stop once forget accuracy is this far below the accuracy on unseen images."""
    smoothing: Annotated[str, OneOf("gumbel_softmax", "softmax")]
    """gumbel_softmax (targets are random draws) or softmax (no noise: a hard target is the original's answer)."""
    lr: PositiveFloat
    """Learning rate of AdamW."""
    weight_decay: NonNegativeFloat
    """Of AdamW."""
    epochs: PositiveInt
    """Most passes over what it trains on."""
    batch_size: PositiveInt
    """Images per step."""
    augment: bool
    """Whether to augment the images that it trains on as the recipe does."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        teacher = freeze(model)
        unseen = self._unseen_accuracy(teacher, split)
        count = max(1, int(self.retain_fraction * len(split.retain)))
        retain = split.retain.subset(torch.randperm(len(split.retain), generator=context.rng)[:count])
        # The labels play no part: in their place each image carries whether it is to be forgotten.
        images = split.forget.with_labels([1] * len(split.forget)).joined(retain.with_labels([0] * count))

        weights = [weight for weight in model.parameters() if weight.requires_grad]
        optimizer = torch.optim.AdamW(weights, lr=self.lr, weight_decay=self.weight_decay)
        for _ in context.epochs(self.epochs):
            excess = accuracy(model, split.forget, self.batch_size) - unseen
            if excess <= -self.tolerance:
                break
            model.train()
            for x, forgotten in images.batches(self.batch_size, context.rng, self.augment):
                with torch.no_grad():
                    target = self._target(teacher(x), forgotten, exp(self.alpha * excess), context.rng)
                loss = -(target * F.log_softmax(model(x), dim=1)).sum(1).mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        return model

    def check_split(self, split: Split) -> None:
        if not split.forget_classes or np.isin(split.retain.targets, split.forget_classes).any():
            require_validation(self, split)

    def _unseen_accuracy(self, teacher: Classifier, split: Split) -> float:
        if split.forget_classes and not np.isin(split.retain.targets, split.forget_classes).any():
            return 0.0
        if len(split.validation) == 0:
            raise SupremeError("LoTUS compares with validation images and there are none: choose data that has some")
        return accuracy(teacher, split.validation, self.batch_size)

    def _target(self, logits: Tensor, forgotten: Tensor, temperature: float, rng: torch.Generator) -> Tensor:
        """B x C probabilities."""
        hard, soft = logits, logits
        if self.smoothing == "gumbel_softmax":
            hard, soft = (logits - _exponential(logits, rng).log() for _ in range(2))
        answer = F.one_hot(hard.argmax(1), logits.shape[1]).to(logits.dtype)
        return torch.where(forgotten[:, None] == 1, (soft / temperature).softmax(1), answer)


def _exponential(like: Tensor, rng: torch.Generator) -> Tensor:
    """Draws whose negative logarithm is Gumbel noise."""
    return torch.empty(like.shape).exponential_(generator=rng).to(like.device)
