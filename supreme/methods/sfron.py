"""Saliency forgetting in the remain-preserving manifold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch.nn.functional as F

from supreme.core import Context, Split
from supreme.core.validation import Compat, Momentum, NonNegativeFloat, PositiveFloat, PositiveInt, bounded
from supreme.functional.batches import endless_batches
from supreme.functional.classifier import Classifier
from supreme.functional.focused_ascent import climbing_masks, focused_loss
from supreme.functional.gradients import gradients_of, shortened, step_along, trainable
from supreme.functional.optimizers import cosine, make_optimizer, set_lr


@bounded
@dataclass(frozen=True, kw_only=True)
class SFRon:
    """Saliency Forgetting in the Remain-preserving manifold online: fast steps up, slow steps back.

    Huang, Cheng, Zheng, Wang, He, Li and Huang, "Unified Gradient-Based Machine Unlearning with Remain Geometry
    Enhancement", NeurIPS 2024, https://arxiv.org/abs/2409.19732. Every `forget_every`-th of `steps` steps first climbs
    on a forget batch, along strength · ∇ of the mean of w_i ℓ_i, where ℓ_i is the cross entropy of image i and w_i is
    proportional to ℓ_i^-focus, with mean 1 over the batch, so that what is still well known is forgotten first. Only
    weights with I_forget / I_retain of at least `threshold` climb, I being the mean squared gradient at the original.
    Every step ends with an ordinary one on a retain batch. Strength and learning rate fall by a cosine to 0. Both kinds
    of step share one optimiser, so its momentum carries each into the other.

    Deviations: with `compat: paper` the gradients of I are squared per image. The authors' code squares those of batch
    means, which depends on the batch sizes, and the published numbers come from it: `compat: reference`. The averaging
    of fast and slow weights in their code is switched off by its factor of 1 and left out. Training mode.
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
    """The paper's alpha: factor of the climbing gradient at the start."""
    focus: NonNegativeFloat
    """The paper's lambda: how much more small losses count in climbing."""
    threshold: NonNegativeFloat
    """The paper's gamma: what I_forget / I_retain a weight needs to climb."""
    max_norm: PositiveFloat
    """A climbing gradient that is longer is shortened to this length."""
    lr: PositiveFloat
    """Learning rate of SGD at the start."""
    momentum: Momentum
    """Of SGD."""
    weight_decay: NonNegativeFloat
    """L2 term."""
    forget_batch_size: PositiveInt
    """Images per climbing step."""
    retain_batch_size: PositiveInt
    """Images per retain step."""
    augment: bool
    """Whether to augment the images as the recipe does; not where I is taken."""

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
        optimizer = make_optimizer("sgd", model, self.lr, self.momentum, self.weight_decay)
        forgotten = endless_batches(split.forget, self.forget_batch_size, context.rng, self.augment)
        retained = endless_batches(split.retain, self.retain_batch_size, context.rng, self.augment)
        model.train()
        for step in context.epochs(self.steps, "step"):
            decay = cosine(step - 1, self.steps)
            set_lr(optimizer, self.lr * decay)
            if (step - 1) % self.forget_every == 0:
                x, y = next(forgotten)
                loss = -self.strength * decay * focused_loss(model(x), y, self.focus)
                climb = [g * mask for g, mask in zip(gradients_of(loss, weights), masks, strict=True)]
                step_along(optimizer, weights, shortened(climb, self.max_norm))
            x, y = next(retained)
            step_along(optimizer, weights, gradients_of(F.cross_entropy(model(x), y), weights))
        return model
