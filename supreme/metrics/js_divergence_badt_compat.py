"""What the code of bad teaching, SSD and SUPREME 0.1.4 calls Jensen-Shannon divergence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from supreme.core import Column, Evaluation, Undefined
from supreme.metrics import arithmetic
from supreme.metrics.comparison import against_reference, compared_sets


@dataclass(frozen=True, kw_only=True)
class JSDivergenceBadTCompat:
    """What the code of bad teaching, SSD and SUPREME 0.1.4 prints as JS divergence.

    Only to compare with their tables: KL(m || p) / 2 + KL(m || q) / 2 with m = (p + q) / 2, the reverse direction,
    divided by the number of classes. Undefined where an answer is certain, as theirs is infinite there.

    "Can Bad Teaching Induce Forgetting? Unlearning in Deep Networks Using an Incompetent Teacher", AAAI 2023,
    https://arxiv.org/abs/2205.08096.

    Range: 0 or more, in nats per class; 0 for equal answers.
    Ideal: what a second, independent reference gets (the row of `method=retrain`), not 0.
    Cost: nothing beyond the logits.
    Least n: none.
    """

    declared_columns: ClassVar[Mapping[str, Column]] = {
        "js_divergence_badt_compat/*": Column(unit="nats", direction="lower"),
    }
    needs: ClassVar[frozenset[str]] = frozenset({"logits"})

    def columns(self, evaluation: Evaluation) -> tuple[str, ...]:
        return tuple(f"js_divergence_badt_compat/{name}" for name in compared_sets(evaluation))

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float | Undefined]:
        columns, reason = self.columns(evaluation), "infinite: an answer is certain, a probability is 0"
        return against_reference(evaluation, columns, arithmetic.js_divergence_badt_compat, reason)
