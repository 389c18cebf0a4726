"""SFRon with an optimizer for each of its two aims."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch.nn.functional as F

from supreme.core import Context, Split
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
from supreme.functional.batches import endless_batches
from supreme.functional.classifier import Classifier
from supreme.functional.focused_ascent import climbing_masks, focused_loss
from supreme.functional.gradients import gradients_of, shortened, step_along, trainable
from supreme.functional.optimizers import cosine, make_optimizer, set_lr


@bounded
@dataclass(frozen=True, kw_only=True)
class DualOptimSFRon:
    """SFRon with DualOptim: one optimizer climbs, another one steps back.

    Zhong, Luo and Liu, "DualOptim: Enhancing Efficacy and Stability in Machine Unlearning with Dual Optimizers",
    NeurIPS 2025, https://arxiv.org/abs/2504.15827, on SFRon (Huang et al., NeurIPS 2024, arXiv 2409.19732). Every
    `forget_every`-th of `steps` steps first climbs on a forget batch with the first optimizer, along strength · ∇ of
    the mean of w_i ℓ_i, where ℓ_i is the cross entropy of image i and w_i is proportional to ℓ_i^-focus, with mean 1
    over the batch. Only weights with I_forget / I_retain of at least `threshold` climb, I being the mean squared
    gradient at the original. Every step ends with an ordinary one on a retain batch with the second optimizer. Each
    keeps its own moments. Strength and both learning rates fall by a cosine to 0. SFRon itself is `sfron`.

    Deviations: with `compat: paper` the gradients of I are squared per image. The authors' code (CityU-MLO/DualOptim)
    squares those of batch means, and the published numbers come from it: `compat: reference`. I is measured without
    augmentation, there with it. Training mode.
    Cost: one pass, forward and backward, over both sets; `steps` retain batches, steps / forget_every forget batches.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"forget", "retain"})

    compat: Compat
    """paper, or reference as the authors' code."""
    steps: PositiveInt
    """How many retain batches."""
    forget_every: PositiveInt
    """A forget batch before the first of every so many retain batches."""
    strength: PositiveFloat
    """SFRon's alpha: factor of the climbing gradient at the start."""
    focus: NonNegativeFloat
    """SFRon's lambda: how much more small losses count in climbing."""
    threshold: NonNegativeFloat
    """SFRon's gamma: what I_forget / I_retain a weight needs to climb."""
    max_norm: PositiveFloat
    """A climbing gradient that is longer is shortened to this length."""
    forget_optimizer: Annotated[str, OneOf("adamw", "sgd")]
    """Of the climbing steps."""
    forget_lr: PositiveFloat
    """Its learning rate at the start."""
    forget_weight_decay: NonNegativeFloat
    """Its decay: decoupled for adamw, an L2 term for sgd."""
    retain_optimizer: Annotated[str, OneOf("adamw", "sgd")]
    """Of the steps on the retain set."""
    retain_lr: PositiveFloat
    """Its learning rate at the start."""
    retain_weight_decay: NonNegativeFloat
    """Its decay: decoupled for adamw, an L2 term for sgd."""
    momentum: Momentum
    """Of sgd; adamw has its own."""
    forget_batch_size: PositiveInt
    """Images per climbing step."""
    retain_batch_size: PositiveInt
    """Images per retain step."""
    augment: bool
    """Whether to augment the images as the recipe does."""

    def __post_init__(self) -> None:
        require_momentum_for_sgd(self, (self.forget_optimizer, self.retain_optimizer), self.momentum)

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        masks = climbing_masks(
            model,
            split,
            self.forget_batch_size,
            self.retain_batch_size,
            self.threshold,
            per_sample=self.compat == "paper",
        )
        weights = trainable(model)
        up = make_optimizer(self.forget_optimizer, model, self.forget_lr, self.momentum, self.forget_weight_decay)
        down = make_optimizer(self.retain_optimizer, model, self.retain_lr, self.momentum, self.retain_weight_decay)
        forgotten = endless_batches(split.forget, self.forget_batch_size, context.rng, self.augment)
        retained = endless_batches(split.retain, self.retain_batch_size, context.rng, self.augment)
        model.train()
        for step in context.epochs(self.steps, "step"):
            decay = cosine(step - 1, self.steps)
            set_lr(up, self.forget_lr * decay)
            set_lr(down, self.retain_lr * decay)
            if (step - 1) % self.forget_every == 0:
                x, y = next(forgotten)
                loss = -self.strength * decay * focused_loss(model(x), y, self.focus)
                climb = [g * mask for g, mask in zip(gradients_of(loss, weights), masks, strict=True)]
                step_along(up, weights, shortened(climb, self.max_norm))
            x, y = next(retained)
            step_along(down, weights, gradients_of(F.cross_entropy(model(x), y), weights))
        return model
