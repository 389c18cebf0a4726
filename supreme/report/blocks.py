"""What the tables show, whatever they are written in: a block per data, model, recipe and scenario."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from supreme.report.columns import Column, default_columns, found_columns, refuse_unknown, signed, unsigned
from supreme.report.footnotes import footnotes
from supreme.report.per_seed import ANCHORS, BLOCK
from supreme.report.tuning import MARK, tuned_on_shown

FIRST = ("reference", "retrain", "original")
LETTERS = {"equivalent": "E", "different": "D", "different but negligible": "N", "inconclusive": "?", "": ""}
"""Of the verdicts; small where a correction for the number of methods takes the difference away."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    value: str
    """`90.00 ± 7.07`."""
    gap: str = ""
    """`+2.50 [-29.27, +34.27]`; empty where there is none."""
    letter: str = ""
    best: bool = False


@dataclass(frozen=True, kw_only=True)
class Block:
    labels: Sequence[str]
    """Data, model, recipe and scenario."""
    columns: Sequence[Column]
    lines: Sequence[tuple[str, Sequence[Cell]]]
    """Each method's label and cells."""
    notes: Sequence[str]

    @property
    def title(self) -> str:
        return " · ".join(self.labels)


def blocks(
    frame: pd.DataFrame, table: pd.DataFrame, columns: Iterable[tuple[str, str, str]] | None = None
) -> list[Block]:
    """The blocks of a frame and its summary, each with `columns` or those of `COLUMNS` that it has."""
    chosen = None if columns is None else [Column(*column) for column in columns]
    for column in chosen or ():
        refuse_unknown(column.metric, list(frame["metric"].unique()))
    parts = dict(list(frame.groupby(BLOCK)))
    found = []
    for labels, lines in table.groupby(BLOCK):
        metrics = list(lines["metric"].unique())
        wanted = default_columns(metrics) if chosen is None else found_columns(chosen, metrics)
        if wanted:
            shown = [column.metric for column in wanted]
            part = parts[labels]
            part, lines = (some.loc[some["metric"].isin(shown)] for some in (part, lines))
            found.append(_block(labels, part, lines, wanted))
    return found


def _block(labels: Any, part: pd.DataFrame, table: pd.DataFrame, wanted: Sequence[Column]) -> Block:
    lines: dict[str, dict[str, Mapping[str, Any]]] = {
        method: {} for method in sorted({*ANCHORS, *part["method"].unique()}, key=place)
    }
    for line in table.to_dict("records"):
        lines[line["method"]][line["metric"]] = {str(name): value for name, value in line.items()}
    columns = [column for column in wanted if (table.loc[table["metric"] == column.metric, "seeds"] > 0).any()]
    marked = tuned_on_shown(part, (column.metric for column in wanted))
    return Block(
        labels=labels,
        columns=columns,
        lines=[
            (
                _label(method) + (f" {MARK}" if method in marked else ""),
                [_cell(line.get(column.metric), column.format) for column in columns],
            )
            for method, line in lines.items()
        ],
        notes=footnotes(lines, {column.metric: column for column in wanted}, part),
    )


def place(method: str) -> tuple[int, str]:
    """Where a method stands in a table."""
    name = method.partition(" (")[0]
    return (FIRST.index(name) if name in FIRST else len(FIRST), method)


def _label(method: str) -> str:
    name, bracket, settings = method.partition(" (")
    return f"{name} (noise floor){bracket}{settings}" if name == "retrain" else method


def _cell(line: Mapping[str, Any] | None, form: str) -> Cell:
    if line is None or line["seeds"] == 0:
        return Cell(value="n/a")
    if math.isnan(line["wilson_low"]):
        value = f"{unsigned(line['mean'], form)} ± {unsigned(line['sd'], form)}"
    else:
        ends = (unsigned(line[end], form) for end in ("wilson_low", "wilson_high"))
        value = f"{unsigned(line['mean'], form)} ({' to '.join(ends)})"
    if math.isnan(line["gap"]):
        return Cell(value=value)
    low, high = (signed(line[end], form) for end in ("gap_low", "gap_high"))
    interval = "n/a" if low == "n/a" else f"{low}, {high}"
    letter = LETTERS[line["verdict"]]
    return Cell(
        value=value,
        gap=f"{signed(line['gap'], form)} [{interval}]",
        letter=letter.lower() if letter in ("D", "N") and line["p_adjusted"] >= 0.05 else letter,
        best=line["best"],
    )
