"""Total variation distance from the reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from supreme.core import Column, Evaluation, Undefined
from supreme.metrics import arithmetic
from supreme.metrics.comparison import against_reference, compared_sets


@dataclass(frozen=True, kw_only=True)
class TotalVariation:
    """Mean total variation distance between what the subject and the reference answer.

    Half the sum of absolute differences: the probability mass that went elsewhere. Where a class is forgotten, its
    value on the forget set tells whether the class's mass went to the same other classes as the reference's. "On the
    Necessity of Output Distribution Reweighting for Effective Class Unlearning", arXiv 2025,
    https://arxiv.org/abs/2506.20893.

    Range: [0, 1]; 0 for equal answers.
    Ideal: what a second, independent reference gets (the row of `method=retrain`), not 0.
    Cost: nothing beyond the logits.
    Least n: none.
    """

    declared_columns: ClassVar[Mapping[str, Column]] = {
        "total_variation/*": Column(unit="fraction", direction="lower"),
    }
    needs: ClassVar[frozenset[str]] = frozenset({"logits"})

    def columns(self, evaluation: Evaluation) -> tuple[str, ...]:
        return tuple(f"total_variation/{name}" for name in compared_sets(evaluation))

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float | Undefined]:
        return against_reference(evaluation, self.columns(evaluation), arithmetic.total_variation)
