"""Distance of the predicted probabilities from the reference's, as SUPREME 0.1.4 prints it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from supreme.core import Column, Evaluation, Undefined
from supreme.metrics import arithmetic
from supreme.metrics.comparison import against_reference, compared_sets


@dataclass(frozen=True, kw_only=True)
class ActivationDistanceRMS:
    """Root of the mean squared distance between the probabilities of the subject and of the reference.

    What SUPREME 0.1.4 calls activation distance, to compare with its tables; never below the mean distance, which is
    what the literature means and `activation_distance` measures. Its reference was in training mode there, here it is
    not.

    Range: [0, sqrt 2]; 0 for equal answers.
    Ideal: what a second, independent reference gets (the row of `method=retrain`), not 0.
    Cost: nothing beyond the logits.
    Least n: none.
    """

    declared_columns: ClassVar[Mapping[str, Column]] = {
        "activation_distance_rms/*": Column(direction="lower"),
    }
    needs: ClassVar[frozenset[str]] = frozenset({"logits"})

    def columns(self, evaluation: Evaluation) -> tuple[str, ...]:
        return tuple(f"activation_distance_rms/{name}" for name in compared_sets(evaluation))

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float | Undefined]:
        return against_reference(evaluation, self.columns(evaluation), arithmetic.activation_distance_rms)
