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
from supreme.functional.gradients import dot, gradients_of, trainable

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
    without cost: Σ √(|g_r|² |g_f|² - (g_r · g_f)²) < `constraint`. `goal` utility is HAMU-U: the retain
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
        gradients = gradients_of(F.cross_entropy(model(x), y), weights)
        factor = (self.max_norm / (dot(gradients, gradients).sqrt() + 1e-6)).clamp(max=1)
        return [gradient * factor for gradient in gradients]

    def _steps(self, of_retain: list[Tensor], of_forget: list[Tensor]) -> list[Tensor] | None:
        """The step of each weight tensor; None where training is to end."""
        pairs = list(zip(of_retain, of_forget, strict=True))
        if self.goal == "utility":
            pairs = [(-g_f, -g_r) for g_r, g_f in pairs]
        products = torch.stack([g_r.norm() * g_f.norm() for g_r, g_f in pairs])
        dots = torch.stack([(g_r * g_f).sum() for g_r, g_f in pairs])
        if self.stops and (products**2 - dots**2).clamp(min=0).sqrt().sum() < self.constraint:
            return None
        amounts = self.lr * self.constraint * products / products.sum().clamp(min=EPSILON)
        steps = [self._step(g_r, g_f, amount) for (g_r, g_f), amount in zip(pairs, amounts, strict=True)]
        found = [step for step in steps if step is not None]
        return found if len(found) == len(steps) else None

    def _step(self, g_r: Tensor, g_f: Tensor, amount: Tensor) -> Tensor | None:
        """Of one weight tensor; None where no step of its length raises the forget loss by this amount."""
        along, square = (g_r * g_f).sum(), g_f.square().sum()
        if square < EPSILON:
            return -self.lr * g_r if amount <= EPSILON else None
        rest = (self.lr * g_r).square().sum() - amount**2 / square
        if rest < 0:
            return None
        if along <= -amount / self.lr:
            return -self.lr * g_r
        orthogonal = g_r - along / square * g_f
        return amount / square * g_f - rest.sqrt() * orthogonal / orthogonal.norm().clamp(min=EPSILON)
