"""Unlearning by cutting the connections that the forget set needs, then healing without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
import torch.nn.functional as F
from annotated_types import Gt, Le
from torch import Tensor, nn

from supreme.core import Context, Split
from supreme.core.images import Images
from supreme.core.validation import Momentum, NonNegativeFloat, PositiveFloat, PositiveInt, bounded
from supreme.functional.classifier import Classifier
from supreme.functional.gradients import dot, gradients_of, step_along, trainable
from supreme.functional.optimizers import make_optimizer

NORMALISATIONS = (nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm)


@bounded
@dataclass(frozen=True, kw_only=True)
class Scissorhands:
    """Scissorhands: start the connections that matter most to the forget set afresh, then repair, climbing all the way.

    Wu and Harandi, "Scissorhands: Scrub Data Influence via Connection Sensitivity in Networks", ECCV 2024,
    https://arxiv.org/abs/2401.06187. The connection sensitivity of a weight (SNIP) is |weight · gradient of the cross
    entropy on the forget set|; the `fraction` of weights with the highest gets newly initialised values. Then, in every
    epoch, g_o is the gradient of -cross entropy on the forget set at the epoch's start, and each step goes along g, the
    gradient of (cross entropy on a retain batch) - ascent · (cross entropy on a forget batch), where g · g_o < 0 after
    projecting it on the plane normal to g_o, so that no step lowers the forget loss again. Where the forget set runs
    out of batches before the retain set does, the other steps are ordinary ones on the retain set.

    Deviations: all layers but normalisations are cut (the authors cut and project only the last two stages of a ResNet
    and its head). New values, those of biases too, are drawn as the architecture draws them. g_o is the gradient of the
    whole set, not of some batches, and the projection is the closed form for one g_o, without the authors' margin of
    0.5. Training mode but for the saliency and g_o.
    Cost: 1 + `epochs` passes over the forget set beside `epochs` over both sets.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"forget", "retain"})

    fraction: Annotated[float, Gt(0), Le(1)]
    """Which part of the weights to start afresh, if no normalisation owns them."""
    ascent: NonNegativeFloat
    """The authors' lam: weight of the forget loss."""
    lr: PositiveFloat
    """Learning rate of SGD."""
    momentum: Momentum
    """Of SGD."""
    weight_decay: NonNegativeFloat
    """L2 term."""
    epochs: PositiveInt
    """Passes over the retain set."""
    forget_batch_size: PositiveInt
    """Images per step."""
    retain_batch_size: PositiveInt
    """Images per step."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        self._cut(model, context.untrained(), split.forget)
        weights = trainable(model)
        optimizer = make_optimizer("sgd", model, self.lr, self.momentum, self.weight_decay)
        for _ in context.epochs(self.epochs):
            climb = [-gradient for gradient in self._gradients(model, split.forget)]
            square = dot(climb, climb).clamp(min=torch.finfo(climb[0].dtype).tiny)
            forgotten = split.forget.batches(self.forget_batch_size, context.rng)
            model.train()
            for x, y in split.retain.batches(self.retain_batch_size, context.rng):
                gradients = gradients_of(F.cross_entropy(model(x), y), weights)
                if (batch := next(forgotten, None)) is not None:
                    x_forget, y_forget = batch
                    loss = -self.ascent * F.cross_entropy(model(x_forget), y_forget)
                    gradients = [g + f for g, f in zip(gradients, gradients_of(loss, weights), strict=True)]
                    against = dot(gradients, climb).clamp(max=0) / square
                    gradients = [g - against * c for g, c in zip(gradients, climb, strict=True)]
                step_along(optimizer, weights, gradients)
        return model

    def _cut(self, model: Classifier, fresh: Classifier, forget: Images) -> None:
        gradients = self._gradients(model, forget)
        new = dict(fresh.named_parameters())
        spared = {
            id(weight)
            for layer in model.modules()
            if isinstance(layer, NORMALISATIONS)
            for weight in layer.parameters()
        }
        with torch.no_grad():
            named = [(name, weight) for name, weight in model.named_parameters() if weight.requires_grad]
            saliency = [(weight * gradient).abs() for (_, weight), gradient in zip(named, gradients, strict=True)]
            values = torch.cat([part.flatten() for part in saliency])
            threshold = values.topk(max(1, int(self.fraction * len(values)))).values[-1]
            for (name, weight), part in zip(named, saliency, strict=True):
                if id(weight) not in spared:
                    weight.copy_(torch.where(part >= threshold, new[name], weight))

    def _gradients(self, model: Classifier, forget: Images) -> list[Tensor]:
        """Of the mean cross entropy of the set, in evaluation mode."""
        model.eval()
        weights = trainable(model)
        totals = [torch.zeros_like(weight, requires_grad=False) for weight in weights]
        for x, y in forget.batches(self.forget_batch_size):
            loss = F.cross_entropy(model(x), y, reduction="sum") / len(forget)
            for total, gradient in zip(totals, gradients_of(loss, weights), strict=True):
                total += gradient
        return totals
