"""The membership attack of l1-sparse and SalUn, and the scores that they and others make of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch

from supreme.core import Column, Evaluation, Predictions, Split, SupremeError, Undefined
from supreme.core.suitability import filled_sets
from supreme.metrics import arithmetic
from supreme.metrics.attacks import log_probability
from supreme.metrics.comparison import accuracies, few_images


@dataclass(frozen=True, kw_only=True)
class SVCEfficacy:
    """MIA-efficacy of l1-sparse and SalUn: the share of the forget set that their attack takes for non-members.

    To compare with the tables of "Model Sparsity Can Simplify Machine Unlearning", NeurIPS 2023,
    https://arxiv.org/abs/2304.04934, and of all that took it from there; `membership` is the attack to judge by.

    * `svc_efficacy/confidence`: a support-vector classifier on the probability of the true class, fitted to retained
      images as members and as many test images as non-members, drawn from the evaluation's stream. Higher is more
      forgotten by their reading, but 1 is what a constant answer may get. (That code takes the first |test| retained
      images, which is a draw only where the source is in no order; and all test images, also where fewer are retained:
      the classifier is not balanced, and would call everything a non-member.)
    * `svc_efficacy/average_gap`: SalUn's average gap: mean of the absolute gaps to the reference in the accuracies on
      forget, retain and retain_test, and in the value above.
    * `svc_efficacy/tug_of_war`: ToW-MIA (Zhao et al., NeurIPS 2024), the product of 1 - absolute gap in the first value
      and in the accuracies on retain and retain_test.

    Where classes are forgotten, their test images are among the non-members, as in that code, so the attack partly
    tells classes apart.

    Range: [0, 1].
    Ideal: the reference's value; average gap 0 and tug of war 1, as far as a second reference gets there.
    Attacker: population; sees the outputs of one model, and fits a classifier of them to retained and test images.
    Cost: two such fits, the subject's and, again for each method, the reference's; quadratic in the test images: 0.2 s
    each for 1,500, 6 s for 10,000.
    Least n: 100 forget images.
    """

    declared_columns: ClassVar[Mapping[str, Column]] = {
        "svc_efficacy/confidence": Column(unit="fraction"),
        "svc_efficacy/average_gap": Column(unit="fraction", direction="lower"),
        "svc_efficacy/tug_of_war": Column(direction="higher"),
    }
    needs: ClassVar[frozenset[str]] = frozenset({"logits"})

    def columns(self, evaluation: Evaluation) -> tuple[str, ...]:
        return tuple(f"svc_efficacy/{name}" for name in ("confidence", "average_gap", "tug_of_war"))

    def check_split(self, split: Split) -> None:
        if "retain_test" not in filled_sets(split):
            raise SupremeError("there is no test accuracy, for every test image is of a forgotten class")

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float | Undefined]:
        if "retain_test" not in evaluation.sets:
            return dict.fromkeys(self.columns(evaluation), Undefined("retain_test is empty"))
        efficacy = _efficacy(evaluation, evaluation.subject)
        average_gap = tug_of_war = Undefined("the reference model would be compared with itself")
        if evaluation.subject_name != "reference":
            own, wanted = (accuracies(evaluation, model) for model in (evaluation.subject, evaluation.reference))
            wanted_efficacy = _efficacy(evaluation, evaluation.reference)
            average_gap = arithmetic.average_gap([*own, efficacy], [*wanted, wanted_efficacy])
            tug_of_war = arithmetic.tug_of_war(efficacy - wanted_efficacy, own[1] - wanted[1], own[2] - wanted[2])
        return dict(zip(self.columns(evaluation), (efficacy, average_gap, tug_of_war), strict=True))

    def warnings(self, evaluation: Evaluation) -> Mapping[str, str]:
        return few_images(evaluation, self.columns(evaluation), ("forget",))


def _efficacy(evaluation: Evaluation, model: Predictions) -> float:
    members, nonmembers, targets = (
        log_probability(evaluation, model, name).exp() for name in ("retain", "test", "forget")
    )
    rng, count = evaluation.rng, min(len(members), len(nonmembers))
    drawn, unseen = (values[torch.from_numpy(rng.permutation(len(values))[:count])] for values in (members, nonmembers))
    return 1 - arithmetic.svc_attack(drawn, unseen, targets)
