"""Accuracy as the mean of the accuracies of batches."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from supreme.core import Column, Evaluation, Undefined
from supreme.core.validation import PositiveInt, bounded
from supreme.metrics import arithmetic
from supreme.metrics.comparison import compared_sets


@bounded
@dataclass(frozen=True, kw_only=True)
class LegacyBatchAccuracy:
    """The mean of the accuracies of batches, in the order of the set, as SUPREME 0.1.4 computes accuracy.

    Only to compare with its tables (arXiv 2606.00380): the images of a short last batch count for more than others.
    `accuracy` counts each image once.

    Range: [0, 1].
    Ideal: the reference's value.
    Cost: nothing beyond the logits.
    Least n: none; tables of small sets need an interval.
    """

    batch_size: PositiveInt
    """Images in a batch."""

    declared_columns: ClassVar[Mapping[str, Column]] = {
        "legacy_batch_accuracy/*": Column(unit="fraction"),
    }
    needs: ClassVar[frozenset[str]] = frozenset({"logits"})

    def columns(self, evaluation: Evaluation) -> tuple[str, ...]:
        return tuple(f"legacy_batch_accuracy/{name}" for name in compared_sets(evaluation))

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float | Undefined]:
        found: dict[str, float | Undefined] = {}
        for column, name in zip(self.columns(evaluation), compared_sets(evaluation), strict=True):
            logits, labels = evaluation.subject.logits(name), evaluation.labels(name)
            batches = zip(logits.split(self.batch_size), labels.split(self.batch_size), strict=True)
            accuracies = [arithmetic.accuracy(*batch) for batch in batches]
            found[column] = math.fsum(accuracies) / len(accuracies)
        return found
