"""Kullback-Leibler divergence from the reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from supreme.core import Column, Evaluation, Undefined
from supreme.metrics import arithmetic
from supreme.metrics.comparison import against_reference, compared_sets


@dataclass(frozen=True, kw_only=True)
class KLDivergence:
    """Mean Kullback-Leibler divergence of the subject's answers from the reference's: KL(subject || reference).

    In this direction a model that masks the forgotten class has a value; where the reference masks a class that the
    subject allows, there is none. A few images of which the reference is sure can make up most of the mean: the
    Jensen-Shannon divergence is bounded.

    "On Information and Sufficiency", The Annals of Mathematical Statistics 1951, https://doi.org/10.1214/aoms/1177729694.

    Range: 0 or more, in nats; 0 for equal answers.
    Ideal: what a second, independent reference gets (the row of `method=retrain`), not 0.
    Cost: nothing beyond the logits.
    Least n: none.
    """

    declared_columns: ClassVar[Mapping[str, Column]] = {
        "kl_divergence/*": Column(unit="nats", direction="lower"),
    }
    needs: ClassVar[frozenset[str]] = frozenset({"logits"})

    def columns(self, evaluation: Evaluation) -> tuple[str, ...]:
        return tuple(f"kl_divergence/{name}" for name in compared_sets(evaluation))

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float | Undefined]:
        columns, reason = self.columns(evaluation), "infinite: the reference masks a class"
        return against_reference(evaluation, columns, arithmetic.kl_divergence, reason)
