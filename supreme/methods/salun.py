"""Saliency unlearning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import Annotated, ClassVar

import torch
import torch.nn.functional as F
from annotated_types import Gt, Le
from torch import Tensor, nn

from supreme.core import Context, Split
from supreme.core.images import Images
from supreme.core.validation import Compat, Momentum, NonNegativeFloat, OneOf, PositiveFloat, PositiveInt, bounded
from supreme.functional.classifier import Classifier
from supreme.functional.gradients import gradients_of, trainable
from supreme.functional.labels import random_labels
from supreme.functional.optimizers import make_optimizer


@bounded
@dataclass(frozen=True, kw_only=True)
class SalUn:
    """Saliency unlearning: random labels, but only in the weights that the forget loss depends on most.

    Fan, Liu, Zhang, Wong, Wei and Liu, "SalUn: Empowering Machine Unlearning via Gradient-based Weight Saliency in Both
    Image Classification and Generation", ICLR 2024, https://arxiv.org/abs/2310.12508, equations 3 to 5; their code is
    OPTML-Group/Unlearn-Saliency. The saliency of a weight is |the sum over forget batches of the gradient of their
    cross entropy|, at the original. The `density` part of all weights with the highest saliency is trained on the
    retain set together with {(x, y') : x in the forget set}, y' any class, drawn again in every epoch. All other
    weights stay as they are, to the bit, whatever momentum and weight decay would do to them.

    With `soft` nothing is masked beforehand: a proximal step after each step shrinks the distance |θ - original| of all
    weights by a threshold (the paper's SalUn-soft), chosen so that the least moved 1 - density of them are the
    original's again; that part falls linearly to none over the run.

    Deviations: with `soft`, the authors' code measures the distance anew from every epoch's start and lowers the part
    once an epoch, but step by step over the retain batches of `order: forget_first`: `compat: reference`, from which
    the published numbers of SalUn-soft come. Without `soft` both forms are one. In training mode, so that batch
    statistics follow all images.
    Cost: one pass, forward and backward, over the forget set (not with `soft`) and `epochs` over all training data.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"forget", "retain"})

    density: Annotated[float, Gt(0), Le(1)]
    """Which part of the weights may change."""
    soft: bool
    """Whether to shrink the change towards sparsity instead of masking."""
    order: Annotated[str, OneOf("mixed", "forget_first")]
    """mixed: forget and retain images in the same batches; forget_first: in every epoch all forget batches first."""
    compat: Compat
    """paper, or reference as the authors' code; the same without soft."""
    lr: PositiveFloat
    """Learning rate of SGD, constant."""
    momentum: Momentum
    """Of SGD."""
    weight_decay: NonNegativeFloat
    """L2 term."""
    epochs: PositiveInt
    """Passes over all training data."""
    batch_size: PositiveInt
    """Images per step."""
    augment: bool
    """Whether to augment the images as the recipe does, those that saliency is taken from, too."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        weights = trainable(model)
        original = [weight.detach().clone() for weight in weights]
        masks = [] if self.soft else self._masks(model, split.forget, context)
        optimizer = make_optimizer("sgd", model, self.lr, self.momentum, self.weight_decay)
        model.train()
        for epoch in context.epochs(self.epochs):
            if self.soft and self.compat == "reference":
                original = [weight.detach().clone() for weight in weights]
            for passed, x, y in self._batches(split, context):
                loss = F.cross_entropy(model(x), y)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                if self.soft:
                    left = 1 - (epoch - 1 + passed) / self.epochs
                    _shrink_change(weights, original, (1 - self.density) * left)
                else:
                    _keep_unmasked(weights, original, masks)
        return model

    def _masks(self, model: Classifier, forget: Images, context: Context) -> list[Tensor]:
        """For each trainable weight, where it may change."""
        model.eval()
        weights = trainable(model)
        totals = [torch.zeros_like(weight) for weight in weights]
        rng = context.rng if self.augment else None
        for x, y in forget.batches(self.batch_size, rng, self.augment):
            for total, gradient in zip(totals, gradients_of(F.cross_entropy(model(x), y), weights), strict=True):
                total += gradient
        saliency = torch.cat([total.abs().flatten() for total in totals])
        mask = torch.zeros_like(saliency, dtype=torch.bool)
        mask[saliency.topk(max(1, int(self.density * len(saliency)))).indices] = True
        parts = mask.split([weight.numel() for weight in weights])
        return [part.view_as(weight) for part, weight in zip(parts, weights, strict=True)]

    def _batches(self, split: Split, context: Context) -> Iterator[tuple[float, Tensor, Tensor]]:
        """One epoch: which part of it has passed with this batch, and the batch."""
        drawn = random_labels(split.forget.labels, split.num_classes, context.rng, wrong=False)
        forget, done, total = split.forget.with_labels(drawn), 0, len(split.forget) + len(split.retain)
        steps = ceil(len(split.forget) / self.batch_size) + ceil(len(split.retain) / self.batch_size)
        for images in [forget.joined(split.retain)] if self.order == "mixed" else [forget, split.retain]:
            for step, (x, y) in enumerate(images.batches(self.batch_size, context.rng, self.augment), 1):
                done += len(y)
                counted = step if images is split.retain else 1
                yield done / total if self.compat == "paper" else counted / steps, x, y


@torch.no_grad()
def _keep_unmasked(weights: list[nn.Parameter], original: list[Tensor], masks: list[Tensor]) -> None:
    for weight, before, mask in zip(weights, original, masks, strict=True):
        weight.copy_(torch.where(mask, weight, before))


@torch.no_grad()
def _shrink_change(weights: list[nn.Parameter], original: list[Tensor], part: float) -> None:
    """Soft-threshold the change of all weights so that this part of them did not change."""
    changes = [weight - before for weight, before in zip(weights, original, strict=True)]
    sizes = torch.cat([change.abs().flatten() for change in changes])
    count = int(part * len(sizes))
    if count == 0:
        return
    threshold = sizes.kthvalue(count).values
    for weight, before, change in zip(weights, original, changes, strict=True):
        shrunk = before + change.sign() * (change.abs() - threshold)
        weight.copy_(torch.where(change.abs() > threshold, shrunk, before))
