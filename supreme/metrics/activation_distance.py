"""Distance of the predicted probabilities from the reference's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from supreme.core import Column, Evaluation, Undefined
from supreme.metrics import arithmetic
from supreme.metrics.comparison import against_reference, compared_sets


@dataclass(frozen=True, kw_only=True)
class ActivationDistance:
    """Mean Euclidean distance between the probabilities of the subject and of the reference.

    "Mixed-Privacy Forgetting in Deep Networks", CVPR 2021, https://arxiv.org/abs/2012.13431; Chundawat et al., AAAI
    2023. SUPREME 0.1.4 prints the root of the mean square instead, which is never smaller: `activation_distance_rms`.

    Range: [0, sqrt 2]; 0 for equal answers.
    Ideal: what a second, independent reference gets (the row of `method=retrain`), not 0.
    Cost: nothing beyond the logits.
    Least n: none.
    """

    declared_columns: ClassVar[Mapping[str, Column]] = {
        "activation_distance/*": Column(direction="lower"),
    }
    needs: ClassVar[frozenset[str]] = frozenset({"logits"})

    def columns(self, evaluation: Evaluation) -> tuple[str, ...]:
        return tuple(f"activation_distance/{name}" for name in compared_sets(evaluation))

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float | Undefined]:
        return against_reference(evaluation, self.columns(evaluation), arithmetic.activation_distance)
