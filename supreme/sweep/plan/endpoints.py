"""Endpoints that are declared and that no metric of a sweep gives: a margin for a column with a slip in its name."""

from __future__ import annotations

import difflib

from supreme.core import SupremeError
from supreme.pipeline.cell import Cell
from supreme.report.rows.endpoints import default_endpoints
from supreme.sweep.plan.planned_columns import planned_columns

TOLD = 12
"""Columns that are listed where none has a name that is near."""


def undeclared(cell: Cell) -> list[str]:
    """The endpoints of this cell that stand not in conf/config.yaml, where they are for every choice of metrics."""
    usual = default_endpoints().margins
    return [name for name in cell.declared.get("margins", {}) if name not in usual]


def unknown_endpoints(cell: Cell) -> list[str]:
    """A sentence for each endpoint that was declared for this cell and that no metric of its row gives."""
    if not (asked := undeclared(cell)):
        return []
    try:
        columns = list(planned_columns(cell) or ())
    except SupremeError:  # of a scenario, which is told of by itself
        return []
    if not columns:
        return []
    told = []
    for name in asked:
        if name not in columns:
            near = difflib.get_close_matches(name, columns, 1)
            more = f" and {len(columns) - TOLD} more" if len(columns) > TOLD else ""
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(columns[:TOLD])}{more}"
            told.append(f"report.margins declares {name}, and no metric of this sweep gives it: {hint}")
    return told
