"""Agreement with the reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from supreme.core import Column, Evaluation, Undefined
from supreme.metrics import arithmetic
from supreme.metrics.comparison import against_reference, compared_sets


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Share of images to which the subject and the reference give the same class.

    "Towards Making Systems Forget with Machine Unlearning", IEEE S&P 2015, https://doi.org/10.1109/SP.2015.35, which
    calls it completeness, as SUPREME does.

    Range: [0, 1].
    Ideal: what a second, independent reference gets (the row of `method=retrain`), which is well below 1.
    Cost: nothing beyond the logits.
    Least n: none.
    """

    declared_columns: ClassVar[Mapping[str, Column]] = {
        "agreement/*": Column(unit="fraction", direction="higher"),
    }
    needs: ClassVar[frozenset[str]] = frozenset({"logits"})

    def columns(self, evaluation: Evaluation) -> tuple[str, ...]:
        return tuple(f"agreement/{name}" for name in compared_sets(evaluation))

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float | Undefined]:
        return against_reference(evaluation, self.columns(evaluation), arithmetic.agreement)
