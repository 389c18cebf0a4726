"""Endpoints that are declared and that no metric of a sweep gives: a margin for a column with a slip in its name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from supreme.core import Split, SupremeError, registry
from supreme.pipeline.cell import Cell
from supreme.report.rows.endpoints import default_endpoints

TOLD = 12
"""Columns that are listed where none has a name that is near."""


@dataclass(frozen=True)
class _Planned:
    """An evaluation of which the sets are known, and no answers yet."""

    split: Split
    subject_name: str = "unlearned"

    @property
    def sets(self) -> tuple[str, ...]:
        return tuple(name for name, images in self.split.sets.items() if len(images))

    @property
    def forgets_class(self) -> bool:
        return bool(self.split.forget_classes)

    @property
    def planted(self) -> Mapping[str, Any]:
        return self.split.planted


def undeclared(cell: Cell) -> list[str]:
    """The endpoints of this cell that stand not in conf/config.yaml, where they are for every choice of metrics."""
    usual = default_endpoints().margins
    return [name for name in cell.declared.get("margins", {}) if name not in usual]


def unknown_endpoints(cell: Cell) -> list[str]:
    """A sentence for each endpoint that was declared for this cell and that no metric of its row gives."""
    if not (asked := undeclared(cell)):
        return []
    try:
        columns = _columns(cell)
    except SupremeError:  # of a metric or a scenario, which is told of by itself
        return []
    if columns is None:
        return []
    told = []
    for name in asked:
        if name not in columns:
            near = difflib.get_close_matches(name, columns, 1)
            more = f" and {len(columns) - TOLD} more" if len(columns) > TOLD else ""
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(columns[:TOLD])}{more}"
            told.append(f"report.margins declares {name}, and no metric of this sweep gives it: {hint}")
    return told


def _columns(cell: Cell) -> list[str] | None:
    """The columns of its row; None where a metric knows them only when it is asked for their values."""
    found: list[str] = []
    planned: Any = _Planned(cell.split())
    for name, node in cell.metrics.items():
        metric = registry.build(node, f"metric {name}")
        try:
            found += metric.columns(planned)
        except Exception:  # of somebody's own metric, or of a plain function, which looks at answers
            return None
    return found
