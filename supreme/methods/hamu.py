"""Forgetting by steps that raise the forget loss by a set amount at the least cost to the retain set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
import torch.nn.functional as F
from annotated_types import Ge, Le
from torch import Tensor

from supreme.core import Context, Split
from supreme.core.validation import OneOf, PositiveFloat, PositiveInt, bounded
from supreme.functional.batches import endless_batches
from supreme.functional.classifier import Classifier
from supreme.functional.gradients import dot, gradients_of, shortened, trainable

EPSILON = 1e-12


@bounded
@dataclass(frozen=True, kw_only=True)
class HAMU:
    """Hardness-Aware Multi-objective Unlearning: reach one goal by a set amount, at the least cost to the other.

    Chen, Niu, Sim, Liu, Chen and Low, "How Hard Can It Be? Hardness-Aware Multi-Objective Unlearning", ICML 2026,
    https://arxiv.org/abs/2606.02119, and the authors' code (aoi3142/HAMU). Of each retain batch and a forget batch the
    gradients g_r and g_f of the cross entropies are shortened to `max_norm`. In each weight tensor a step Δ of length
    R = lr |g_r| has to raise the forget loss by B, to first order, which is lr · `constraint` divided among tensors by
    |g_r| |g_f|, and to raise the retain loss least. Where descent on the retain loss does it, g_r · g_f ≤ -B |g_r| / R,
    Δ = -lr g_r; otherwise Δ = B g_f / |g_f|² - √(R² - B² / |g_f|²) g⊥ / |g⊥|, with g⊥ the part of g_r that is
    orthogonal to g_f. When no step of this length does it, training ends; with `stops`, also when B cannot be had
    without cost: Σ R √(|g_r|² |g_f|² - (g_r · g_f)²) / |g_r| < lr · `constraint`. `goal` utility is HAMU-U: the retain
    loss has to fall by B, at the least fall of the forget loss, with (-g_f, -g_r) in place of (g_r, g_f).
    In evaluation mode, so that batch normalisation keeps its statistics.

    Deviations: batches are drawn anew in every epoch (the authors' code shuffles once), and none runs over the end of
    an epoch. B is divided by the norms, as in the authors' runs on CIFAR-10; their code has three other ways.
    Cost: `epochs` over the retain set and as many batches of the forget set.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"forget", "retain"})

    goal: Annotated[str, OneOf("quality", "utility")]
    """What each step guarantees: quality of forgetting (HAMU-Q), or utility on the retain set (HAMU-U)."""
    constraint: Annotated[float, Ge(0), Le(1)]
    """How much of the goal each step has to reach, in units of lr."""
    stops: bool
    """Whether to end when the goal can no longer be had without cost, too."""
    lr: PositiveFloat
    """Step length in units of the gradient's length."""
    max_norm: PositiveFloat
    """Length to which a gradient of all weights is shortened."""
    epochs: PositiveInt
    """Passes over the retain set."""
    batch_size: PositiveInt
    """Images per step of each set."""
    augment: bool
    """Whether batches are augmented."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        model.eval()
        weights = trainable(model)
        forget = endless_batches(split.forget, self.batch_size, context.rng, self.augment)
        for _ in context.epochs(self.epochs):
            for x, y in split.retain.batches(self.batch_size, context.rng, self.augment):
                of_retain = self._gradients(model, weights, x, y)
                of_forget = self._gradients(model, weights, *next(forget))
                steps = self._steps(of_retain, of_forget)
                if steps is None:
                    return model
                for weight, step in zip(weights, steps, strict=True):
                    weight.data += step
        return model

    def _gradients(self, model: Classifier, weights: Sequence[Tensor], x: Tensor, y: Tensor) -> list[Tensor]:
        return shortened(gradients_of(F.cross_entropy(model(x), y), weights), self.max_norm)

    def _steps(self, of_retain: list[Tensor], of_forget: list[Tensor]) -> list[Tensor] | None:
        """The step of each weight tensor; None where training is to end."""
        pairs = list(zip(of_retain, of_forget, strict=True))
        if self.goal == "utility":
            pairs = [(-g_f, -g_r) for g_r, g_f in pairs]
        share = self.lr * self.constraint / sum(g_r.norm() * g_f.norm() for g_r, g_f in pairs).clamp(min=EPSILON)
        free = sum(self.lr * _area(g_r, g_f) for g_r, g_f in pairs)
        if self.stops and free < self.lr * self.constraint:
            return None
        steps = [self._step(g_r, g_f, share * g_r.norm() * g_f.norm()) for g_r, g_f in pairs]
        return None if any(step is None for step in steps) else steps

    def _step(self, g_r: Tensor, g_f: Tensor, amount: Tensor) -> Tensor | None:
        length, square, along = self.lr * g_r.norm(), g_f.square().sum(), (g_r * g_f).sum()
