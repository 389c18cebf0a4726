"""SalUn with an optimizer for each of its two aims."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
import torch.nn.functional as F
from annotated_types import Gt, Le
from torch import Tensor

from supreme.core import Context, Split
from supreme.core.images import Images
from supreme.core.validation import (
    Compat,
    Momentum,
    NonNegativeFloat,
    OneOf,
    PositiveFloat,
    PositiveInt,
    bounded,
    require_momentum_for_sgd,
)
from supreme.functional.classifier import Classifier
from supreme.functional.gradients import gradients_of, step_along, trainable
from supreme.functional.optimizers import make_optimizer


@bounded
@dataclass(frozen=True, kw_only=True)
class DualOptimSalUn:
    """Saliency unlearning with DualOptim: one optimizer learns the random labels, another one the retain set.

    Zhong, Luo and Liu, "DualOptim: Enhancing Efficacy and Stability in Machine Unlearning with Dual Optimizers",
    NeurIPS 2025, https://arxiv.org/abs/2504.15827, on SalUn (Fan et al., ICLR 2024): in every epoch first all forget
    batches, under labels drawn anew for each, with the first optimizer, then all retain batches with the second. Each
    keeps its own moments. The `density` part of all weights with the highest saliency, |the mean gradient of the forget
    loss| at the original, is trained; density 1 is random labels with DualOptim. SalUn itself is `salun`.

    Deviations: with `compat: paper` the saliency is SalUn's and the other weights stay as they are. The authors' code
    (CityU-MLO/DualOptim) subtracts |the mean gradient of the retain loss| from the saliency and masks gradients alone,
    so that weight decay shrinks the other weights too, and the published numbers come from it: `compat: reference`.
    Saliency is measured without augmentation, there with it. Training mode.
    Cost: one pass, forward and backward, over the forget set (reference: over both sets) and `epochs` over both.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"forget", "retain"})

    compat: Compat
    """paper: the saliency and the mask of SalUn's paper; reference: those of DualOptim's code."""
    density: Annotated[float, Gt(0), Le(1)]
    """Which part of the weights may change."""
    epochs: PositiveInt
    """Passes over both sets."""
    forget_optimizer: Annotated[str, OneOf("adamw", "sgd")]
    """Of the steps on the forget set."""
    forget_lr: PositiveFloat
    """Its learning rate, constant."""
    forget_weight_decay: NonNegativeFloat
    """Its decay: decoupled for adamw, an L2 term for sgd."""
    retain_optimizer: Annotated[str, OneOf("adamw", "sgd")]
    """Of the steps on the retain set."""
    retain_lr: PositiveFloat
    """Its learning rate, constant."""
    retain_weight_decay: NonNegativeFloat
    """Its decay: decoupled for adamw, an L2 term for sgd."""
    momentum: Momentum
    """Of sgd; adamw has its own."""
    forget_batch_size: PositiveInt
    """Images per step on the forget set."""
    retain_batch_size: PositiveInt
    """Images per step on the retain set."""
    augment: bool
    """Whether to augment the images as the recipe does."""

    def __post_init__(self) -> None:
        require_momentum_for_sgd(self, (self.forget_optimizer, self.retain_optimizer), self.momentum)

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        weights = trainable(model)
        original = [weight.detach().clone() for weight in weights]
        masks = self._masks(model, split)
        forgetting = make_optimizer(
            self.forget_optimizer, model, self.forget_lr, self.momentum, self.forget_weight_decay
        )
        retaining = make_optimizer(
            self.retain_optimizer, model, self.retain_lr, self.momentum, self.retain_weight_decay
        )
        model.train()

        def step(optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor) -> None:
            gradients = gradients_of(F.cross_entropy(model(x), y), weights)
            step_along(optimizer, weights, [g * mask for g, mask in zip(gradients, masks, strict=True)])
            if self.compat == "paper":
                _restore_unmasked(weights, original, masks)

        for _ in context.epochs(self.epochs):
            for x, y in split.forget.batches(self.forget_batch_size, context.rng, self.augment):
                step(forgetting, x, torch.randint(split.num_classes, y.shape, generator=context.rng).to(y.device))
            for x, y in split.retain.batches(self.retain_batch_size, context.rng, self.augment):
                step(retaining, x, y)
        return model

    def _masks(self, model: Classifier, split: Split) -> list[Tensor]:
        """For each trainable weight, where it may change."""
        saliency = _mean_gradient(model, split.forget, self.forget_batch_size).abs()
        if self.compat == "reference":
            saliency -= _mean_gradient(model, split.retain, self.retain_batch_size).abs()
        mask = torch.zeros_like(saliency, dtype=torch.bool)
        mask[saliency.topk(max(1, int(self.density * len(saliency)))).indices] = True
        weights = trainable(model)
        parts = mask.split([weight.numel() for weight in weights])
        return [part.view_as(weight) for part, weight in zip(parts, weights, strict=True)]


def _mean_gradient(model: Classifier, images: Images, batch_size: int) -> Tensor:
    """The mean over batches of the gradient of their cross entropy, as one vector, in evaluation mode."""
    model.eval()
    weights, batches = trainable(model), 0
    total = torch.zeros_like(torch.nn.utils.parameters_to_vector(weights), requires_grad=False)
    for x, y in images.batches(batch_size):
        total += torch.cat([gradient.flatten() for gradient in gradients_of(F.cross_entropy(model(x), y), weights)])
        batches += 1
    return total / batches


@torch.no_grad()
def _restore_unmasked(weights: list[torch.nn.Parameter], original: list[Tensor], masks: list[Tensor]) -> None:
    for weight, before, mask in zip(weights, original, masks, strict=True):
        weight.copy_(torch.where(mask, weight, before))
