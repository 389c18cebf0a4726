"""Pruning, then fine-tuning what is left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from annotated_types import Gt, Lt
from torch import nn

from supreme.core import Context, Split
from supreme.core.validation import PositiveFloat, PositiveInt, bounded
from supreme.functional.classifier import Classifier


@bounded
@dataclass(frozen=True, kw_only=True)
class PruneThenUnlearn:
    """Prune first, then unlearn: remove the smallest weights, then fine-tune the others on the retain set.

    Jia, Liu, Ram, Yao, Liu, Liu, Sharma and Liu, "Model Sparsity Can Simplify Machine Unlearning", NeurIPS 2023,
    https://arxiv.org/abs/2304.04934: on a sparse model, approximate unlearning comes closer to retraining.
    Their code is OPTML-Group/Unlearn-Sparse. The weights are pruned at once by their size (one-shot magnitude pruning,
    over all layers together) and stay 0 in the fine-tuning that unlearns.

    Deviations: the authors train again after pruning, from an early epoch's weights (OMP, IMP) or from the start
    (SynFlow), and that sparse original then serves every method and has the published numbers; here the original is
    given and what unlearns is fine-tuning, which also has to repair what pruning broke. They prune convolutions; here
    linear layers in the body are pruned, too, so that transformers can be. The head, biases and normalisation stay. The
    optimiser is the recipe's, with a constant learning rate (theirs: SGD, for ten epochs constant).
    Cost: `epochs` over the retain set.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"retain"})

    sparsity: Annotated[float, Gt(0), Lt(1)]
    """Which part of the weights to remove."""
    lr: PositiveFloat
    """Learning rate, constant."""
    epochs: PositiveInt
    """Passes over the retain set."""
    batch_size: PositiveInt
    """Images per step."""
    augment: bool
    """Whether to augment the images as the recipe does."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        weights = [layer.weight for layer in model.body.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
        sizes = torch.cat([weight.detach().abs().flatten() for weight in weights])
        pruned = torch.zeros_like(sizes, dtype=torch.bool)
        pruned[sizes.argsort(stable=True)[: round(self.sparsity * len(sizes))]] = True
        parts = pruned.split([weight.numel() for weight in weights])
        masks = [part.view_as(weight) for part, weight in zip(parts, weights, strict=True)]
        # A weight of 0 without a gradient stays 0 under momentum and weight decay, whatever the optimiser.
        hooks = []
        for weight, mask in zip(weights, masks, strict=True):
            weight.detach().masked_fill_(mask, 0)
            hooks.append(weight.register_hook(lambda gradient, mask=mask: gradient.masked_fill(mask, 0)))
        try:
            return context.fit(
                model,
                split.retain,
                epochs=self.epochs,
                lr=self.lr,
                batch_size=self.batch_size,
                constant_schedule=True,
                augment=self.augment,
            )
        finally:
            for hook in hooks:
                hook.remove()
