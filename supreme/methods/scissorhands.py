"""Unlearning by cutting the connections that the forget set needs, then healing without it."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Annotated, ClassVar

import torch
import torch.nn.functional as F
from annotated_types import Gt, Le
from torch import Tensor, nn

from supreme.core import Context, Split
from supreme.core.validation import (
    Momentum,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    bounded,
)
from supreme.functional.classifier import Classifier
from supreme.functional.gradients import dot, gradients_of, step_along, trainable
from supreme.functional.layers import last_layers
from supreme.functional.optimizers import make_optimizer

NORMALISATIONS = (nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm)
EPSILON = 1e-3
"""Added to the square of the remembered gradient, as in Gradient Episodic Memory."""


@bounded
@dataclass(frozen=True, kw_only=True)
class Scissorhands:
    """Scissorhands: start the connections that matter most to the forget set afresh, then repair, climbing all the way.

    Wu and Harandi, "Scissorhands: Scrub Data Influence via Connection Sensitivity in Networks", ECCV 2024,
    https://arxiv.org/abs/2401.06187; their code is JingWu321/Scissorhands_ex. The connection sensitivity of a weight
    (SNIP) is |weight · gradient of the cross entropy on a forget batch|; the `fraction` of weights with the highest
    starts afresh, kernels and matrices uniform as He et al. have it, biases at 0. Then, in every epoch, g_o is the
    gradient of -cross entropy on a forget batch at the epoch's start, and each step goes along g, the gradient of
    (cross entropy on a retain batch) - ascent · (cross entropy on a forget batch). Where g · g_o < 0 the step would
    lower the forget loss again, and g + v g_o takes its place, v = max(margin, -g · g_o / ‖g_o‖²): the projection of
    Gradient Episodic Memory. Where the forget set runs out of batches before the retain set does, the other steps are
    ordinary ones on the retain set.

    Deviations: sums of the saliency over several batches and projections on several g_o are left out; the authors'
    commands take one of each. Which layers are cut and projected their code knows by name, here they are the last ones.
    It takes the normalisation in a ResNet's shortcuts for weights to be cut; here no normalisation is. Training mode
    but for g_o.
    Cost: `epochs` passes over both sets.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"forget", "retain"})

    fraction: Annotated[float, Gt(0), Le(1)]
    """Which part of all weights to start afresh, where they lie in these layers and no normalisation owns them."""
    layers: NonNegativeInt
    """How many of the last layers to cut and to project, a residual block and the head being one each; 0: all."""
    ascent: NonNegativeFloat
    """The authors' lam: weight of the forget loss."""
    margin: NonNegativeFloat
    """Least multiple of g_o that a projection adds; 0: the projection on the plane normal to g_o."""
    lr: PositiveFloat
    """Learning rate of SGD, constant."""
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
    augment: bool
    """Whether to augment the images as the recipe does."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        weights = trainable(model)
        parts: list[nn.Module] = last_layers(model, self.layers) if self.layers else [model]
        inside = {id(weight) for part in parts for weight in part.parameters()}
        chosen = [position for position, weight in enumerate(weights) if id(weight) in inside]
        model.train()
        self._cut(
            model, [weights[position] for position in chosen], self._forget_gradients(model, split, context), context
        )
        optimizer = make_optimizer("sgd", model, self.lr, self.momentum, self.weight_decay)
        for _ in context.epochs(self.epochs):
            climb = [-gradient for gradient in self._forget_gradients(model.eval(), split, context)]
            forgotten = split.forget.batches(self.forget_batch_size, context.rng, self.augment)
            model.train()
            for x, y in split.retain.batches(self.retain_batch_size, context.rng, self.augment):
                gradients = gradients_of(F.cross_entropy(model(x), y), weights)
                if (batch := next(forgotten, None)) is not None:
                    x_forget, y_forget = batch
                    of_forget = gradients_of(F.cross_entropy(model(x_forget), y_forget), weights)
                    gradients = [g - self.ascent * f for g, f in zip(gradients, of_forget, strict=True)]
                    self._project(gradients, climb, chosen)
                step_along(optimizer, weights, gradients)
        return model

    def _forget_gradients(self, model: Classifier, split: Split, context: Context) -> list[Tensor]:
        x, y = next(split.forget.batches(self.forget_batch_size, context.rng, self.augment))
        return gradients_of(F.cross_entropy(model(x), y), trainable(model))

    @torch.no_grad()
    def _cut(self, model: Classifier, chosen: list[nn.Parameter], gradients: list[Tensor], context: Context) -> None:
        norms = [layer for layer in model.modules() if isinstance(layer, NORMALISATIONS)]
        spared = {id(weight) for layer in norms for weight in layer.parameters()}
        weights = trainable(model)
        saliency = {id(w): (w * g).abs() for w, g in zip(weights, gradients, strict=True)}
        values = torch.cat([part.flatten() for part in saliency.values()])
        threshold = values.kthvalue(max(1, int((1 - self.fraction) * len(values)))).values
        for weight in chosen:
            if id(weight) not in spared:
                new = torch.zeros(weight.shape, dtype=weight.dtype)
                if new.dim() > 1:
                    nn.init.kaiming_uniform_(new, a=sqrt(5), generator=context.rng)
                weight.copy_(torch.where(saliency[id(weight)] > threshold, new.to(weight.device), weight))

    def _project(self, gradients: list[Tensor], climb: list[Tensor], chosen: list[int]) -> None:
        """Replace the gradients of the chosen weights by their projection, where they would lower the forget loss."""
        remembered = [climb[position] for position in chosen]
        along = dot([gradients[position] for position in chosen], remembered)
        added = (-along / (dot(remembered, remembered) + EPSILON)).clamp(min=self.margin)
        added = torch.where(along < 0, added, 0.0)
        for position in chosen:
            gradients[position] = gradients[position] + added * climb[position]
