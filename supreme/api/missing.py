"""What is not shown because something was not given: left out of the usual metrics, refused where it was asked for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from supreme.api.measuring import ByMetric, Measured
from supreme.api.metrics import Asked
from supreme.api.not_given import COST, is_not_given, what_is_not_given
from supreme.core import SupremeError


def without_missing(asked: Sequence[Asked], measured: Sequence[ByMetric]) -> tuple[list[Asked], set[str], list[str]]:
    """The metrics of which some model has a column, the columns that none has, and a note for each thing not given.

    Args:
        measured: of every unlearned model.

    Raises:
        SupremeError: a metric that was asked for has no column, for something was not given.
    """
    kept: list[Asked] = []
    without: set[str] = set()
    lacking: dict[str, list[str]] = defaultdict(list)
    for one in asked:
        values = {column for own in measured for column in own[one.name]["values"]}
        gone = {
            column: reason
            for own in measured
            for column, reason in own[one.name]["reasons"].items()
            if is_not_given(reason) and not any(_has(other[one.name], column) for other in measured)
        }
        if gone and len(gone) == len(values):
            reason = what_is_not_given(next(iter(gone.values())))
            if one.explicit:
                raise SupremeError(f"metric {one.name} cannot be had here: it needs {reason}")
            lacking[reason].append(one.name)
            continue
        kept.append(one)
        without.update(gone)
        for column, reason in gone.items():
            lacking[what_is_not_given(reason)].append(column)
    return (
        kept,
        without,
        [
            f"Not given: {reason}. Without it there is no {', '.join(names)}."
            for reason, names in lacking.items()
            if reason != COST
        ],
    )


def _has(measured: Measured, column: str) -> bool:
    return not is_not_given(measured["reasons"].get(column, ""))
