"""Boundary unlearning by giving the forget set to its nearest classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from supreme.core import Context, Split
from supreme.core.validation import Momentum, NonNegativeFloat, PositiveFloat, PositiveInt, bounded
from supreme.functional.adversarial import input_gradients
from supreme.functional.classifier import Classifier
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

    Deviations: where the step fails to cross the boundary the authors' code trains towards the true class; the paper
    says "nearest but incorrect", and so the true class never counts here. Pixels are clipped to [0, 1], where the
    authors' code clips normalised ones by the wrong constants. The labels do not change while the original does not, so
    they are found once and not in every epoch. The model is in training mode: batch normalisation follows the
    forget set, as in the authors' code.
    Cost: one pass, forward and backward, for the labels, then `epochs`; all over the forget set.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"forget"})

    radius: PositiveFloat
    """The paper's epsilon, how far each pixel in [0, 1] moves."""
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

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        model.eval()
        nearest = [self._nearest_class(model, x, y) for x, y in split.forget.batches(self.batch_size)]
        relabelled = split.forget.with_labels(torch.cat(nearest).cpu())
        optimizer = make_optimizer("sgd", model, self.lr, self.momentum, self.weight_decay)
        model.train()
        for _ in context.epochs(self.epochs):
            for x, y in relabelled.batches(self.batch_size, context.rng):
                loss = F.cross_entropy(model(x), y)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        return model

    def _nearest_class(self, model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        _, gradient = input_gradients(model, x, y)
        with torch.no_grad():
            logits = model((x + self.radius * gradient.sign()).clamp(0, 1))
            return logits.scatter(1, y[:, None], -torch.inf).argmax(1)
