"""Noise again and again on a few random layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
import torch.nn.functional as F
from annotated_types import Ge, Le
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from supreme.core import Context, Split
from supreme.core.validation import Momentum, NonNegativeFloat, PositiveFloat, PositiveInt, bounded
from supreme.functional.classifier import Classifier
from supreme.functional.optimizers import make_optimizer


@bounded
@dataclass(frozen=True, kw_only=True)
class RNI:
    """Repeated Noise Injection: epoch after epoch, disturb a few random layers and train them, then train everything.

    The seventh of the NeurIPS 2023 challenge: Triantafillou et al., "Are We Making Progress in Unlearning? Findings
    from the First NeurIPS Unlearning Competition", arXiv 2024, https://arxiv.org/abs/2406.09073; compared by Cadet et
    al., "Deep Unlearn: Benchmarking Machine Unlearning for Image Classification", EuroS&P 2025,
    https://arxiv.org/abs/2410.01276. The head is drawn again. In each noisy epoch `picked` random tensors of weights
    and those of all normalisation layers are trainable and the others rest; from the second such epoch on a random part
    of the picked is disturbed first: N(0, std²) is added to each of them that no epoch before has picked. Then follow
    epochs that train everything, each at a learning rate of its own. All by SGD, started anew in every epoch, on the
    cross entropy of the retain set, the model in training mode.

    A model with no more than `picked` such tensors has them all picked in the first epoch, and no noise is added.

    Code: the port in xcadet/deepunlearn, munl/unlearning/kgltop7.py; the winners' notebook, which is public on Kaggle,
    could not be obtained (looked for on 2026-11-29). Their write-up does not mention that a tensor is disturbed no
    more once it was picked.
    Deviations: the new head is drawn as that of an untrained model is, where the port resets it to PyTorch's default;
    the noisy part is one of the tensors picked (the port: of nine, even where the model has fewer); normalisation
    layers are known by their class (the port goes by names with bn, so that it misses those of ResNet's shortcuts).
    Applies to: all models.
    Cost: `noisy_epochs` and as many epochs as `final_lrs` has, over the retain set.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"retain"})

    noisy_epochs: PositiveInt
    """Epochs that train some layers only."""
    picked: PositiveInt
    """How many tensors (weights or biases, normalisation apart) such an epoch trains."""
    noisy: Annotated[float, Ge(0), Le(1)]
    """Which part of the picked tensors may be disturbed, rounded down."""
    std: NonNegativeFloat
    """Standard deviation of the noise."""
    lr: PositiveFloat
    """Learning rate of SGD in noisy epochs."""
    final_lrs: list[PositiveFloat]
    """Learning rate of each epoch that trains everything, one number per epoch."""
    momentum: Momentum
    """Of SGD."""
    weight_decay: NonNegativeFloat
    """L2 term of SGD."""
    batch_size: PositiveInt
    """Images per step."""
    augment: bool
    """Whether to augment the images as the recipe does."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        model.head.load_state_dict(context.untrained().head.state_dict())
        everything = [weight for weight in model.parameters() if weight.requires_grad]
        others = _outside_normalisation(model)
        untouched = set(range(len(others)))
        model.train()
        for epoch in context.epochs(self.noisy_epochs + len(self.final_lrs)):
            if epoch <= self.noisy_epochs:
                picked = _some(range(len(others)), self.picked, context.rng)
                if epoch > 1:
                    noisy = _some(picked, int(self.noisy * len(picked)), context.rng)
                    self._add_noise([others[index] for index in noisy if index in untouched], context.rng)
                untouched.difference_update(picked)
                lr, resting = self.lr, [weight for index, weight in enumerate(others) if index not in picked]
            else:
                lr, resting = self.final_lrs[epoch - self.noisy_epochs - 1], []
            for weight in resting:
                weight.requires_grad_(False)
            self._train(model, split, lr, context.rng)
            for weight in everything:
                weight.requires_grad_(True)
        return model

    @torch.no_grad()
    def _add_noise(self, weights: list[nn.Parameter], rng: torch.Generator) -> None:
        for weight in weights:
            weight.add_(self.std * torch.randn(weight.shape, generator=rng, dtype=weight.dtype).to(weight))

    def _train(self, model: Classifier, split: Split, lr: float, rng: torch.Generator) -> None:
        optimizer = make_optimizer("sgd", model, lr, self.momentum, self.weight_decay)
        for x, y in split.retain.batches(self.batch_size, rng, self.augment):
            loss = F.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def _some(indices: Sequence[int], count: int, rng: torch.Generator) -> list[int]:
    """So many of them at random, or all, in their order."""
    chosen = torch.rand(len(indices), generator=rng).argsort()[:count]
    return sorted(indices[position] for position in chosen.tolist())


def _outside_normalisation(model: Classifier) -> list[nn.Parameter]:
    """Trainable tensors that no normalisation layer owns."""
    kinds = (_BatchNorm, nn.LayerNorm, nn.GroupNorm)
    inside = {id(weight) for layer in model.modules() if isinstance(layer, kinds) for weight in layer.parameters()}
    return [weight for weight in model.parameters() if weight.requires_grad and id(weight) not in inside]
