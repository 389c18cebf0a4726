"""What the statistics of a table need said below it: the worst seed, what pairing did, what more draws are good for."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping
from typing import Any

from supreme.report.rows.columns import TableColumn, signed
from supreme.report.statistics.evidence import FEW_SEEDS
from supreme.report.statistics.ranking import competes
from supreme.report.statistics.variance_shares import variance_note

Line = Mapping[str, Any]
"""Of the summary."""

_Field = Mapping[str, Mapping[str, Line]]
"""By metric and method."""

_Columns = Mapping[str, TableColumn]


def findings(lines: Mapping[str, Mapping[str, Line]], columns: _Columns, train: str) -> list[str]:
    """The notes on intervals, seeds and variances; nothing where there is one training seed.

    Args:
        lines: by method, with its variant, and metric.
        columns: of the table.
        train: what the variance between training seeds stands for, `Spread.train`.
    """
    every = [line for line_of in lines.values() for line in line_of.values()]
    field = _field(lines, columns)
    competing = _field({method: line_of for method, line_of in lines.items() if competes(method)}, columns)
    competing = {metric: line_of for metric, line_of in competing.items() if not metric.startswith("cost/")}
    if not field:
        return []
    notes = _few(every)
    if any(line["best"] for line in every):
        notes.append(
            "Bold: shown to be closer to the reference than every other method (95 % interval of each difference, "
            "paired by training seed)."
        )
    return notes + _worst(competing, columns) + _pairing(competing, columns) + _variance(competing, columns, train)


def _field(lines: Mapping[str, Mapping[str, Line]], columns: _Columns) -> _Field:
    """The lines that have an interval of their gap."""
    field = {
        metric: {
            method: line_of[metric]
            for method, line_of in lines.items()
            if metric in line_of and not math.isnan(line_of[metric]["p"])
        }
        for metric in columns
    }
    return {metric: line_of for metric, line_of in field.items() if line_of}


def _few(every: Iterable[Line]) -> list[str]:
    seeds = max(line["seeds"] for line in every)
    if not 1 < seeds <= FEW_SEEDS:
        return []
    return [
        f"{seeds} seeds are few: their exact sign-flip p cannot be below {2 / 2**seeds:g}, so every p below that leans "
        "on gaps being normally distributed."
    ]


def _worst(field: _Field, columns: _Columns) -> list[str]:
    """The largest gap of each column, and what is equivalent on average but not in its worst seed."""
    worst, beyond = [], []
    for metric, line_of in field.items():
        column = columns[metric]
        seen = {
            method: f"{method} {signed(line['worst_gap'], column.format)} in seed {line['worst_seed']:.0f}"
            for method, line in line_of.items()
        }
        farthest = max(line_of, key=lambda method: abs(line_of[method]["worst_gap"]))
        if line_of[farthest]["worst_gap"] != 0:
            worst.append(f"{_name(column)} {seen[farthest]}")
        passed = [
            seen[method]
            for method, line in line_of.items()
            if line["verdict"] in ("equivalent", "different but negligible") and abs(line["worst_gap"]) > line["margin"]
        ]
        if passed:
            beyond.append(f"{_name(column)} {', '.join(passed)}")
    told = {"Largest gap of a single seed": worst, "E or N on average, yet beyond the margin in the worst seed": beyond}
    return [f"{what}: {'; '.join(found)}." for what, found in told.items() if found]


def _pairing(field: _Field, columns: _Columns) -> list[str]:
    """Whether pairing by training seed has helped."""
    told = []
    for metric, line_of in field.items():
        known = [line["correlation"] for line in line_of.values() if not math.isnan(line["correlation"])]
        if known:
            told.append(f"{_name(columns[metric])} {signed(statistics.median(known), '.2f')}")
    if not told:
        return []
    what = "Correlation with the reference between seeds, median of the methods (pairing helps above 0)"
    return [f"{what}: {', '.join(told)}."]


def _variance(field: _Field, columns: _Columns, train: str) -> list[str]:
    """Where a design has draws within its training seeds, what they are good for."""
    told = variance_note({_name(columns[metric]): line_of.values() for metric, line_of in field.items()}, train)
    return [told] if told else []


def _name(column: TableColumn) -> str:
    return column.title.replace(" %", "")
