"""What the tables show, whatever they are written in: a block per data, model, recipe and scenario."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from supreme.core.endpoints import Endpoints
from supreme.report.figures.style import place
from supreme.report.rows.asked import NOTHING, Asked, asked_in
from supreme.report.rows.columns import (
    TableColumn,
    declared_in,
    default_columns,
    found_columns,
    refuse_unknown,
)
from supreme.report.rows.labels import titled, with_titles
from supreme.report.rows.per_seed import ANCHORS, BLOCK
from supreme.report.rows.tuning import MARK, tuned_on_shown
from supreme.report.statistics.claims import Claims
from supreme.report.statistics.targets import target_means
from supreme.report.tables.block_claims import claims_in
from supreme.report.tables.cells import Cell, cell_of, digits_of_column
from supreme.report.tables.failed import Failed, failed_in
from supreme.report.tables.footnotes import footnotes, only_failures
from supreme.report.tables.headline import Headline, headlines_of
from supreme.report.tables.notes import Notes
from supreme.report.tables.slow import SLOW, slower_than_retraining

LONGEST_NAME = 80
"""Characters of a block's name, with a digest of the rest where there is more."""


@dataclass(frozen=True, kw_only=True)
class Line:
    method: str
    """Its name, with the marks of what is to be said of it: `ssd †`."""
    variant: str
    cells: Sequence[Cell]
    headline: Headline | None = None
    failed: Failed | None = None
    """Where some or all of its runs failed; without any result there are no cells."""

    @property
    def role(self) -> str:
        """What it is beside the methods, as it stands behind its name where there is room."""
        return " (noise floor)" if self.method.split(" ")[0] == "retrain" else ""


@dataclass(frozen=True, kw_only=True)
class Block:
    labels: Sequence[str]
    """Data, model, recipe, scenario and setting."""
    columns: Sequence[TableColumn]
    lines: Sequence[Line]
    notes: Notes = field(default_factory=Notes)

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

    def names(self, line: Line, *, roles: bool = True) -> Sequence[str]:
        """What a line has in the columns of `heads`."""
        return (line.method + (line.role if roles else ""), line.variant)[: len(self.heads)]

    @property
    def judged(self) -> bool:
        """Whether a line has a headline: a verdict of its method, or how much is removed."""
        return any(line.headline is not None for line in self.lines)


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
    frame: pd.DataFrame,
    table: pd.DataFrame,
    columns: Iterable[tuple[str, str, str]] | None = None,
    asked: Asked | None = None,
    verdicts: pd.DataFrame | None = None,
    endpoints: Endpoints | None = None,
) -> list[Block]:
    """The blocks of a frame and its summary, and those of which every cell failed.

    Args:
        columns: those of each block, instead of those that its metrics show by default.
        asked: the metrics that were asked for, instead of those that the rows of each block were.
        verdicts: one line per block and method, see `headline`.
        endpoints: with which these and the summary were made, where they were given.
    """
    declared, known = declared_in(frame), asked_in(frame)
    chosen = None if columns is None else [TableColumn(*column) for column in columns]
    for column in chosen or ():
        refuse_unknown(column.metric, list(frame["metric"].unique()))
    failed = failed_in(frame)
    means = target_means(frame) if len(frame) else None
    whole = frame if means is None else means.added_to(frame)
    parts, tables = (dict[Any, pd.DataFrame](list(some.groupby(BLOCK))) for some in (whole, table))
    found = []
    for labels in sorted({*parts, *failed}):
        broken = failed.get(labels, [])
        if labels not in parts:
            found.append(_failed_block(labels, broken))
            continue
        lines = tables[labels]
        metrics = list(lines["metric"].unique())
        if chosen is None:
            wanted = default_columns(metrics, declared, *(asked or known.get(labels, NOTHING)))
        else:
            wanted = found_columns(chosen, metrics)
        if wanted or broken:
            claims = claims_in(parts[labels], lines, verdicts, endpoints, means)
            found.append(_block(labels, parts[labels], lines, wanted, broken, verdicts, claims))
    return found


def methods_and_variants(part: pd.DataFrame) -> list[tuple[str, str]]:
    """Those of a block, the reference and the original among them."""
    pairs = part[["method", "variant"]].drop_duplicates().itertuples(index=False, name=None)
    return list(dict.fromkeys([*((anchor, "") for anchor in ANCHORS), *pairs]))


def _block(
    labels: Any,
    every: pd.DataFrame,
    table: pd.DataFrame,
    wanted: Sequence[TableColumn],
    failed: Sequence[Failed],
    verdicts: pd.DataFrame | None,
    claims: Claims,
) -> Block:
    shown = [column.metric for column in wanted]
    part, lines_shown = (some.loc[some["metric"].isin(shown)] for some in (every, table))
    there = {*every["method"], *table["method"]}  # an anchor that nobody has given is not
    pairs = [pair for pair in methods_and_variants(every) if pair[0] in there]
    names = {titled(*pair): pair for pair in [*pairs, *((one.method, one.variant) for one in failed)]}
    lines: dict[str, dict[str, Mapping[str, Any]]] = {title: {} for title in sorted(names, key=place)}
    for line in lines_shown.to_dict("records"):
        lines[titled(line["method"], line["variant"])][line["metric"]] = {str(name): one for name, one in line.items()}
    part = with_titles(part)
    columns = [
        column for column in wanted if (lines_shown.loc[lines_shown["metric"] == column.metric, "seeds"] > 0).any()
    ]
    digits = [
        digits_of_column((line.get(column.metric) for line in lines.values()), column.format) for column in columns
    ]
    marked, slow = tuned_on_shown(part, shown), slower_than_retraining(lines)
    headlines, of = headlines_of(labels, verdicts), {titled(one.method, one.variant): one for one in failed}
    hidden = [str(metric) for metric in every["metric"].unique() if metric not in shown]
    return Block(
        labels=labels,
        columns=columns,
        lines=[
            Line(
                method=names[title][0] + f" {MARK}" * (title in marked) + f" {SLOW}" * (title in slow),
                variant=names[title][1],
                cells=[
                    cell_of(line.get(column.metric), column.format, number)
                    for column, number in zip(columns, digits, strict=True)
                ]
                if title not in of or of[title].done
                else [],
                headline=headlines.get(title),
                failed=of.get(title),
            )
            for title, line in lines.items()
        ],
        notes=footnotes(lines, {column.metric: column for column in wanted}, part, failed, hidden, headlines, claims),
    )


def _failed_block(labels: Sequence[str], failed: Sequence[Failed]) -> Block:
    """Of which there is nothing but failures."""
    lines = [Line(method=one.method, variant=one.variant, cells=[], failed=one) for one in failed]
    return Block(labels=labels, columns=[], lines=lines, notes=only_failures(failed))
