"""Unlearning by turning the sign of the first layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F

from supreme.core import Context, Split
from supreme.core.validation import Momentum, NonNegativeFloat, PositiveFloat, PositiveInt, bounded, require
from supreme.functional.classifier import Classifier
from supreme.functional.layers import convolutions
from supreme.functional.optimizers import cosine, make_optimizer, set_lr


@bounded
@dataclass(frozen=True, kw_only=True)
class WeightNegation:
    """Weight negation (NoT): multiply the first layer by -1, then repair the model on the retain set.

    Khalil, Brunswic, Lamghari, Li, Beitollahi and Chen, "NoT: Federated Unlearning via Weight Negation", CVPR 2025,
    https://arxiv.org/abs/2503.05657: negation breaks what the layers have adapted to in one another and leaves each
    well placed to be trained again. Here as one client, in the form of Khalil, Setayesh and Li, "CoUn: Empowering
    Machine Unlearning via Contrastive Learning", NeurIPS 2025, https://arxiv.org/abs/2509.16391: θ_1 ← -θ_1 for
    the weights of the first convolution, and in a vision transformer for the positional embedding and the weights
    that embed the patches; then min_θ of the cross entropy on the retain set, with SGD and a cosine.

    Deviations: no code of the authors could be found (looked for on 2026-11-29), so nothing could be compared. Chosen
    here: the learning rate falls after each epoch, biases keep their signs, training mode.
    Cost: `epochs` over the retain set.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"retain"})

    lr: PositiveFloat
    """Learning rate of SGD in the first epoch."""
    final_lr: NonNegativeFloat
    """Towards which the learning rate falls along half a cosine; at most lr."""
    momentum: Momentum
    """Of SGD."""
    weight_decay: NonNegativeFloat
    """L2 term of SGD."""
    epochs: PositiveInt
    """Passes over the retain set."""
    batch_size: PositiveInt
    """Images per step."""
    augment: bool
    """Whether to augment the images as the recipe does."""

    def __post_init__(self) -> None:
        require(self, "final_lr", self.final_lr <= self.lr, f"at most lr={self.lr}, as in method.final_lr=0")

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        embeddings = [weight for name, weight in model.named_parameters() if name.endswith("pos_embed")]
        with torch.no_grad():
            for weight in [convolutions(self, model)[0].weight, *embeddings]:
                weight.neg_()
        optimizer = make_optimizer("sgd", model, self.lr, self.momentum, self.weight_decay)
        model.train()
        for epoch in context.epochs(self.epochs):
            set_lr(optimizer, self.final_lr + (self.lr - self.final_lr) * cosine(epoch - 1, self.epochs))
            for x, y in split.retain.batches(self.batch_size, context.rng, self.augment):
                loss = F.cross_entropy(model(x), y)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        return model
