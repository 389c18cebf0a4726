"""Unlearning by making the model insensitive to what it is to forget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from supreme.core import Context, Split
from supreme.core.validation import Momentum, NonNegativeFloat, PositiveFloat, PositiveInt, bounded
from supreme.functional.classifier import Classifier
from supreme.functional.labels import random_labels
from supreme.functional.optimizers import make_optimizer


@bounded
@dataclass(frozen=True, kw_only=True)
class MUMis:
    """Machine Unlearning by Minimising input sensitivity: take back what an image contributed, with that image alone.

    Cheng, Huang, Zhou, He, Yang, Wu and Huang, "Remaining-data-free Machine Unlearning by Suppressing Sample
    Contribution", ICLR 2026, https://arxiv.org/abs/2402.15109. Training on an image makes the logit of its class
    sensitive to it. So, over the forget set, min_θ of the mean of ‖∇_x f_y(x)‖² - ‖∇_x f_y'(x)‖², f_y being the logit
    of the image's class and y' another class, drawn for every image anew. Nothing bounds the second term: what stops it
    is `epochs` and `lr`.

    Deviations: the authors stop when the accuracy on other data drops, which needs the data that the method does
    without; the number of epochs is fixed here. x is the image in [0, 1], so the norms depend on the normalisation by a
    constant factor. Evaluation mode, so that an image's logits depend on this image alone. The authors' repository
    (poppopbean0903/MU-Mis) could not be had (looked for on 2026-11-29): the arithmetic is held against a version that
    others wrote from the paper (Harry24k/machine-unlearning-pytorch), in evaluation mode.
    Cost: `epochs` over the forget set, each batch with one forward pass, two backward passes to the image and one
    through those to the weights.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"forget"})

    lr: PositiveFloat
    """Learning rate of SGD."""
    momentum: Momentum
    """Of SGD."""
    weight_decay: NonNegativeFloat
    """L2 term."""
    epochs: PositiveInt
    """Passes over the forget set."""
    batch_size: PositiveInt
    """Images per step."""
    augment: bool
    """Whether to augment the images as the recipe does."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        optimizer = make_optimizer("sgd", model, self.lr, self.momentum, self.weight_decay)
        model.eval()
        for _ in context.epochs(self.epochs):
            for x, y in split.forget.batches(self.batch_size, context.rng, self.augment):
                others = random_labels(y.cpu(), split.num_classes, context.rng, wrong=True).to(y)
                x.requires_grad_()
                with sdpa_kernel(SDPBackend.MATH):  # the fused kernels of attention have no second derivative
                    logits = model(x)
                    own, other = _sensitivity(logits, y, x), _sensitivity(logits, others, x)
                    optimizer.zero_grad()
                    (own - other).mean().backward()
                optimizer.step()
        return model


def _sensitivity(logits: Tensor, classes: Tensor, x: Tensor) -> Tensor:
    """‖∇_x of the logit of this class‖² for each image, differentiable."""
    chosen = logits.gather(1, classes[:, None]).sum()
    (gradient,) = torch.autograd.grad(chosen, x, create_graph=True)
    return gradient.square().flatten(1).sum(1)
