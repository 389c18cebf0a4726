"""Accuracy and loss."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from supreme.core import SET_NAMES, Column, Evaluation, Series, Undefined
from supreme.metrics import arithmetic


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """Accuracy and mean cross-entropy on every set that is not empty.

    Where a class is forgotten a reference has a forget accuracy of 0; where random images are forgotten, about that of
    test images, and less is over-unlearning. The forget accuracy is the 1 - UA of "Model Sparsity Can Simplify Machine
    Unlearning", NeurIPS 2023, https://arxiv.org/abs/2304.04934. For figures `accuracy/by_class`: the test accuracy of
    each class.

    Range: accuracies [0, 1]; losses 0 or more, in nats.
    Ideal: the reference's value.
    Cost: nothing beyond the logits.
    Least n: none; tables of small sets need an interval.
    """

    declared_columns: ClassVar[Mapping[str, Column]] = {
        "accuracy/forget": Column(title="forget acc. %", unit="fraction", format=".2%", shown=True, rank=10),
        "accuracy/retain": Column(title="retain acc. %", unit="fraction", format=".2%", shown=True, rank=11),
        "accuracy/test": Column(title="test acc. %", unit="fraction", format=".2%", shown=True, rank=12),
        "accuracy/forget_test": Column(title="forget-test acc. %", unit="fraction", format=".2%", shown=True, rank=13),
        "accuracy/retain_test": Column(
            title="retain-test acc. %",
            unit="fraction",
            format=".2%",
            shown=True,
            rank=14,
            only_beside="accuracy/forget_test",  # where no class is forgotten it is the whole test set
        ),
        "accuracy/validation": Column(title="validation acc. %", unit="fraction", format=".2%"),
        "loss/*": Column(unit="nats"),
    }
    needs: ClassVar[frozenset[str]] = frozenset({"logits"})

    def columns(self, evaluation: Evaluation) -> tuple[str, ...]:
        return tuple(f"{quantity}/{name}" for name in _sets(evaluation) for quantity in ("accuracy", "loss"))

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float | Undefined]:
        values: list[float | Undefined] = []
        for name in _sets(evaluation):
            logits, labels = evaluation.subject.logits(name), evaluation.labels(name)
            loss = arithmetic.cross_entropy(logits, labels)
            values.append(arithmetic.accuracy(logits, labels))
            values.append(loss if math.isfinite(loss) else Undefined("infinite: a true class is masked"))
        return dict(zip(self.columns(evaluation), values, strict=True))

    def series(self, evaluation: Evaluation) -> Mapping[str, Series]:
        if "test" not in evaluation.sets:
            return {}
        found = arithmetic.accuracy_by_class(evaluation.subject.logits("test"), evaluation.labels("test"))
        return {"accuracy/by_class": Series(x=[str(k) for k in found], y=list(found.values()))}


def _sets(evaluation: Evaluation) -> tuple[str, ...]:
    return tuple(name for name in SET_NAMES if name in evaluation.sets)
