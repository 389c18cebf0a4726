"""One stage of one cell, or an audit of many, on the device that the slot gave this process."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from supreme.activity import Activity, beside
from supreme.cell import Cell, Workplace
from supreme.ensembles import AuditJob
from supreme.sweep.devices import Slot
from supreme.sweep.rows import holds, read_row
from supreme.sweep.slots import SlotLock, lock_directory

log = logging.getLogger(__name__)


def run_stage(kind: str, cell: Cell, output_dir: str) -> dict[str, Any] | None:
    """Make the original or the reference of this cell, or (kind "cell") its row, which is returned."""
    from supreme import stages

    with _activity(cell.id if kind == "cell" else cell.key(kind), output_dir) as activity:
        at = _workplace(output_dir, activity)
        if kind == "cell":
            return _row(cell, at)
        stages.STAGES[kind](cell, at)
        stages.predictions(cell, at, kind)("logits")  # every cell of this model will ask for them
        return None


def _row(cell: Cell, at: Workplace) -> dict[str, Any]:
    """The row of the cell, which another sweep may be making: then wait for it, or leave."""
    from supreme import rows

    def find() -> dict[str, Any] | None:
        row = read_row(cell, at)
        return row if holds(row, cell) else None

    return at.store.alone(f"row-{cell.id}", find, lambda: rows.evaluate(cell.with_metrics_of(read_row(cell, at)), at))


def run_audit(job: AuditJob, output_dir: str) -> dict[str, Any]:
    """Make the record of this audit, which is returned."""
    from supreme import auditing

    with _activity(job.id, output_dir) as activity:
        activity.begin("audit")
        at = _workplace(output_dir, activity)
        return at.store.alone(f"audit-{job.id}", lambda: job.record(at, job.cells), lambda: auditing.audit(job, at))


def log_path(key: str, output_dir: Path) -> Path:
    """Of the task with this key."""
    return output_dir / "logs" / f"{key[:16]}.log"


def _activity(key: str, output_dir: str) -> Activity:
    return Activity(beside(log_path(key, Path(output_dir))))


def _workplace(output_dir: str, activity: Activity) -> Workplace:
    """On the device that this process was given."""
    from supreme.runtime import refuse_missing

    refuse_missing(os.environ["SUPREME_DEVICE"])
    return Workplace(
        output_dir=output_dir,
        device=os.environ["SUPREME_DEVICE"],
        threads=int(os.environ["OMP_NUM_THREADS"]),
        shared=os.environ["SUPREME_DEVICE_SHARED"] == "1",
        activity=activity,
    )


@contextmanager
def this_process_in(slots: Sequence[Slot]) -> Iterator[None]:
    """Work in this very process, in the first of these slots that is free; waits until one is.

    A process whose CUDA has started cannot move: it takes only slots with the environment it has.
    """
    if "SUPREME_DEVICE" in os.environ:
        slots = [slot for slot in slots if slot.environment.items() <= os.environ.items()] or slots
    locks = {slot.name: SlotLock(slot, lock_directory()) for slot in slots}
    told = False
    while not (taken := next((slot for slot in slots if locks[slot.name].acquire()), None)):
        if not told:
            log.info("waiting for a free device slot: %s", "; ".join(lock.holder() for lock in locks.values()))
        told = True
        time.sleep(1)
    os.environ.update(taken.environment)
    try:
        yield
    finally:
        locks[taken.name].release()
