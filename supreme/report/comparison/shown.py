"""From pairs of rows to what a comparison shows, whatever it is written in."""

from __future__ import annotations

import math
import re
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from supreme.core.endpoints import Endpoints
from supreme.report.comparison.differences import agreed, differences
from supreme.report.comparison.notes import block_notes, overall_notes, side_line
from supreme.report.comparison.pairs import Pairs
from supreme.report.comparison.parts import Comparison, Group, Line, Table
from supreme.report.rows.asked import NOTHING, asked_in, union
from supreme.report.rows.columns import TableColumn, declared_in, default_columns, found_columns, signed, unsigned
from supreme.report.rows.labels import titled
from supreme.report.rows.per_seed import BLOCK
from supreme.report.tables.blocks import title_of
from supreme.report.tables.cells import LETTERS


def comparison(
    pairs: Pairs, columns: Sequence[TableColumn] | None = None, endpoints: Endpoints | None = None
) -> Comparison:
    """What is shown of two sides.

    Args:
        pairs: of both.
        columns: instead of those that the metrics show by default.
        endpoints: metrics with their margins, instead of those that both sides declare.
    """
    found = differences(pairs, endpoints)
    asked = [asked_in(frame) for frame in pairs.frames]
    declared = declared_in(pairs.frames[1])
    tables = []
    for block, part in found.groupby(BLOCK, sort=True):
        key = tuple(map(str, block))  # type: ignore[arg-type]
        metrics = list(part["metric"].unique())
        if columns is None:
            wanted = default_columns(metrics, declared, *union(one.get(key, NOTHING) for one in asked))
        else:
            wanted = found_columns(columns, metrics)
        shown = part.loc[part["metric"].isin([column.metric for column in wanted])]
        equal = _always_equal(shown)
        groups = [_group(column, shown.loc[shown["metric"] == column.metric], equal) for column in wanted]
        tables.append(
            Table(
                title=title_of(key),
                groups=[group for group in groups if group.lines or group.equal],
                equal=list(equal.values()),
                notes=block_notes(shown, wanted, agreed(pairs, key, endpoints)),
            )
        )
    return Comparison(
        names=(pairs.sides[0].name, pairs.sides[1].name),
        head=[*(side_line(name, side) for name, side in zip("AB", pairs.sides, strict=True)), _agreement(pairs)],
        tables=[table for table in tables if table.groups or table.equal],
        notes=overall_notes(pairs, several=len(tables) > 1),
        differences=found,
    )


def _agreement(pairs: Pairs) -> str:
    count, equal = pairs.cells, pairs.equal
    what = "1 pair of rows" if count == 1 else f"{count} pairs of rows"
    if equal == count:
        return f"{what}: {'' if count == 1 else 'all are '}equal in every metric but cost, to the last bit."
    return f"{what}; {equal or 'none'} of them equal in every metric but cost, to the last bit."


def _always_equal(shown: pd.DataFrame) -> dict[str, str]:
    """By method with its variant, what those are called that differ in no metric but costs."""
    judged = shown.loc[~shown["metric"].str.startswith("cost/") & (shown["seeds"] > 0)]
    most = int(judged["seeds"].max()) if len(judged) else 0
    found = dict[str, str]()
    for labels, own in judged.groupby(["method", "variant"], sort=False):
        if (own["verdict"] == "equal").all() and own["seeds"].nunique() == 1:
            found[titled(*map(str, labels))] = _name(own.iloc[0].to_dict(), most)  # type: ignore[arg-type]
    return found


def _group(column: TableColumn, part: pd.DataFrame, always: Container[str]) -> Group:
    lines = part.loc[part["seeds"] > 0].to_dict("records")
    most = max((line["seeds"] for line in lines), default=0)
    is_cost = column.metric.startswith("cost/")
    equal = [line for line in lines if line["verdict"] == "equal" and not is_cost]
    return Group(
        title=column.title,
        lines=[_line(line, column.format, most) for line in lines if line["verdict"] != "equal"],
        equal=[_name(line, most) for line in equal if titled(line["method"], line["variant"]) not in always],
        margin=float(part["margin"].iloc[0]) if len(part) else math.nan,
    )


def _name(line: Mapping[Any, Any], most: int) -> str:
    """With its training seeds where others have more."""
    seeds = "" if line["seeds"] == most else f" ({line['seeds']} seed{'' if line['seeds'] == 1 else 's'})"
    return titled(line["method"], line["variant"]) + seeds


def _line(line: Mapping[Any, Any], form: str, most: int) -> Line:
    fine = _fine(form, [line["difference"], line["high"] - line["low"]])
    letter = LETTERS[line["verdict"]]
    if line["p_adjusted"] >= 0.05 and letter in ("D", "(N)"):
        letter = letter.lower()
    interval = "n/a"
    if not math.isnan(line["low"]):
        interval = f"[{', '.join(signed(line[end], fine) for end in ('low', 'high'))}]"
    return Line(
        name=_name(line, most),
        first=unsigned(line["mean_a"], form),
        second=unsigned(line["mean_b"], form),
        difference=signed(line["difference"], fine),
        interval=interval,
        letter=letter,
        mean=line["difference"],
        low=line["low"],
        high=line["high"],
    )


def _fine(form: str, sizes: Iterable[float]) -> str:
    """The format with as many more decimals as show the smallest of these that is not 0, up to four more."""
    found = re.fullmatch(r"\.(\d+)([f%])", form)
    known = [abs(size) for size in sizes if size and not math.isnan(size)]
    if not found or not known:
        return form
    scaled = min(known) * (100 if found[2] == "%" else 1)
    needed = math.ceil(-math.log10(scaled))
    return f".{max(int(found[1]), min(needed, int(found[1]) + 4))}{found[2]}"
