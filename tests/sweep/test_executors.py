"""Every executor keeps the promises that the scheduler relies on."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from supreme.sweep.devices.slots import find_slots
from supreme.sweep.executors.dry_run import DryRunExecutor
from supreme.sweep.executors.local.executor import LocalExecutor
from supreme.sweep.schedule.executor import Attempt, Ended, Reply, Report
from supreme.testing import BrokenPromise, check_executor


@pytest.fixture(autouse=True)
def _locks_of_our_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SUPREME_LOCK_DIR", str(tmp_path / "locks"))


def test_a_dry_run_keeps_its_promises(tmp_path: Path) -> None:
    check_executor(partial(DryRunExecutor, ["cpu:0", "cpu:1"], {"a": 2.0, "d": 1.0}), tmp_path / "marks", runs=False)


@pytest.mark.slow
def test_the_slots_of_this_machine_keep_their_promises(tmp_path: Path) -> None:
    check_executor(partial(LocalExecutor, find_slots("cpu", 1, 1, cores=2)), tmp_path / "marks")


class TwoAtOnce(DryRunExecutor):
    """Does not keep its promises: begins what is ready in places that are taken."""

    def start(self, attempt: Attempt, place: Any, payload: bytes) -> None:
        super().start(attempt, place, payload)
        self._free.append(replace(place))

    def poll(self, seconds: float | None) -> list[Report]:
        attempt = self._running.pop()[2]
        return [Ended(attempt=attempt, reply=Reply(error="it was not tried"))]


def test_an_executor_that_breaks_a_promise_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(BrokenPromise, match="ends well where every task does"):
        check_executor(partial(TwoAtOnce, ["cpu:0"], {}), tmp_path / "marks", runs=False)
