"""Jensen-Shannon divergence from the reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, ClassVar

from annotated_types import Gt

from supreme.core import Column, Evaluation, Undefined
from supreme.core.validation import bounded
from supreme.metrics import arithmetic
from supreme.metrics.comparison import against_reference, compared_sets


@bounded
@dataclass(frozen=True, kw_only=True)
class JSDivergence:
    """Mean Jensen-Shannon divergence between what the subject and the reference answer.

    "Divergence Measures Based on the Shannon Entropy", IEEE Transactions on Information Theory 1991,
    https://doi.org/10.1109/18.61115. What the code of several papers prints under this name is another number:
    `js_divergence_badt_compat`.

    Range: [0, 1] for base 2, [0, log_base 2] for others; 0 for equal answers.
    Ideal: what a second, independent reference gets (the row of `method=retrain`), not 0.
    Cost: nothing beyond the logits.
    Least n: none.
    """

    base: Annotated[float, Gt(1)]
    """Of the logarithm: 2 for bits; above 1."""

    declared_columns: ClassVar[Mapping[str, Column]] = {
        "js_divergence/forget": Column(title="JS div. forget", direction="lower", shown=True, rank=40),
        "js_divergence/*": Column(direction="lower"),
    }
    needs: ClassVar[frozenset[str]] = frozenset({"logits"})

    def columns(self, evaluation: Evaluation) -> tuple[str, ...]:
        return tuple(f"js_divergence/{name}" for name in compared_sets(evaluation))

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float | Undefined]:
        distance = partial(arithmetic.js_divergence, base=self.base)
        return against_reference(evaluation, self.columns(evaluation), distance)
