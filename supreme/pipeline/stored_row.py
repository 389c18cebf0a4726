"""The stored row of a cell: read, and whether it holds what is asked for. No torch here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from supreme.core.row import read_row as read
from supreme.pipeline.cell import Cell
from supreme.pipeline.workplace import Workplace
from supreme.store.files import whole_or_aside
from supreme.store.provenance import differences

HOLDS_NO_ARITHMETIC = True  # so that no result depends on it: see supreme.store.fingerprint


def holds(row: Mapping[str, Any] | None, cell: Cell, at: Workplace) -> bool:
    """Whether the row has every metric that the cell asks for, computed as it asks, by versions that count there."""
    if row is None or (at.same_versions and made_by(row)):
        return False
    return cell.metric_keys.items() <= row["metric_keys"].items()


def made_by(row: Mapping[str, Any]) -> tuple[str, ...]:
    """The versions that made the row, or a model it is about, where they are not the ones here: "torch 2.11.0"."""
    provenance = row["provenance"]
    every = [provenance["versions"], *(stage["versions"] for stage in provenance["stages"].values())]
    return tuple(dict.fromkeys(one for versions in every for one in differences(versions)))


def read_row(cell: Cell, at: Workplace) -> dict[str, Any] | None:
    """The stored row of the cell; None when there is none. A damaged one is set aside, to be made again."""
    row: Any = whole_or_aside(read, at.row_path(cell), at.store.root)
    return row
