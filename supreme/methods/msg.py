"""Starting afresh where the gradients are small."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
import torch.nn.functional as F
from annotated_types import Gt, Le
from torch import Tensor, nn

from supreme.core import Context, Split
from supreme.core.images import Images
from supreme.core.validation import Compat, Momentum, NonNegativeFloat, PositiveFloat, PositiveInt, bounded
from supreme.functional.classifier import Classifier
from supreme.functional.layers import convolutions
from supreme.functional.optimizers import make_optimizer, set_lr


@bounded
@dataclass(frozen=True, kw_only=True)
class MSG:
    """Masked Small Gradients: forget by the weights that neither set pulls at, and let the others move little.

    The second of the NeurIPS 2023 challenge: Triantafillou et al., "Are We Making Progress in Unlearning? Findings from
    the First NeurIPS Unlearning Competition", arXiv 2024, https://arxiv.org/abs/2406.09073; compared by Cadet et al.,
    "Deep Unlearn: Benchmarking Machine Unlearning for Image Classification", EuroS&P 2025,
    https://arxiv.org/abs/2410.01276. With g the gradient of the mean loss of as many random retained images as are to
    be forgotten, minus that of the forget set, the given part of every kernel with the smallest |g| is drawn again (He
    et al.'s normal distribution, fan out); then min_θ of the cross entropy on the retain set, by SGD, the model in
    training mode, where gradients of all other kernel weights are multiplied by `kept_gradient`. The learning rate
    rises linearly over the first half of the epochs, then falls, from epoch to epoch.

    Code: the port in xcadet/deepunlearn, munl/unlearning/kgltop2.py; the winners' notebook, which is public on Kaggle,
    could not be obtained (looked for on 2026-11-29). Their write-up agrees in g, the drawing, the factor and the shape
    of the learning rate.
    Deviations: with `compat: paper` g comes from means over images, in evaluation mode. The port adds up the gradients
    of batches' means, so that a smaller last batch counts more (retained images always in batches of 64), and does so
    in the mode that the model has, in Deep Unlearn training mode, so that the statistics of batch normalisation move,
    too: `compat: reference`, from which its numbers come.
    Applies to: models with convolutions; other layers are fine-tuned only.
    Cost: one pass over the forget set and one over as many retained images, then `epochs` over the retain set.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"forget", "retain"})

    redrawn: Annotated[float, Gt(0), Le(1)]
    """Which part of every kernel is drawn again."""
    kept_gradient: NonNegativeFloat
    """What gradients of the other kernel weights are multiplied by."""
    lr: PositiveFloat
    """Highest learning rate of SGD."""
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
    compat: Compat
    """paper, or reference as the port."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        layers = convolutions(self, model)
        handles = [
            layer.weight.register_hook(lambda gradient, scale=scale: gradient * scale)
            for layer, scale in zip(layers, self._redraw(model, layers, split, context), strict=True)
        ]
        optimizer = make_optimizer("sgd", model, self.lr, self.momentum, self.weight_decay)
        model.train()
        for epoch in context.epochs(self.epochs):
            set_lr(optimizer, self.lr * self._lr_factor(epoch))
            for x, y in split.retain.batches(self.batch_size, context.rng, self.augment):
                loss = F.cross_entropy(model(x), y)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        for handle in handles:
            handle.remove()
        return model

    def _redraw(self, model: Classifier, layers: list[nn.Conv2d], split: Split, context: Context) -> list[Tensor]:
        """Draw weights again; returns what the gradients of each kernel are to be multiplied by."""
        picked = torch.randperm(len(split.retain), generator=context.rng)[: len(split.forget)]
        kernels = [layer.weight for layer in layers]
        model.train(self.compat == "reference")
        retained = self._gradients(model, kernels, split.retain.subset(picked))
        forgotten = self._gradients(model, kernels, split.forget)
        scales = []
        for kernel, one, other in zip(kernels, retained, forgotten, strict=True):
            size = (one - other).abs().flatten()
            smallest = size.topk(round(self.redrawn * len(size)), largest=False).indices
            mask = torch.zeros_like(size, dtype=torch.bool).index_fill_(0, smallest, True).view(kernel.shape)
            drawn = torch.empty(kernel.shape, dtype=kernel.dtype)
            nn.init.kaiming_normal_(drawn, mode="fan_out", nonlinearity="relu", generator=context.rng)
            with torch.no_grad():
                kernel.copy_(torch.where(mask, drawn.to(kernel), kernel))
            scales.append(torch.full_like(kernel, self.kept_gradient).masked_fill_(mask, 1.0))
        return scales

    def _gradients(self, model: Classifier, weights: list[Tensor], images: Images) -> list[Tensor]:
        """Of the cross entropy, for each of the weights."""
        totals = [torch.zeros_like(weight) for weight in weights]
        for x, y in images.batches(self.batch_size):
            share = 1.0 if self.compat == "reference" else len(y) / len(images)
            loss = share * F.cross_entropy(model(x), y)
            for total, gradient in zip(totals, torch.autograd.grad(loss, weights), strict=True):
                total += gradient
        return totals

    def _lr_factor(self, epoch: int) -> float:
        rising = (self.epochs + 1) // 2
        return epoch / rising if epoch <= rising else (self.epochs + 1 - epoch) / (self.epochs + 1 - rising)

    def check_model(self, model: Classifier, split: Split) -> None:
        convolutions(self, model)
