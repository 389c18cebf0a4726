"""What jobs of Slurm leave for who sent them: JSON, read as what it is or not at all."""

from __future__ import annotations

import json
import logging
import os
import pickle
from pathlib import Path
from typing import Any

import pytest

import supreme
from supreme.sweep.executors.slurm import job as slurm_job
from supreme.sweep.schedule.tasks import Event, Outcome, Parked, Retrying, Started, Task


def task(key: str) -> Task:
    return Task(key=key, label=f"task {key}", function=print, arguments=(), needs=(), log=Path("a.log"), kind="a")


EVENTS: list[Any] = [
    Started(task=task("a"), slot="cpu:0"),
    Retrying(task=task("a"), slot="cpu:0", reason="it died"),
    Parked(task=task("a"), slot="cpu:0", reason="another worker makes it"),
    Outcome(task=task("a"), status="done", seconds=1.5, attempts=2, slot="cpu:0", value={"x": [1, None]}),
    Outcome(task=task("b"), status="blocked", error="it waits for a"),
]


def told(event: Any) -> dict[str, Any]:
    return {"kind": type(event), **vars(event), "task": (event.task.key, event.task.label)}


def left(folder: Path, caplog: pytest.LogCaptureFixture) -> list[Event]:
    with caplog.at_level(logging.WARNING):
        return list(slurm_job.read(folder))


def test_every_event_comes_back_as_it_was_with_the_name_of_its_task(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for event in EVENTS:
        slurm_job.write(tmp_path, event)
    assert list(map(told, left(tmp_path, caplog))) == list(map(told, EVENTS))
    assert caplog.text == ""


def test_a_result_that_json_cannot_say_fails_its_task(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    slurm_job.write(tmp_path, Outcome(task=task("a"), status="done", value={1, 2}))
    (found,) = left(tmp_path, caplog)
    assert isinstance(found, Outcome)
    assert (found.status, found.value) == ("failed", None)
    assert "which JSON cannot say" in found.error


class Bomb:
    def __reduce__(self) -> Any:
        return os.mkdir, ("made-by-a-pickle",)


GOOD = {"event": "Outcome", "key": "a", "label": "a", "status": "done", "error": "", "seconds": 1.0, "attempts": 1}
GOOD |= {"slot": "", "value": None}


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps(Bomb()),
        b"",
        b"{",
        b"[]",
        b"[" * 100_000,
        json.dumps(GOOD | {"status": "fine"}).encode(),
        json.dumps(GOOD | {"event": "Task"}).encode(),
        json.dumps(GOOD | {"attempts": "1"}).encode(),
        json.dumps(GOOD | {"key": 1}).encode(),
        json.dumps({"event": "Outcome"}).encode(),
    ],
)
def test_what_is_no_event_runs_nothing_and_is_skipped_and_named_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "events"
    folder.mkdir()
    (folder / "0.1.ended").write_bytes(content)
    slurm_job.write(folder, EVENTS[0])
    seen: set[str] = set()
    with caplog.at_level(logging.WARNING):
        assert [len(list(slurm_job.read(folder, seen=seen))) for _ in range(2)] == [1, 0]
    assert caplog.text.count("0.1.ended, which is no event of a task") == 1
    assert not Path("made-by-a-pickle").exists()


def test_nothing_in_the_package_unpickles_a_file() -> None:
    package = Path(supreme.__file__).parent
    found = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if any(word in path.read_text() for word in ("pickle.load", "Unpickler", "joblib.load", "allow_pickle=True"))
    }
    in_memory = {"sweep/executors/local/worker.py", "sweep/schedule/scheduler.py"}  # between processes of one sweep
    assert found == {*in_memory, "data/cifar_archive.py"}  # whose reader names the only classes that it makes
