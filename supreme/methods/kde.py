"""A new first and last layer, taught by the original."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from supreme.core import Context, Split, SupremeError
from supreme.core.validation import Momentum, NonNegativeFloat, PositiveFloat, PositiveInt, bounded
from supreme.functional.classifier import Classifier
from supreme.functional.layers import freeze
from supreme.functional.optimizers import cosine, make_optimizer, set_lr


@bounded
@dataclass(frozen=True, kw_only=True)
class KDE:
    """Knowledge-Distillation-Entropy: reset the first and the last layer, then learn from the original's soft answers.

    The sixth of the NeurIPS 2023 challenge: Triantafillou et al., "Are We Making Progress in Unlearning? Findings from
    the First NeurIPS Unlearning Competition", arXiv 2024, https://arxiv.org/abs/2406.09073; compared by Cadet et al.,
    "Deep Unlearn: Benchmarking Machine Unlearning for Image Classification", EuroS&P 2025,
    https://arxiv.org/abs/2410.01276. The first convolution and the head are drawn again. With d = KL(original ‖ model)
    at temperature T (without the usual factor T²), first min_θ d on the validation set, which neither model was trained
    on, at a constant learning rate; then on the retain set min_θ of the cross entropy with the labels, plus that with
    the original's answers at T, plus d, at a learning rate that falls along a cosine from epoch to epoch. By SGD, the
    model in training mode.

    It trains on validation images: do not tune it on them, nor take them for images that it has never seen.

    Code: the port in xcadet/deepunlearn, munl/unlearning/kgltop6.py; the winners' notebook could not be obtained
    (looked for on 2026-11-29).
    Deviations: the new layers are drawn as those of an untrained model are, where the port resets them to PyTorch's
    default; even where the original started from pretrained weights they are random.
    Applies to: all models; where there is no convolution, the head alone is drawn again, as in the port.
    Cost: `warmup_epochs` over the validation set and `epochs` over the retain set, with one more forward pass for the
    original.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"retain", "validation"})

    temperature: PositiveFloat
    """T, divides all logits in the distance."""
    warmup_lr: PositiveFloat
    """Learning rate of SGD on the validation set."""
    warmup_epochs: PositiveInt
    """Passes over the validation set."""
    lr: PositiveFloat
    """Learning rate of SGD in the first epoch on the retain set."""
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

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        if len(split.validation) == 0:
            raise SupremeError(
                "KDE learns from the validation set, and these data have none: type another method or data"
            )
        original = freeze(model)
        untrained = context.untrained()
        model.head.load_state_dict(untrained.head.state_dict())
        for layer, drawn in zip(_first_convolution(model), _first_convolution(untrained), strict=True):
            layer.load_state_dict(drawn.state_dict())

        optimizer = make_optimizer("sgd", model, self.warmup_lr, self.momentum, self.weight_decay)
        model.train()
        for _ in context.epochs(self.warmup_epochs, "warm-up epoch"):
            for x, _ in split.validation.batches(self.batch_size, context.rng, self.augment):
                loss = self._distance(self._soft(original, x), model(x))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        optimizer = make_optimizer("sgd", model, self.lr, self.momentum, self.weight_decay)
        for epoch in context.epochs(self.epochs):
            set_lr(optimizer, self.lr * cosine(epoch - 1, self.epochs))
            for x, y in split.retain.batches(self.batch_size, context.rng, self.augment):
                target, answer = self._soft(original, x), model(x)
                soft = F.cross_entropy(answer / self.temperature, target)
                loss = F.cross_entropy(answer, y) + soft + self._distance(target, answer)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        return model

    @torch.no_grad()
    def _soft(self, original: Classifier, x: Tensor) -> Tensor:
        return F.softmax(original(x) / self.temperature, dim=1)

    def _distance(self, target: Tensor, logits: Tensor) -> Tensor:
        return F.kl_div(F.log_softmax(logits / self.temperature, dim=1), target, reduction="batchmean")


def _first_convolution(model: Classifier) -> list[nn.Conv2d]:
    return [layer for layer in model.modules() if isinstance(layer, nn.Conv2d)][:1]
