"""Transposing the kernels of convolutions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F

from supreme.core import Context, Split
from supreme.core.validation import Momentum, NonNegativeFloat, PositiveFloat, PositiveInt, bounded
from supreme.functional.classifier import Classifier
from supreme.functional.layers import convolutions
from supreme.functional.optimizers import cosine, make_optimizer, set_lr


@bounded
@dataclass(frozen=True, kw_only=True)
class CT:
    """Convolution Transpose: turn every kernel over its diagonal, then fine-tune on the retain set.

    The fifth of the NeurIPS 2023 challenge: Triantafillou et al., "Are We Making Progress in Unlearning? Findings from
    the First NeurIPS Unlearning Competition", arXiv 2024, https://arxiv.org/abs/2406.09073; compared by Cadet et al.,
    "Deep Unlearn: Benchmarking Machine Unlearning for Image Classification", EuroS&P 2025,
    https://arxiv.org/abs/2410.01276. The two spatial axes of every kernel change places, which scrambles what the
    network sees but keeps the size of every weight; then min_θ of the cross entropy on the retain set, by SGD, its
    learning rate falling along a cosine from epoch to epoch, the model in training mode.

    Code: the port in xcadet/deepunlearn, munl/unlearning/kgltop5.py; the winners' notebook, which is public on Kaggle,
    could not be obtained (looked for on 2026-11-29). Half of the models that they handed in were made otherwise, by
    fine-tuning on pseudo-labels, which the port leaves out, too.
    Deviations: kernels that are not square stay as they are (the port's ResNet-18 has none).
    Applies to: models with convolutions; those of 1 x 1 do not change.
    Cost: `epochs` over the retain set.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"retain"})

    lr: PositiveFloat
    """Learning rate of SGD in the first epoch."""
    momentum: Momentum
    """Of SGD."""
    weight_decay: NonNegativeFloat
    """L2 term of SGD."""
    epochs: PositiveInt
    """Passes over the retain set."""
    batch_size: PositiveInt
    """Images per step."""
    augment: bool
    """Whether to augment the images as the recipe does."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        with torch.no_grad():
            for layer in convolutions(self, model):
                if layer.kernel_size[0] == layer.kernel_size[1]:
                    layer.weight.copy_(layer.weight.transpose(2, 3).clone())

        optimizer = make_optimizer("sgd", model, self.lr, self.momentum, self.weight_decay)
        model.train()
        for epoch in context.epochs(self.epochs):
            set_lr(optimizer, self.lr * cosine(epoch - 1, self.epochs))
            for x, y in split.retain.batches(self.batch_size, context.rng, self.augment):
                loss = F.cross_entropy(model(x), y)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        return model

    def check_model(self, model: Classifier, split: Split) -> None:
        convolutions(self, model)
