"""Zero retrain forgetting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import ClassVar

from supreme.core import Column, Evaluation, Undefined
from supreme.metrics import arithmetic


@dataclass(frozen=True, kw_only=True)
class ZRF:
    """Zero retrain forgetting: 1 - Jensen-Shannon divergence (base 2) from untrained models.

    How far the subject answers at random, the mean over the evaluation's untrained models. `zrf/test` stands beside
    `zrf/forget` because a model that answers everything at random scores high on both. "Can Bad Teaching Induce
    Forgetting? Unlearning in Deep Networks Using an Incompetent Teacher", AAAI 2023, https://arxiv.org/abs/2205.08096.

    Range: [0, 1].
    Ideal: the reference's value, not 1.
    Cost: a forward pass of each untrained model, shared by all methods.
    Least n: none.
    """

    declared_columns: ClassVar[Mapping[str, Column]] = {
        "zrf/*": Column(unit="fraction"),
    }
    needs: ClassVar[frozenset[str]] = frozenset({"logits", "untrained"})

    def columns(self, evaluation: Evaluation) -> tuple[str, ...]:
        return tuple(f"zrf/{name}" for name in ("forget", "test") if name in evaluation.sets)

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float | Undefined]:
        if not evaluation.untrained:
            return dict.fromkeys(self.columns(evaluation), Undefined("there are no untrained models to compare with"))
        return {column: self._mean(evaluation, column.removeprefix("zrf/")) for column in self.columns(evaluation)}

    def _mean(self, evaluation: Evaluation, name: str) -> float:
        logits = evaluation.subject.logits(name)
        return fmean(arithmetic.zrf(logits, untrained.logits(name)) for untrained in evaluation.untrained)
