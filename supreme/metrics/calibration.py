"""Calibration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from supreme.core import Column, Evaluation, Undefined
from supreme.core.validation import PositiveInt, bounded
from supreme.metrics import arithmetic
from supreme.metrics.comparison import compared_sets, few_images


@bounded
@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Expected calibration error and Brier score: how far confidence is from accuracy.

    Both look at probabilities where accuracy looks at the answer alone, so they show a forget set on which the model
    is surer, or surer of something wrong, than on images it never saw. The error is that of "On Calibration of Modern
    Neural Networks", ICML 2017, https://arxiv.org/abs/1706.04599, in bins of equal width. The score (Brier, Monthly
    Weather Review 1950) is the squared distance of the probabilities from the true class.

    Range: error [0, 1]; Brier score [0, 2].
    Ideal: the reference's value.
    Cost: nothing beyond the logits.
    Least n: 100 images for each set; the error of a small set is too large, whatever the model.
    """

    bins: PositiveInt
    """Of equal width over confidences in [0, 1]."""

    declared_columns: ClassVar[Mapping[str, Column]] = {
        "calibration/ece_*": Column(unit="fraction"),
        "calibration/brier_*": Column(),
    }
    needs: ClassVar[frozenset[str]] = frozenset({"logits"})

    def columns(self, evaluation: Evaluation) -> tuple[str, ...]:
        return tuple(f"calibration/{what}_{name}" for name in compared_sets(evaluation) for what in ("ece", "brier"))

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float | Undefined]:
        values = []
        for name in compared_sets(evaluation):
            logits, labels = evaluation.subject.logits(name), evaluation.labels(name)
            values.append(arithmetic.expected_calibration_error(logits, labels, self.bins))
            values.append(arithmetic.brier_score(logits, labels))
        return dict(zip(self.columns(evaluation), values, strict=True))

    def warnings(self, evaluation: Evaluation) -> Mapping[str, str]:
        names = compared_sets(evaluation)
        return {k: v for name in names for k, v in few_images(evaluation, [f"calibration/ece_{name}"], [name]).items()}
