"""Gradient ascent on the forget set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch.nn.functional as F

from supreme.core import Context, Split
from supreme.core.validation import Momentum, NonNegativeFloat, PositiveFloat, PositiveInt, bounded
from supreme.functional.classifier import Classifier
from supreme.functional.optimizers import make_optimizer


@bounded
@dataclass(frozen=True, kw_only=True)
class NegGrad:
    """Negative gradient, or gradient ascent: climb the loss of the forget set.

    A baseline of Golatkar, Achille and Soatto, "Eternal Sunshine of the Spotless Net: Selective Forgetting in Deep
    Networks", CVPR 2020, https://arxiv.org/abs/1911.04933; also Thudi et al., "Unrolling SGD: Understanding Factors
    Influencing Machine Unlearning", EuroS&P 2022, https://arxiv.org/abs/2109.13398: max_θ of the cross entropy on the
    forget set, by SGD, from the original's weights. Nothing bounds that loss: what stops it is `epochs` and `lr`.

    Deviations: none from the form that others compare against, GA in OPTML-Group/Unlearn-Sparse and
    OPTML-Group/Unlearn-Saliency: a constant learning rate, the model in training mode, so that batch normalisation
    follows the forget set. The notebook of the first paper, AdityaGolatkar/SelectiveForgetting, has an argument
    negative_gradient that nothing reads.
    Cost: `epochs` over the forget set.
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
    augment: bool
    """Whether to augment the images as the recipe does."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        optimizer = make_optimizer("sgd", model, self.lr, self.momentum, self.weight_decay)
        model.train()
        for _ in context.epochs(self.epochs):
            for x, y in split.forget.batches(self.batch_size, context.rng, self.augment):
                loss = -F.cross_entropy(model(x), y)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        return model
