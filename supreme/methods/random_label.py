"""Training on the forget set under random labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch.nn.functional as F
from torch import Tensor

from supreme.core import Context, Split
from supreme.core.images import Images
from supreme.core.validation import (
    Momentum,
    NonNegativeFloat,
    OneOf,
    Optimizer,
    PositiveFloat,
    PositiveInt,
    bounded,
    require_no_momentum_with_adam,
)
from supreme.functional.classifier import Classifier
from supreme.functional.labels import random_labels
from supreme.functional.optimizers import make_optimizer


@bounded
@dataclass(frozen=True, kw_only=True)
class RandomLabel:
    """Random labels: go on training on all data, the forget set under labels drawn at random.

    The relabelling step of Graves, Nagisetty and Ganesh, "Amnesiac Machine Learning", AAAI 2021,
    https://arxiv.org/abs/2010.10981, and the "random labels" of Golatkar, Achille and Soatto, "Eternal Sunshine of the
    Spotless Net", CVPR 2020, https://arxiv.org/abs/1911.04933: min_θ of the cross entropy on the retain set together
    with {(x, y') : x in the forget set}, y' drawn uniformly.

    Three forms are published: wrong labels, drawn once, mixed with the retain set, with adam and without augmentation
    (if-loops/selective-synaptic-dampening and SUPREME); any labels, drawn again in every epoch, with sgd and
    augmentation, mixed (OPTML-Group/Unlearn-Saliency for CIFAR-100) or all forget batches before the retain batches
    (the same, for CIFAR-10).

    Deviations: none known from these.
    Cost: `epochs` over all training data.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"forget", "retain"})

    labels: Annotated[str, OneOf("wrong", "any")]
    """wrong: any class but the image's own; any: any class, its own too."""
    redraw: bool
    """Whether to draw the labels again in every epoch."""
    order: Annotated[str, OneOf("mixed", "forget_first")]
    """mixed: forget and retain images in the same batches; forget_first: in every epoch all forget batches first."""
    optimizer: Optimizer
    """adam or sgd."""
    lr: PositiveFloat
    """Learning rate, constant."""
    momentum: Momentum
    """Of sgd; 0 with adam."""
    weight_decay: NonNegativeFloat
    """L2 term."""
    epochs: PositiveInt
    """Passes over all training data."""
    batch_size: PositiveInt
    """Images per step."""
    augment: bool
    """Whether to augment the images as the recipe does."""

    def __post_init__(self) -> None:
        require_no_momentum_with_adam(self, self.optimizer, self.momentum)

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        optimizer = make_optimizer(self.optimizer, model, self.lr, self.momentum, self.weight_decay)
        model.train()
        relabelled = self._relabelled(split, context)
        for epoch in context.epochs(self.epochs):
            if self.redraw and epoch > 1:
                relabelled = self._relabelled(split, context)
            for x, y in self._batches(relabelled, split.retain, context):
                loss = F.cross_entropy(model(x), y)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        return model

    def _relabelled(self, split: Split, context: Context) -> Images:
        drawn = random_labels(split.forget.labels, split.num_classes, context.rng, wrong=self.labels == "wrong")
        return split.forget.with_labels(drawn)

    def _batches(self, forget: Images, retain: Images, context: Context) -> Iterator[tuple[Tensor, Tensor]]:
        parts = [forget.joined(retain)] if self.order == "mixed" else [forget, retain]
        for images in parts:
            yield from images.batches(self.batch_size, context.rng, self.augment)
