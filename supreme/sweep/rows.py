"""The rows that are there. No torch here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from supreme.cell import Cell, Workplace
from supreme.core.row import read_row as read
from supreme.files import whole_or_aside


def holds(row: Mapping[str, Any] | None, cell: Cell) -> bool:
    """Whether the row has every metric that the cell asks for, computed as it asks."""
    return row is not None and cell.metric_keys.items() <= row["metric_keys"].items()


def read_row(cell: Cell, at: Workplace) -> dict[str, Any] | None:
    """The stored row of the cell; None when there is none. A damaged one is set aside, to be made again."""
    row: Any = whole_or_aside(read, at.row_path(cell), at.store.root)
    return row
