"""One stage of one cell, or an audit of many, on the device that the slot gave this process."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from supreme.core import SupremeError
from supreme.pipeline.activity import Activity, beside
from supreme.pipeline.cell import Cell
from supreme.pipeline.ensembles import AuditJob
from supreme.pipeline.keys import leave_out
from supreme.pipeline.stored_row import holds, read_row
from supreme.pipeline.workplace import Workplace

log = logging.getLogger(__name__)


def run_stage(kind: str, cell: Cell, planned_at: Workplace, planned: str) -> dict[str, Any] | None:
    """Make the original or the reference of this cell, or (kind "cell") its row, which is returned.

    Args:
        planned_at: where results lie.
        planned: the key that the stage had when the sweep was planned.

    Raises:
        SupremeError: the code that this process has is not the one that was planned with.
    """
    from supreme.pipeline import stages
    from supreme.pipeline.predictions import predictions
    from supreme.pipeline.prepared import Prepared

    leave_out(Path(planned_at.output_dir))
    key = cell.id if kind == "cell" else cell.key(kind)
    _refuse_another(key, planned)
    with _activity(key, planned_at.output_dir) as activity:
        place = _workplace(planned_at, activity)
        if kind == "cell":
            return _row(cell, place)
        prepared = Prepared(cell, place)
        stages.STAGES[kind](prepared)
        predictions(prepared, kind).load("logits")  # every cell of this model will ask for them
        return None


def _row(cell: Cell, place: Workplace) -> dict[str, Any]:
    """The row of the cell, which another sweep may be making: then wait for it, or leave."""
    from supreme.pipeline import rows
    from supreme.pipeline.prepared import Prepared

    def find() -> dict[str, Any] | None:
        row = read_row(cell, place)
        return row if holds(row, cell, place) else None

    def make() -> dict[str, Any]:
        return rows.evaluate(Prepared(cell.with_metrics_of(read_row(cell, place)), place))

    return place.store.alone(f"row-{cell.id}", find, make)


def _refuse_another(key: str, planned: str) -> None:
    """Nothing is stored under a key that the plan did not know."""
    if key != planned:
        raise SupremeError(
            "the code or a file that this depends on is not what it was when the sweep was planned: it was changed "
            "meanwhile, or this process works in another place; give the same command again"
        )


def run_audit(job: AuditJob, planned_at: Workplace, planned: str) -> dict[str, Any]:
    """Make the record of this audit, which is returned; see `run_stage`."""
    from supreme.pipeline import audit as auditing

    leave_out(Path(planned_at.output_dir))
    _refuse_another(job.id, planned)
    with _activity(job.id, planned_at.output_dir) as activity:
        activity.begin("audit")
        place = _workplace(planned_at, activity)
        make = partial(auditing.audit, job, place)
        return place.store.alone(f"audit-{job.id}", lambda: job.record(place, job.cells), make)


def log_path(key: str, output_dir: Path) -> Path:
    """Of the task with this key."""
    return output_dir / "logs" / f"{key[:16]}.log"


def _activity(key: str, output_dir: str) -> Activity:
    return Activity(beside(log_path(key, Path(output_dir))))


def _workplace(planned: Workplace, activity: Activity) -> Workplace:
    """The same place, on the device that this process was given."""
    from supreme.pipeline.device import refuse_missing

    refuse_missing(os.environ["SUPREME_DEVICE"])
    return replace(
        planned,
        device=os.environ["SUPREME_DEVICE"],
        threads=int(os.environ["OMP_NUM_THREADS"]),
        shared=os.environ["SUPREME_DEVICE_SHARED"] == "1",
        activity=activity,
    )
