"""The rows that are there. No torch here."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from supreme.cell import Cell, Workplace
from supreme.provenance import differences

log = logging.getLogger(__name__)


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
    """The stored row of the cell; None when there is none, or none that can be used."""
    path = at.row_path(cell)
    try:
        row = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        row = None
    from supreme.report import is_row  # here: with it comes pandas, which a worker does not need to make a row

    if isinstance(row, dict) and row.get("cell") == cell.id and is_row(path, row):
        return row
    log.warning("%s is damaged and will be made again", path)
    return None
