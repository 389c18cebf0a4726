"""What a comparison with published numbers leaves out, in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from supreme.report.catalogue.methods import CONF
from supreme.report.published.numbers import REFERENCE, Number
from supreme.report.published.recipes import CHANGEABLE, about_the_same, by_config, differences, recipes
from supreme.report.rows.per_seed import ANCHORS, NULL
from supreme.report.rows.reading import Row

_TOLD = 4
"""Differences that one sentence names."""

Parts = Mapping[tuple[str, str, str], pd.DataFrame]
"""The lines of each method, protocol and column."""


def parts_of(one: Number, parts: Parts, method: str) -> list[pd.DataFrame]:
    """The lines of a method, of the column that stands for the published one under each protocol."""
    protocols = dict.fromkeys(protocol for _, protocol, _ in parts)
    found = [parts.get((method, protocol, _column(one, protocol))) for protocol in protocols]
    return [part for part in found if part is not None]


def _column(number: Number, protocol: str) -> str:
    return number.metric if protocol == "supreme_paper" else number.metric_fixed


def as_published(one: Number, values: str) -> bool:
    """Whether a metric has the values with which the published number was computed."""
    return {*filter(None, one.metric_values.split(", "))} <= {*values.split(", ")}


def left_out(rows: Iterable[Row], numbers: Sequence[Number]) -> list[str]:
    """A sentence for the rows that are of no recipe, though about the same as one: the nearest, and what differs."""
    found: dict[tuple[str, str], list[tuple[list[Row], list[str]]]] = {}
    tables = {one.table: one for one in numbers}
    for alike in by_config(rows):
        near = [number for number in tables.values() if about_the_same(alike[0], number)]
        told = [(number.recipe, differences(alike[0], number)) for number in near]
        recipe, reasons = min(told, key=lambda one: len(one[1]), default=("", []))
        if reasons:
            block = " · ".join(alike[0].names[kind] for kind in CHANGEABLE)
            found.setdefault((recipe, block), []).append((alike, reasons))
    return [_sentence(recipe, block, some) for (recipe, block), some in found.items()]


def _sentence(recipe: str, block: str, some: Sequence[tuple[list[Row], list[str]]]) -> str:
    reasons = list(dict.fromkeys(reason for _, told in some for reason in told))
    more = f"; and {len(reasons) - _TOLD} more" if len(reasons) > _TOLD else ""
    there = [name for name in recipes()[recipe].experiment if (CONF / "experiment" / f"{name}.yaml").is_file()]
    own = ("method.", *(rows[0].names["method"] for rows, _ in some))
    of_method = all(reason.startswith(own) for reason in reasons)
    hint = f" experiment={' or experiment='.join(there)} makes rows of it." if there and not of_method else ""
    count = sum(len(rows) for rows, _ in some)
    what = f"Left out: {count} row{'s' * (count > 1)} of {block}"
    return f"{what}; the nearest recipe is {recipe}, but {'; '.join(reasons[:_TOLD])}{more}.{hint}"


def missing(table: Sequence[Number], parts: Parts) -> list[str]:
    """What the table has and these rows of its recipe have not, columns and methods; and the reverse."""
    told = []
    recipe, methods = f"{table[0].recipe} ({table[0].forget_set})", dict.fromkeys(one.method for one in table)
    own = dict.fromkeys(method for method, _, _ in parts)
    protocols = dict.fromkeys(protocol for _, protocol, _ in parts)
    for metric, one in {one.metric: one for one in table}.items():
        values = [value for name in own for part in parts_of(one, parts, name) for value in part["metric_values"]]
        family = metric.partition("/")[0]
        if not values and any(_column(one, protocol) for protocol in protocols):
            told.append(f"{recipe}: {one.column} is {metric}, which these rows lack: name {family} in metric=[...].")
        elif values and not any(as_published(one, value) for value in values):
            typed = " ".join(f"metric.{family}.{value}" for value in one.metric_values.split(", "))
            told.append(
                f"{metric} is not compared where it was computed without {one.metric_values}, as the published is: "
                f"type {typed}."
            )
    if absent := [name for name in methods if name not in own and name != REFERENCE]:
        told.append(f"{recipe}: published, and not among these rows: {', '.join(absent)}.")
    if more := [name for name in own if name not in methods and name not in (*ANCHORS, NULL)]:
        told.append(f"{recipe}: among these rows, and not published: {', '.join(more)}.")
    return told


def nothing_matches(rows: Sequence[Row], numbers: Sequence[Number]) -> str:
    """One sentence: what was looked for, and what there is."""
    looked: dict[str, dict[str, None]] = {}
    for one in numbers:
        looked.setdefault(one.data, {})[one.recipe] = None
    told = ", ".join(f"{data} ({', '.join(own)})" for data, own in sorted(looked.items()))
    kinds = ("data", "model", "scenario", "method")
    there = list(dict.fromkeys(" · ".join(row.names[kind] for kind in kinds) for row in rows))
    more = f"; and {len(there) - _TOLD} more" if len(there) > _TOLD else ""
    return (
        f"No row stands beside a published number, which there are of {told}; these rows are of "
        f"{'; '.join(there[:_TOLD])}{more}."
    )
