"""The record that a failed cell leaves in place of its row. No torch here."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from supreme.core import SupremeError
from supreme.core.failure import SCHEMA, sealed_failure
from supreme.core.text import one_line
from supreme.pipeline.cell import Cell
from supreme.pipeline.workplace import Workplace
from supreme.store.files import explaining, write_json

HOLDS_NO_ARITHMETIC = True  # so that no result depends on it: see supreme.store.fingerprint

log = logging.getLogger(__name__)


def failure_path(cell: Cell, at: Workplace) -> Path:
    """The file of the cell's record."""
    return at.results / "failures" / f"{cell.id}.json"


def record_failure(cell: Cell, at: Workplace, error: str, log_name: str) -> None:
    """Leave the record of this cell, unless the disk refuses: that hides no failure.

    Args:
        error: why it failed, in one line.
        log_name: of the file in `logs/` that tells more.
    """
    record = {
        "cell": cell.id,
        "schema": SCHEMA,
        **cell.names,
        "protocol": cell.protocol,
        "tuned": cell.tuned,
        "changed": cell.changed,
        "seed": cell.seed,
        "seeds": dict(cell.seeds),
        "given": {stage: {"pattern": pattern} for stage, pattern in cell.given.items()},
        "config": {**cell.nodes, "metric": cell.metrics, **cell.numerics},
        "error": one_line(error),
        "log": log_name,
        "provenance": {
            "data_fingerprint": cell.decoded.fingerprint,
            "overrides": list(cell.overrides),
            "finished": datetime.now(UTC).isoformat(),
        },
    }
    try:
        write_json(failure_path(cell, at), sealed_failure(record))
    except SupremeError as flaw:
        log.warning("no table will show that %s failed: %s", cell.id, flaw)


def forget_failures(cells: Iterable[Cell], at: Workplace) -> None:
    """Remove the records of these cells, which have their rows."""
    for cell in cells:
        path = failure_path(cell, at)
        with explaining(path, 0):
            path.unlink(missing_ok=True)
