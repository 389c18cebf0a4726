"""Membership inference against the subject: can one tell that the forget set was trained on?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Gt, Lt
from torch import Tensor

from supreme.core import Column, Evaluation, Series, Undefined
from supreme.core.validation import OneOf, bounded
from supreme.metrics import arithmetic
from supreme.metrics.comparison import few_images, unseen_set

ROC_GRID = (0.0, *(round(10 ** (power / 20 - 3), 6) for power in range(61)))
"""False-positive rates of `membership/roc`: no false positive at all, then 20 for each factor of 10, up to 1."""


@bounded
@dataclass(frozen=True, kw_only=True)
class Membership:
    """How well an attacker who sees the outputs tells the forget set from images never seen.

    * `membership/auc`: area under the ROC curve of the logit-scaled confidence. Members are the forget set;
      non-members the test images, but where classes are forgotten only the test images of these (`forget_test`), for
      else the attack would only tell classes apart.
    * `membership/tpr_at_<fpr>`: true-positive rate of the same attack at that false-positive rate: the largest of any
      threshold that keeps it, not interpolated.
    * `membership/entropy_attack`: share of the forget set that a balanced logistic regression on the entropy, fitted to
      retain as members and test as non-members, calls members: the attack of SSD (Foster et al., AAAI 2024) and of
      SUPREME 0.1.4, kept to compare with their tables. Its hard threshold makes it noisy. `entropy_solver` says how it
      is fitted: `optimum` to its optimum, `sklearn` as far as theirs, scikit-learn's, goes: where entropies are small,
      as those of sure models are, that one stops at its start and calls every image a non-member.

    For figures `membership/roc`: the whole curve of the first two, true-positive rates in the convention of the second
    at 0 and at 61 false-positive rates from 0.001 to 1, evenly spaced in their logarithm.

    "Membership Inference Attacks From First Principles", IEEE S&P 2022, https://arxiv.org/abs/2112.03570.

    Range: [0, 1].
    Planted data differs from test images whether it was trained on or not: there only the reference says what is ideal.

    Ideal: the reference's value, which for the AUC is near 0.5 when random images are forgotten; both more and less
    give the forget set away.
    Attacker: population; sees the outputs of one model, and judges all images by one threshold.
    Cost: nothing beyond the logits, and a logistic regression.
    Least n: 100 members and non-members; 1 / fpr non-members for the rate, which is else that at no false positive.
    """

    fpr: Annotated[float, Gt(0), Lt(1)]
    """The false-positive rate at which the true-positive rate is read."""
    entropy_solver: Annotated[str, OneOf("optimum", "sklearn")]
    """How the regression of `entropy_attack` is fitted: optimum, or sklearn as in the published tables."""

    declared_columns: ClassVar[Mapping[str, Column]] = {
        "membership/auc": Column(title="membership AUC", unit="fraction", format=".3f", shown=True, rank=20),
        "membership/tpr_at_*": Column(unit="fraction"),
        "membership/entropy_attack": Column(unit="fraction"),
    }
    needs: ClassVar[frozenset[str]] = frozenset({"logits"})

    def columns(self, evaluation: Evaluation) -> tuple[str, ...]:
        return "membership/auc", f"membership/tpr_at_{self.fpr:g}", "membership/entropy_attack"

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float | Undefined]:
        auc, tpr, entropy_attack = self.columns(evaluation)
        unseen = unseen_set(evaluation)
        if unseen in evaluation.sets:
            members, nonmembers = self._scores(evaluation, "forget"), self._scores(evaluation, unseen)
            values: dict[str, float | Undefined] = {
                auc: arithmetic.roc_auc(members, nonmembers),
                tpr: arithmetic.tpr_at_fpr(members, nonmembers, self.fpr),
            }
        else:
            values = dict.fromkeys((auc, tpr), Undefined(f"there are no non-members: {unseen} is empty"))
        if "test" in evaluation.sets:
            entropies = (arithmetic.entropy(evaluation.subject.logits(name)) for name in ("retain", "test", "forget"))
            values[entropy_attack] = arithmetic.logistic_attack(*entropies, solver=self.entropy_solver)
        else:
            values[entropy_attack] = Undefined("there are no non-members: test is empty")
        return values

    def series(self, evaluation: Evaluation) -> Mapping[str, Series]:
        unseen = unseen_set(evaluation)
        if unseen not in evaluation.sets:
            return {}
        members, nonmembers = self._scores(evaluation, "forget"), self._scores(evaluation, unseen)
        return {"membership/roc": Series(x=ROC_GRID, y=arithmetic.roc_curve(members, nonmembers, ROC_GRID))}

    def warnings(self, evaluation: Evaluation) -> Mapping[str, str]:
        auc, tpr, entropy_attack = self.columns(evaluation)
        unseen = unseen_set(evaluation)
        found = few_images(evaluation, (auc, entropy_attack), ("forget",))
        if unseen in evaluation.sets:
            found |= few_images(evaluation, (auc, tpr), ("forget", unseen))
            if len(evaluation.labels(unseen)) * self.fpr < 1:
                found[tpr] = f"fewer than {1 / self.fpr:g} non-members, so it is the rate at no false positive at all"
        return found

    def _scores(self, evaluation: Evaluation, name: str) -> Tensor:
        return arithmetic.logit_confidence(evaluation.subject.logits(name), evaluation.labels(name))
