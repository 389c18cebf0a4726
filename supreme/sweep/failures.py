"""What became of the cells of a sweep, kept for the tables: whoever leaves no row leaves the record of a failure."""

from __future__ import annotations

from collections.abc import Mapping

from supreme.pipeline.cell import Cell
from supreme.pipeline.failures import forget_failures, record_failure
from supreme.pipeline.workplace import Workplace
from supreme.sweep.schedule.tasks import Event, Outcome, Task


class Failures:
    """Called with every event of a sweep, in the process that runs it, whatever the executor."""

    def __init__(self) -> None:
        self._ended: dict[str, Outcome] = {}

    def __call__(self, event: Event) -> None:
        if not isinstance(event, Outcome):
            return
        self._ended[event.task.key] = event
        if event.task.kind != "cell":
            return
        cell, at = _asked(event.task)
        if event.status == "done":
            forget_failures([cell], at)
        else:
            came_from = cause(event, self._ended)
            record_failure(cell, at, told(event, self._ended), came_from.task.log.name)


def cause(outcome: Outcome, outcomes: Mapping[str, Outcome]) -> Outcome:
    """The outcome that this one comes from: of a task that it needs, where that failed."""
    known = [outcomes[key] for key in outcome.task.needs if key in outcomes]
    return next((one for one in known if one.status == "failed"), outcome)


def told(outcome: Outcome, outcomes: Mapping[str, Outcome]) -> str:
    """Why a cell has no row: `original digits seed=0 failed: ...` where it did not come to run."""
    came_from = cause(outcome, outcomes)
    return came_from.error if came_from is outcome else f"{came_from.task.label} failed: {came_from.error}"


def _asked(task: Task) -> tuple[Cell, Workplace]:
    _, cell, at, _ = task.arguments
    return cell, at
