"""What a sweep remembers of cells that fail, from the events of its scheduler."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from supreme.sweep import failures
from supreme.sweep.failures import Failures
from supreme.sweep.schedule.tasks import Outcome, Retrying, Task

CELL, AT = "the cell", "the place"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is recorded and what is forgotten."""
    found: list[Any] = []
    monkeypatch.setattr(failures, "record_failure", lambda *values: found.append(("record", *values)))
    monkeypatch.setattr(failures, "forget_failures", lambda cells, at: found.append(("forget", *cells, at)))
    return found


def task(kind: str, key: str, *needs: str) -> Task:
    arguments = (kind, CELL, AT, key)
    return Task(
        key=key,
        label=f"{kind} digits",
        function=print,
        arguments=arguments,
        needs=needs,
        log=Path(f"logs/{key}.log"),
        kind=kind,
    )


def test_a_cell_that_fails_leaves_a_record_and_one_that_is_done_takes_it_away(told: list[Any]) -> None:
    remember = Failures()
    remember(Outcome(task=task("cell", "a"), status="failed", error="ValueError: no"))
    remember(Outcome(task=task("cell", "a"), status="done"))
    assert told == [("record", CELL, AT, "ValueError: no", "a.log"), ("forget", CELL, AT)]


def test_a_cell_whose_model_failed_has_the_reason_and_the_log_of_the_model(told: list[Any]) -> None:
    remember = Failures()
    remember(Outcome(task=task("original", "o"), status="failed", error="ValueError: loss is nan"))
    remember(Outcome(task=task("cell", "a", "o"), status="blocked", error="it waits for original digits, which failed"))
    assert told == [("record", CELL, AT, "original digits failed: ValueError: loss is nan", "o.log")]


def test_nothing_is_remembered_of_models_audits_and_attempts_that_are_repeated(told: list[Any]) -> None:
    remember = Failures()
    remember(Outcome(task=task("original", "o"), status="failed", error="x"))
    remember(Outcome(task=task("audit", "u"), status="failed", error="x"))
    remember(Retrying(task=task("cell", "a"), slot="cpu:0", reason="died"))
    assert told == []
