"""What the tables show, whatever they are written in: a block per data, model, recipe and scenario."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from supreme.report.figures.style import place
from supreme.report.rows.columns import (
    TableColumn,
    declared_in,
    default_columns,
    found_columns,
    refuse_unknown,
    signed,
    unsigned,
)
from supreme.report.rows.labels import titled, with_titles
from supreme.report.rows.per_seed import ANCHORS, BLOCK
from supreme.report.rows.tuning import MARK, tuned_on_shown
from supreme.report.tables.footnotes import footnotes

LETTERS = {"equivalent": "E", "different": "D", "different but negligible": "N", "inconclusive": "?", "": ""}
"""Of the verdicts; small where a correction for the number of methods takes the difference away."""

LONGEST_NAME = 80
"""Characters of a block's name, with a digest of the rest where there is more."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    value: str
    """`90.00 ± 7.07`."""
    gap: str = ""
    """`+2.50 [-29.27, +34.27]`; empty where there is none."""
    letter: str = ""
    best: bool = False


@dataclass(frozen=True, kw_only=True)
class Line:
    method: str
    """With what is to be said of it: `retrain (noise floor)`, `ssd †`."""
    variant: str
    cells: Sequence[Cell]


@dataclass(frozen=True, kw_only=True)
class Block:
    labels: Sequence[str]
    """Data, model, recipe, scenario and setting."""
    columns: Sequence[TableColumn]
    lines: Sequence[Line]
    notes: Sequence[str]

    @property
    def title(self) -> str:
        return title_of(self.labels)

    @property
    def name(self) -> str:
        """For files, anchors and references: the same whatever other blocks there are."""
        return name_of(self.labels)

    @property
    def heads(self) -> Sequence[str]:
        """Titles of the columns that say what a line is; `variant` where one has any."""
        return ("method", "variant") if any(line.variant for line in self.lines) else ("method",)

    def names(self, line: Line) -> Sequence[str]:
        """What a line has in the columns of `heads`."""
        return (line.method, line.variant)[: len(self.heads)]


def title_of(labels: Iterable[str]) -> str:
    return " · ".join(filter(None, labels))


def name_of(labels: Iterable[str]) -> str:
    return slug(" ".join(filter(None, labels)))


def slug(text: str) -> str:
    """A short name for files; two texts that differ have two names."""
    plain = re.sub(r"[^A-Za-z0-9_.=]+", "-", text).strip("-.")
    if len(plain) <= LONGEST_NAME and plain == text.replace(" ", "-"):
        return plain
    return f"{plain[: LONGEST_NAME - 8]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def blocks(
    frame: pd.DataFrame, table: pd.DataFrame, columns: Iterable[tuple[str, str, str]] | None = None
) -> list[Block]:
    """The blocks of a frame and its summary, each with `columns` or those that its metrics show by default."""
    declared = declared_in(frame)
    chosen = None if columns is None else [TableColumn(*column) for column in columns]
    for column in chosen or ():
        refuse_unknown(column.metric, list(frame["metric"].unique()))
    parts = dict(list(frame.groupby(BLOCK)))
    found = []
    for labels, lines in table.groupby(BLOCK):
        metrics = list(lines["metric"].unique())
        wanted = default_columns(metrics, declared) if chosen is None else found_columns(chosen, metrics)
        if wanted:
            shown = [column.metric for column in wanted]
            part = parts[labels]
            part, lines = (some.loc[some["metric"].isin(shown)] for some in (part, lines))
            found.append(_block(labels, part, lines, wanted))
    return found


def methods_and_variants(part: pd.DataFrame) -> list[tuple[str, str]]:
    """Those of a block, the reference and the original among them."""
    pairs = part[["method", "variant"]].drop_duplicates().itertuples(index=False, name=None)
    return list(dict.fromkeys([*((anchor, "") for anchor in ANCHORS), *pairs]))


def _block(labels: Any, part: pd.DataFrame, table: pd.DataFrame, wanted: Sequence[TableColumn]) -> Block:
    names = {titled(*pair): pair for pair in methods_and_variants(part)}
    lines: dict[str, dict[str, Mapping[str, Any]]] = {title: {} for title in sorted(names, key=place)}
    for line in table.to_dict("records"):
        lines[titled(line["method"], line["variant"])][line["metric"]] = {str(name): one for name, one in line.items()}
    part = with_titles(part)
    columns = [column for column in wanted if (table.loc[table["metric"] == column.metric, "seeds"] > 0).any()]
    marked = tuned_on_shown(part, (column.metric for column in wanted))
    return Block(
        labels=labels,
        columns=columns,
        lines=[
            Line(
                method=_marked(names[title][0], title in marked),
                variant=names[title][1],
                cells=[_cell(line.get(column.metric), column.format) for column in columns],
            )
            for title, line in lines.items()
        ],
        notes=footnotes(lines, {column.metric: column for column in wanted}, part),
    )


def _marked(method: str, tuned: bool) -> str:
    return (f"{method} (noise floor)" if method == "retrain" else method) + (f" {MARK}" if tuned else "")


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
