"""What forgetting costs methods that were swept over how hard they forget: a table for each block with a frontier."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd
from rich.console import RenderableType

from supreme.report.figures.specification import seeds_over
from supreme.report.rows.columns import unsigned
from supreme.report.rows.per_seed import BLOCK, NULL
from supreme.report.statistics.frontier import frontiers
from supreme.report.tables.plain import Plain

HEADS = ("method", "swept over", "values", "hypervolume", "95 % interval")


def frontier_tables(frame: pd.DataFrame) -> list[Plain]:
    """The tables of these rows, as `load` gives them; none where no method was swept over one of its fields."""
    return [
        Plain(
            title=" · ".join(["frontier", *filter(None, map(str, labels))]),  # type: ignore[arg-type]
            heads=HEADS,
            lines=[_line(line) for line in part.to_dict("records")],
            notes=list(_notes(part)),
        )
        for labels, part in frontiers(frame).groupby(BLOCK, sort=False)
    ]


def render_frontiers(frame: pd.DataFrame) -> list[RenderableType]:
    """The same, for a terminal."""
    return [part for table in frontier_tables(frame) for part in table.panels]


def frontiers_csv(frame: pd.DataFrame) -> str:
    """What `frontiers` gives, in full precision; empty where there is none."""
    table = frontiers(frame)
    return table.to_csv(index=False, lineterminator="\n") if len(table) else ""


def _line(line: dict[Any, Any]) -> list[str]:
    role = " (noise floor)" if line["method"] == NULL else ""
    of = "" if math.isnan(line["low"]) else f"[{unsigned(line['low'], '.3f')}, {unsigned(line['high'], '.3f')}]"
    value = "n/a" if math.isnan(line["hypervolume"]) else f"{line['hypervolume']:.3f}"
    field = line["field"] or ("" if line["values"] == 1 else "several fields")
    return [line["method"] + role, field, str(line["values"]), value, of]


def _notes(part: pd.DataFrame) -> Iterator[str]:
    over = seeds_over(part["seeds"])
    yield (
        f"Hypervolume: how much of the square from no loss to all lost a method's points dominate; mean over {over}, "
        "with its t interval. Losses: of forgetting, the distance of forget accuracy from the reference's, over the "
        "original's; of utility, the accuracy on unseen data below the reference's, over that. 0: the original, 1: "
        "retraining."
    )
    if undefined := [count for count in part["undefined"] if count]:
        yield (
            f"Left out: {seeds_over(undefined)} whose original answers as many "
            "forget images rightly as the reference, so that there is no distance to close."
        )
    if len({count for count in part["values"] if count > 1}) > 1:
        yield "More values may add to it and never take away: compare methods that have as many."
    for line in part.to_dict("records"):
        if line["missing"]:
            yield f"{line['method']}: {line['missing']} of its points are missing in some training seeds."
