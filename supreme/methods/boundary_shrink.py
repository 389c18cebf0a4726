"""Boundary unlearning by giving the forget set to its nearest classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from supreme.core import Context, Split
from supreme.core.validation import Compat, Momentum, NonNegativeFloat, PositiveFloat, PositiveInt, bounded
from supreme.functional.adversarial import input_gradients
from supreme.functional.classifier import Classifier
from supreme.functional.layers import freeze
from supreme.functional.optimizers import make_optimizer


@bounded
@dataclass(frozen=True, kw_only=True)
class BoundaryShrink:
    """Boundary shrink: train each forgotten image towards the wrong class that lies nearest to it.

    Chen, Gao, Liu, Peng and Wang, "Boundary Unlearning: Rapid Forgetting of Deep Networks via Shifting the Decision
    Boundary", CVPR 2023, https://arxiv.org/abs/2303.11570. One signed step across the boundary,
    x' = clip(x + radius · sign ∇_x cross entropy(original(x), y)), tells the class: the one that the original finds
    most likely at x', its own apart. Then min_θ of the cross entropy on the forget set under these labels. Made for
    forgetting classes; here for any forget set.

    Deviations: where the step fails to cross the boundary the authors' code (of which
    TY-LEE-KR/Boundary-Unlearning-Code is a copy, OPTML-Group/Unlearn-Saliency another program) trains towards the true
    class; the paper says "nearest but incorrect", and so the true class never counts here. That code also rounds the
    pixels of x' to 8 bits. Its form, from which the published numbers come, is `compat: reference`. One slip is in
    neither: the copy moves normalised pixels to [0, 1] and back by constants that are not those they were normalised
    with. The model is in training mode: batch normalisation follows the forget set, as in the authors' code.
    Cost: `epochs` over the forget set, and as many passes, forward and backward, of the original for the labels.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"forget"})

    radius: PositiveFloat
    """The paper's epsilon, how far each pixel in [0, 1] moves."""
    compat: Compat
    """paper, or reference as the authors' code."""
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
    augment: bool
    """Whether to augment the images as the recipe does."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        original = freeze(model)
        optimizer = make_optimizer("sgd", model, self.lr, self.momentum, self.weight_decay)
        model.train()
        for _ in context.epochs(self.epochs):
            for x, y in split.forget.batches(self.batch_size, context.rng, self.augment):
                loss = F.cross_entropy(model(x), self._nearest_class(original, x, y))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        return model

    def _nearest_class(self, original: Classifier, x: Tensor, y: Tensor) -> Tensor:
        _, gradient = input_gradients(original, x, y)
        across = (x + self.radius * gradient.sign()).clamp(0, 1)
        with torch.no_grad():
            if self.compat == "reference":
                return original((across * 255).round() / 255).argmax(1)
            return original(across).scatter(1, y[:, None], -torch.inf).argmax(1)
