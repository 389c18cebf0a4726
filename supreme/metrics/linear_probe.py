"""What a new head finds in the body."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from supreme.core import Column, Evaluation, Undefined
from supreme.core.validation import PositiveFloat, PositiveInt, bounded
from supreme.metrics.comparison import few_images


@bounded
@dataclass(frozen=True, kw_only=True)
class LinearProbe:
    """Accuracy of a new linear head on the frozen body: does it still know what the old head denies?

    Where classes are forgotten, the head is fitted to `per_class` training images of every class, the forgotten ones
    too, and judged on `forget_test`; else to retained images, and judged on the forget set. `linear_probe/test` is the
    same head on all test images. The head is a ridge regression to one-hot labels on standardised features, solved in
    closed form in float64: nothing to tune or to converge. The images are drawn from the evaluation's stream, the same
    ones for every model. "An Information Theoretic Evaluation Metric For Strong Unlearning", 2024,
    https://arxiv.org/abs/2405.17878, shows that methods change the head and leave the body as it was.

    Range: [0, 1].
    Ideal: the reference's value.
    Attacker: population; sees the features of one model, and fits a head to labelled images.
    Cost: a forward pass for the features, kept in the store, and a system of D equations.
    Least n: 100 images of the set that is judged.
    """

    per_class: PositiveInt
    """Labelled images of each class, or all there are."""
    ridge: PositiveFloat
    """Penalty on the squared weights, in images; > 0."""

    declared_columns: ClassVar[Mapping[str, Column]] = {
        "linear_probe/*": Column(unit="fraction"),
    }
    needs: ClassVar[frozenset[str]] = frozenset({"features"})

    def columns(self, evaluation: Evaluation) -> tuple[str, ...]:
        return tuple(f"linear_probe/{name}" for name in (_judged(evaluation), "test") if name in evaluation.sets)

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float | Undefined]:
        sets = ("retain", "forget") if evaluation.forgets_class else ("retain",)
        labels = torch.cat([evaluation.labels(name) for name in sets])
        chosen = self._drawn(labels, evaluation.rng)
        features = torch.cat([evaluation.subject.features(name) for name in sets])[chosen]
        if not features.isfinite().all():
            return dict.fromkeys(self.columns(evaluation), Undefined("features are not finite"))
        head = _fit(features, labels[chosen], self.ridge)
        return {
            column: float((head(evaluation.subject.features(name)) == evaluation.labels(name)).double().mean())
            for column in self.columns(evaluation)
            for name in [column.removeprefix("linear_probe/")]
        }

    def warnings(self, evaluation: Evaluation) -> Mapping[str, str]:
        judged = _judged(evaluation)
        return few_images(evaluation, [f"linear_probe/{judged}"], [judged]) if judged in evaluation.sets else {}

    def _drawn(self, labels: Tensor, rng: np.random.Generator) -> Tensor:
        order = torch.from_numpy(rng.permutation(len(labels)))
        return torch.cat([order[labels[order] == label][: self.per_class] for label in labels.unique()])


def _judged(evaluation: Evaluation) -> str:
    return "forget_test" if evaluation.forgets_class else "forget"


def _fit(features: Tensor, labels: Tensor, ridge: float) -> Callable[[Tensor], Tensor]:
    """A function from features N x D to N classes: the head fitted to these."""
    classes = labels.unique()
    mean, std = features.double().mean(0), features.double().std(0, correction=0)
    scale = torch.where(std > 0, std, 1.0)

    def standardised(x: Tensor) -> Tensor:
        return (x.double() - mean) / scale

    x, targets = standardised(features), (labels[:, None] == classes).double()
    system = x.T @ x + ridge * torch.eye(x.shape[1], dtype=torch.float64)
    weights = torch.linalg.solve(system, x.T @ (targets - targets.mean(0)))
    return lambda x: classes[(standardised(x) @ weights + targets.mean(0)).argmax(1)]
