"""Does the trigger still open the backdoor?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from supreme.core import Column, Evaluation, Split, SupremeError, Undefined
from supreme.core.suitability import filled_sets
from supreme.metrics import arithmetic


@dataclass(frozen=True, kw_only=True)
class Backdoor:
    """What the subject answers to test images of other classes with the trigger on them.

    * `backdoor/attack_success`: share that gets the target class.
    * `backdoor/triggered_accuracy`: share that gets its true class.

    `accuracy/test` is the accuracy without the trigger. Undefined but with scenario=backdoor. Gu et al.,
    "BadNets: Identifying Vulnerabilities in the Machine Learning Model Supply Chain", arXiv 2017,
    https://arxiv.org/abs/1708.06733.

    Range: [0, 1].
    Ideal: the reference's value, for the attack that of images which only look a little like the target.
    Attacker: planted a trigger in the training data, and puts it on test images.
    Cost: nothing beyond the logits.
    Least n: none; the source's test images of other classes are many.
    """

    declared_columns: ClassVar[Mapping[str, Column]] = {
        "backdoor/attack_success": Column(title="attack success %", unit="fraction", format=".2%", shown=True, rank=60),
        "backdoor/triggered_accuracy": Column(unit="fraction"),
    }
    needs: ClassVar[frozenset[str]] = frozenset({"logits"})

    def columns(self, evaluation: Evaluation) -> tuple[str, ...]:
        return "backdoor/attack_success", "backdoor/triggered_accuracy"

    def check_split(self, split: Split) -> None:
        if "target_class" not in split.planted:
            raise SupremeError("this scenario plants no trigger: type scenario=backdoor")
        if "triggered_test" not in filled_sets(split):
            raise SupremeError("no test image is of another class than the target: type another scenario.target")

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float | Undefined]:
        columns = self.columns(evaluation)
        if "target_class" not in evaluation.planted:
            return dict.fromkeys(columns, Undefined("this scenario plants no trigger: type scenario=backdoor"))
        if "triggered_test" not in evaluation.sets:
            return dict.fromkeys(columns, Undefined("no test image is of another class than the target"))
        logits, labels = evaluation.subject.logits("triggered_test"), evaluation.labels("triggered_test")
        target = labels.new_full(labels.shape, int(evaluation.planted["target_class"][0]))
        return dict(zip(columns, (arithmetic.accuracy(logits, one) for one in (target, labels)), strict=True))
