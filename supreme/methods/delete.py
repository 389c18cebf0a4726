"""Unlearning by distilling all that the original knows but the true class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import nn

from supreme.core import Context, Split
from supreme.core.validation import Momentum, NonNegativeFloat, PositiveFloat, PositiveInt, bounded
from supreme.functional.classifier import Classifier
from supreme.functional.layers import freeze
from supreme.functional.optimizers import make_optimizer


@bounded
@dataclass(frozen=True, kw_only=True)
class DELETE:
    """DEcoupLEd Distillation To Erase: obey the original on the forget set, its true class apart.

    Zhou, Zheng, Mo, Lu, Lin and Zheng, "Decoupled Distillation to Erase: A General Unlearning Method for Any
    Class-centric Tasks", CVPR 2025, https://arxiv.org/abs/2503.23751: the target q of an image is the softmax of the
    original's logits without its own class; min_θ of the mean of KL(q ‖ model) on the forget set. Made for forgetting
    classes; here for any forget set (it then pushes every forgotten image out of its class). Training mode, as in the
    authors' code (shaaaaron/DELETE), which freezes batch normalisation for one class of Tiny ImageNet only.

    Deviations: none known.
    Cost: `epochs` over the forget set, with one more forward pass for the original.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"forget"})

    lr: PositiveFloat
    """Learning rate of SGD."""
    momentum: Momentum
    """Of SGD."""
    weight_decay: NonNegativeFloat
    """L2 term of SGD."""
    epochs: PositiveInt
    """Passes over the forget set."""
    batch_size: PositiveInt
    """Images per step."""
    freeze_batchnorm: bool
    """Whether batch normalisation keeps the statistics of the original."""
    augment: bool
    """Whether to augment the images as the recipe does."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        teacher = freeze(model)
        optimizer = make_optimizer("sgd", model, self.lr, self.momentum, self.weight_decay)
        model.train()
        if self.freeze_batchnorm:
            for module in model.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()
        for _ in context.epochs(self.epochs):
            for x, y in split.forget.batches(self.batch_size, context.rng, self.augment):
                with torch.no_grad():
                    target = teacher(x).scatter(1, y[:, None], -torch.inf).softmax(1)
                loss = F.kl_div(F.log_softmax(model(x), dim=1), target, reduction="batchmean")
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        return model
