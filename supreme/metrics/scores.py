"""Summaries in one number of how close a model is to the reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Le

from supreme.core import Column, Evaluation, Split, SupremeError, Undefined
from supreme.core.suitability import filled_sets
from supreme.core.validation import bounded
from supreme.metrics import arithmetic
from supreme.metrics.attacks import confidence_auc, loss_attack
from supreme.metrics.comparison import Accuracies, accuracies, few_images, unseen_set, what_is_forgotten

NAMES = ("average_gap", "tug_of_war", "retention_deviation", "nomus", "adaptive_unlearning_score", "harmonic_mean")


@bounded
@dataclass(frozen=True, kw_only=True)
class Scores:
    """Average gap, tug of war (ToW), retention deviation (RetDev), NoMUS, AUS and H-mean: the literature's scores.

    A, R, T are the accuracies on forget, retain and retain_test (the whole test set where no class is forgotten), each
    model being compared with the cell's own reference:

    * `scores/average_gap`: mean of the absolute gaps in A, R, T and `membership/auc`. Jia et al. and SalUn take their
      own attack for the fourth: `svc_efficacy/average_gap`.
    * `scores/tug_of_war`: product of 1 - absolute gap in A, R and T. "What makes unlearning hard and what to do about
      it", NeurIPS 2024, https://arxiv.org/abs/2406.01257.
    * `scores/retention_deviation`: sum of |1 - ratio to the reference's| of A, R and T (Cadet et al., Deep Unlearn,
      arXiv 2024, https://arxiv.org/abs/2410.01276); undefined where the reference's accuracy is 0, as on a class.
    * `scores/nomus`: w T + (1 - w)(1 - 2 |a - 1/2|), w being `nomus_weight` and a the cross-validated accuracy of a
      logistic regression that tells the losses of forget images from those of as many unseen ones (Choi & Na 2023,
      https://arxiv.org/abs/2311.02240).
    * `scores/adaptive_unlearning_score`: AUS, (1 - drop of T from the original) / (1 + d), d being A where a class is
      forgotten, |T - A| where random images are (DUCK, Cotogni et al. 2023, https://arxiv.org/abs/2312.02052).
    * `scores/harmonic_mean`: H-mean, of R and 1 - A, where a class is forgotten.

    Where a part of a class is forgotten, the ideals of the last two do not hold, and they are undefined; where planted
    data is, those of the last three.

    Range: average gap [0, 1]; tug of war [0, 1]; retention deviation 0 or more; NoMUS [0, 1]; adaptive unlearning score
    [0, 2]; harmonic mean [0, 1].
    Ideal: average gap and retention deviation 0, tug of war 1, as far as a second reference (the row of
    `method=retrain`) gets there; else the reference's value.
    Cost: nothing beyond the logits, and ten logistic regressions.
    Least n: 100 forget and unseen images.
    """

    nomus_weight: Annotated[float, Ge(0), Le(1)]
    """Of the test accuracy in NoMUS; in [0, 1]."""

    declared_columns: ClassVar[Mapping[str, Column]] = {
        "scores/average_gap": Column(unit="fraction", direction="lower"),
        "scores/tug_of_war": Column(title="ToW", direction="higher", format=".3f", shown=True, rank=30),
        "scores/retention_deviation": Column(direction="lower"),
        "scores/*": Column(),
    }
    needs: ClassVar[frozenset[str]] = frozenset({"logits"})

    def columns(self, evaluation: Evaluation) -> tuple[str, ...]:
        return tuple(f"scores/{name}" for name in NAMES)

    def check_split(self, split: Split) -> None:
        if "retain_test" not in filled_sets(split):
            raise SupremeError("there is no test accuracy, for every test image is of a forgotten class")

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float | Undefined]:
        if "retain_test" not in evaluation.sets:
            return dict.fromkeys(self.columns(evaluation), Undefined("there is no test accuracy: retain_test is empty"))
        own = accuracies(evaluation, evaluation.subject)
        attack, forgotten = loss_attack(evaluation), what_is_forgotten(evaluation)
        if forgotten == "planted data":  # it differs from unseen images whether it was trained on or not
            attack = Undefined(f"its attack means nothing where {forgotten} is forgotten")
        values = (
            *_gaps(evaluation, own),
            attack if isinstance(attack, Undefined) else arithmetic.nomus(own[2], attack, self.nomus_weight),
            _adaptive_unlearning_score(evaluation, own, forgotten),
            arithmetic.harmonic_mean(own[1], 1 - own[0])
            if forgotten == "a class"
            else Undefined(f"it takes a forget accuracy of 0 as ideal, but {forgotten} is forgotten"),
        )
        return dict(zip(self.columns(evaluation), values, strict=True))

    def warnings(self, evaluation: Evaluation) -> Mapping[str, str]:
        sets = [name for name in ("forget", unseen_set(evaluation)) if name in evaluation.sets]
        return few_images(evaluation, ("scores/average_gap", "scores/nomus"), sets)


def _gaps(evaluation: Evaluation, own: Accuracies) -> list[float | Undefined]:
    """Average gap, tug of war and retention deviation."""
    if evaluation.subject_name == "reference":
        return [Undefined("the reference model would be compared with itself")] * 3
    wanted = accuracies(evaluation, evaluation.reference)
    aucs = [confidence_auc(evaluation, model) for model in (evaluation.subject, evaluation.reference)]
    defined = [auc for auc in aucs if not isinstance(auc, Undefined)]
    return [
        arithmetic.average_gap([*own, defined[0]], [*wanted, defined[1]]) if len(defined) == 2 else aucs[0],
        arithmetic.tug_of_war(*(a - b for a, b in zip(own, wanted, strict=True))),
        arithmetic.retention_deviation(own, wanted)
        if min(wanted) > 0
        else Undefined("an accuracy of the reference is 0"),
    ]


def _adaptive_unlearning_score(evaluation: Evaluation, own: Accuracies, forgotten: str) -> float | Undefined:
    if forgotten in ("a part of a class", "planted data"):
        return Undefined(f"neither of its ideals holds where {forgotten} is forgotten")
    # The original's own drop is 0 by definition, and published tables have it: no model is compared with itself.
    is_original = evaluation.subject_name == "original"
    before = own if is_original else accuracies(evaluation, evaluation.original)
    return arithmetic.adaptive_unlearning_score(before[2], own[2], own[0], class_removal=forgotten == "a class")
