"""Fine-tuning on the retain set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch.nn.functional as F

from supreme.core import Context, Split
from supreme.core.validation import Momentum, NonNegativeFloat, OneOf, PositiveFloat, PositiveInt, bounded
from supreme.functional.classifier import Classifier
from supreme.functional.optimizers import make_optimizer


@bounded
@dataclass(frozen=True, kw_only=True)
class Finetune:
    """Fine-tuning: go on training on the retain set alone and let the forget set fade.

    A baseline of Golatkar, Achille and Soatto, "Eternal Sunshine of the Spotless Net: Selective Forgetting in Deep
    Networks", CVPR 2020, https://arxiv.org/abs/1911.04933, and of Warnecke et al., "Machine Unlearning of Features and
    Labels", NDSS 2023, https://arxiv.org/abs/2108.11577: min_θ of the cross entropy on the retain set, from the
    original's weights.

    Deviations: none from the baseline, which fixes no optimiser. Here it is the one that the recipe trained the model
    with, at a constant learning rate; OPTML-Group/Unlearn-Sparse and SUPREME's published runs take SGD for every
    architecture, `optimizer: sgd`, which ruins vision transformers.
    Cost: `epochs` over the retain set.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"retain"})

    lr: PositiveFloat
    """Learning rate, constant."""
    epochs: PositiveInt
    """Passes over the retain set."""
    batch_size: PositiveInt
    """Images per step."""
    augment: bool
    """Whether to augment the images as the recipe does."""
    optimizer: Annotated[str, OneOf("recipe", "sgd")]
    """recipe: as the original was trained; sgd: that, whatever the architecture, as the published benchmark."""
    momentum: Momentum
    """Of optimizer: sgd."""
    weight_decay: NonNegativeFloat
    """L2 term of optimizer: sgd."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        if self.optimizer == "sgd":
            return self._with_sgd(model, split, context)
        return context.fit(
            model,
            split.retain,
            epochs=self.epochs,
            lr=self.lr,
            batch_size=self.batch_size,
            constant_schedule=True,
            augment=self.augment,
        )

    def _with_sgd(self, model: Classifier, split: Split, context: Context) -> Classifier:
        optimizer = make_optimizer("sgd", model, self.lr, self.momentum, self.weight_decay)
        model.train()
        for _ in context.epochs(self.epochs):
            for x, y in split.retain.batches(self.batch_size, context.rng, self.augment):
                loss = F.cross_entropy(model(x), y)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        return model
