"""Are the two classes whose labels were swapped still taken for each other?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from supreme.core import Column, Evaluation, Split, SupremeError, Undefined
from supreme.metrics import arithmetic


@dataclass(frozen=True, kw_only=True)
class InterclassConfusion:
    """What the subject answers to test images of the two classes between which labels were swapped.

    * `interclass_confusion/error`: share that gets a wrong class, any one (IC-ERR).
    * `interclass_confusion/confusions`: number that gets the other of the two (FGT-ERR).

    `accuracy/forget` beside them is the share of the swapped labels that the subject still knows. Undefined but with
    scenario=interclass_confusion. Goel et al., "Towards Adversarial Evaluations for Inexact Machine Unlearning",
    arXiv 2022, https://arxiv.org/abs/2201.06640.

    Range: error [0, 1]; confusions 0 or more.
    Ideal: the reference's value.
    Cost: nothing beyond the logits.
    Least n: none; tables of small test sets need an interval.
    """

    declared_columns: ClassVar[Mapping[str, Column]] = {
        "interclass_confusion/error": Column(
            title="confusion error %", unit="fraction", format=".2%", shown=True, rank=50
        ),
        "interclass_confusion/confusions": Column(unit="images"),
    }
    needs: ClassVar[frozenset[str]] = frozenset({"logits"})

    def columns(self, evaluation: Evaluation) -> tuple[str, ...]:
        return "interclass_confusion/error", "interclass_confusion/confusions"

    def check_split(self, split: Split) -> None:
        if "classes" not in split.planted:
            raise SupremeError("this scenario swaps no labels: type scenario=interclass_confusion")
        if not np.isin(split.test.targets, split.planted["classes"]).any():
            raise SupremeError("no test image is of either class: type another scenario.target")

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float | Undefined]:
        columns = self.columns(evaluation)
        if "classes" not in evaluation.planted:
            reason = "this scenario swaps no labels: type scenario=interclass_confusion"
            return dict.fromkeys(columns, Undefined(reason))
        one, other = map(int, evaluation.planted["classes"])
        logits, labels = evaluation.subject.logits("test"), evaluation.labels("test")
        if not ((labels == one) | (labels == other)).any():
            return dict.fromkeys(columns, Undefined("no test image is of either class"))
        error = arithmetic.interclass_confusion(logits, labels, one, other)
        confusions = arithmetic.targeted_confusions(logits, labels, one, other)
        return dict(zip(columns, (error, float(confusions)), strict=True))
