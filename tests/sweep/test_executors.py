"""Every executor keeps the promises that the scheduler relies on."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from supreme.sweep.devices.slots import find_slots
from supreme.sweep.executors.dry_run import DryRunExecutor
from supreme.sweep.executors.local.executor import LocalExecutor
from supreme.sweep.schedule.executor import Attempt, Ended, Reply, Report
from supreme.sweep.schedule.tasks import Started
from supreme.testing import BrokenPromise, check_executor


@pytest.fixture(autouse=True)
def _locks_of_our_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SUPREME_LOCK_DIR", str(tmp_path / "locks"))


def test_a_dry_run_keeps_its_promises(tmp_path: Path) -> None:
    check_executor(partial(DryRunExecutor, ["cpu:0", "cpu:1"], {"a": 2.0, "d": 1.0}), tmp_path / "marks", runs=False)


@pytest.mark.slow
@pytest.mark.usefixtures("second_chance")
def test_the_slots_of_this_machine_keep_their_promises(tmp_path: Path) -> None:
    check_executor(partial(LocalExecutor, find_slots("cpu", 1, 1, cores=2)), tmp_path / "marks")


class Fails(DryRunExecutor):
    """Tells that no task was done."""

    def poll(self, seconds: float | None) -> Iterator[Report]:
        for report in super().poll(seconds):
            assert isinstance(report, Ended)
            yield Ended(attempt=report.attempt, reply=Reply(error="it was not tried"))


class TellsTwice(DryRunExecutor):
    """Tells itself, too, that a task has begun."""

    def poll(self, seconds: float | None) -> Iterator[Report]:
        for report in super().poll(seconds):
            assert isinstance(report, Ended)
            yield Started(task=report.attempt.task, slot="cpu:0")
            yield report


class Writes(DryRunExecutor):
    """A dry run that runs something."""

    def start(self, attempt: Attempt, place: Any, payload: bytes) -> None:
        super().start(attempt, place, payload)
        (attempt.task.log.parents[1] / "mark").touch()


@pytest.mark.parametrize(
    ("broken", "promise"),
    [
        (Fails, "ends well where every task does"),
        (TellsTwice, "tells once that a task began and how it ended"),
        (Writes, "runs nothing"),
    ],
)
def test_an_executor_that_breaks_a_promise_is_told_which(
    broken: type[DryRunExecutor], promise: str, tmp_path: Path
) -> None:
    with pytest.raises(BrokenPromise, match=promise):
        check_executor(partial(broken, ["cpu:0"], {}), tmp_path / "marks", runs=False)
