"""Slots of a machine, held by files that strangers can reach."""

from __future__ import annotations

import logging
import os
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path

import engine_tasks as jobs
import pytest

from supreme.core import SupremeError
from supreme.sweep.devices.memory import Rules
from supreme.sweep.devices.slots import find_slots
from supreme.sweep.executors.local import lock_directory as directories
from supreme.sweep.executors.local import pool
from supreme.sweep.executors.local.lock import SlotLock
from supreme.sweep.executors.local.lock_directory import lock_directory
from supreme.sweep.executors.local.lock_file import LockFile
from supreme.sweep.schedule.tasks import Event, Task, Waiting
from tests.running import run


@pytest.fixture
def task(tmp_path: Path) -> Callable[..., Task]:
    def make(key: str, function: Callable[..., object], *arguments: object) -> Task:
        log = tmp_path / "logs" / f"{key}.log"
        return Task(key=key, label=key, function=function, arguments=arguments, needs=(), log=log, kind="cell")

    return make


def test_the_place_of_locks_does_not_depend_on_tmpdir(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    monkeypatch.setattr(directories, "SHARED_PLACES", (str(tmp_path / "none"), str(tmp_path), str(shared)))
    monkeypatch.delenv("SUPREME_LOCK_DIR", raising=False)
    found = set()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv("TMPDIR", str(tmp_path / name))
        found.add(lock_directory())
    assert found == {shared / "supreme-locks"}, "the first of the places that anybody may write to"
    assert stat.S_IMODE((shared / "supreme-locks").stat().st_mode) == 0o1777


def test_where_there_is_no_place_for_all_users_it_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(directories, "SHARED_PLACES", (str(tmp_path),))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.delenv("SUPREME_LOCK_DIR", raising=False)
    directories._warn.cache_clear()
    with caplog.at_level(logging.WARNING):
        assert lock_directory() == tmp_path / "supreme-locks"
    assert "set SUPREME_LOCK_DIR to a folder that every sweep of this machine can write" in caplog.text


def test_a_folder_in_which_anybody_may_delete_locks_is_mended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old = tmp_path / "locks"
    old.mkdir()
    old.chmod(0o777)
    monkeypatch.setenv("SUPREME_LOCK_DIR", str(old))
    assert stat.S_IMODE(lock_directory().stat().st_mode) == 0o1777


def test_a_link_that_waits_in_place_of_the_shared_folder_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tmp_path.chmod(0o1777)
    (tmp_path / "supreme-locks").symlink_to(tmp_path / "elsewhere")
    monkeypatch.setattr(directories, "SHARED_PLACES", (str(tmp_path),))
    monkeypatch.delenv("SUPREME_LOCK_DIR", raising=False)
    with pytest.raises(SupremeError, match="it is no folder; delete it, or set SUPREME_LOCK_DIR"):
        lock_directory()


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_what_is_no_regular_file_is_not_locked(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "cpu-0.lock"
    {"link": lambda: path.symlink_to(tmp_path / "x"), "pipe": lambda: os.mkfifo(path), "folder": path.mkdir}[kind]()
    with pytest.raises(SupremeError, match=r"cannot be locked.*set SUPREME_LOCK_DIR"):
        LockFile(path).acquire()
    assert not (tmp_path / "x").exists()


def test_a_lock_that_was_deleted_before_it_was_taken_is_not_taken_for_held(tmp_path: Path) -> None:
    """Between opening the file and locking it: the lock is then on a file that nobody else will ever see."""
    path = tmp_path / "cpu-0.lock"
    first, second = LockFile(path), LockFile(path)
    assert first.acquire()
    waiting = threading.Thread(target=second.acquire, kwargs={"wait": True})
    waiting.start()
    time.sleep(0.1)  # it has opened the old file by now; if not, the test shows less
    path.unlink()
    first.release()
    waiting.join(10.0)
    assert second.is_held
    assert not second.is_lost()
    assert not LockFile(path).acquire()


def test_a_held_lock_that_somebody_deletes_is_taken_again_and_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (slot,) = find_slots("cpu", 1, 1, cores=1)
    mine, other = SlotLock(slot, tmp_path), SlotLock(slot, tmp_path)
    assert mine.acquire()
    (tmp_path / "cpu-0.lock").unlink()
    mine.renew()
    assert "somebody deleted the lock" in caplog.text
    assert "it was locked again" in caplog.text
    assert not other.acquire()
    (tmp_path / "cpu-0.lock").unlink()
    assert other.acquire(), "too late"
    mine.renew()
    assert f"meanwhile pid {os.getpid()} of" in caplog.text


def test_a_note_that_another_user_wrote_cannot_command_the_terminal(tmp_path: Path) -> None:
    (slot,) = find_slots("cpu", 1, 1, cores=1)
    held = SlotLock(slot, tmp_path)
    assert held.acquire()
    (tmp_path / "cpu-0.lock").write_bytes(b"pid 1\x1b[2J\xff\r\n of you")
    refused = SlotLock(slot, tmp_path)
    assert not refused.acquire()
    assert refused.holder().isprintable()


def test_a_second_sweep_on_the_cpu_shares_the_cores_after_a_short_wait_and_says_so(
    task: Callable[..., Task], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "SHARE_AFTER_SECONDS", 0.5)
    slots = find_slots("cpu", 1, 1, cores=2)
    others = [SlotLock(slot, tmp_path) for slot in slots]
    assert all(lock.acquire() for lock in others)
    events: list[Event] = []
    tasks = [task(name, os.getenv, "SUPREME_DEVICE_SHARED") for name in ("a", "b")]
    outcomes = run(tasks, slots[:1], timeout=60.0, on_event=events.append, locks=tmp_path)
    assert [(outcome.status, outcome.value) for outcome in outcomes] == [("done", "1")] * 2
    waited, shared = [str(event) for event in events if isinstance(event, Waiting)]
    who = f"pid {os.getpid()} of "
    assert waited.startswith(f"waiting for {who}")
    assert waited.endswith(" (0.5 s, then the cores are shared)")
    assert shared.startswith(f"sharing the CPU cores with {who}")
    assert all(lock.acquire() for lock in others), "they still hold theirs"


def test_who_does_not_want_to_wait_does_not_share_either(
    task: Callable[..., Task], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "SHARE_AFTER_SECONDS", 0.0)
    slots = find_slots("cpu", 1, 1, cores=1)
    held = SlotLock(slots[0], tmp_path)
    assert held.acquire()
    with pytest.raises(SupremeError, match=r"no device is free: pid .*; wait_for_devices=true waits for one"):
        run([task("a", jobs.where)], slots, timeout=None, rules=Rules(wait=False), locks=tmp_path)
