"""The promises of executors, wherever they run tasks."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil

from supreme.sweep.schedule.executor import Executor
from supreme.sweep.schedule.scheduler import run
from supreme.sweep.schedule.tasks import Event, Outcome, Started, Task
from supreme.testing import executor_tasks as calls
from supreme.testing.promises import Promises

PATIENCE_SECONDS = 200.0
"""How long a process may take to start or to end on a machine that does much else."""

Make = Callable[[], Executor]


def check_executor(make: Make, folder: Path, *, timeout: float = 4.0, runs: bool = True) -> None:
    """Hold an executor to what the scheduler relies on.

    Takes some seconds on one machine, and a minute or two on a cluster. To be called in the main thread, where signals
    arrive.

    Args:
        make: makes a new executor, which no other sweep uses; can be pickled.
        folder: where tasks leave marks; all workers see it.
        timeout: seconds for one task; longer than one of 0.1 s ever takes in a warm process.
        runs: whether tasks really run; False: of a dry run.

    Raises:
        BrokenPromise: it does not keep a promise.
    """
    promise = Promises(type(make()).__name__)
    folder.mkdir(parents=True, exist_ok=True)
    if not runs:
        _check_order(promise, make(), folder, runs=False)
        promise("runs nothing", not any(folder.iterdir()), f"{[path.name for path in folder.iterdir()]} appeared")
        return
    _check_order(promise, make(), folder / "order", runs=True)
    _check_fates(promise, make(), folder / "fates", timeout)
    _check_interruption(promise, make(), folder / "interruption")
    _check_death_of_the_sweep(promise, make, folder / "death")


def task(folder: Path, key: str, function: Callable[..., Any], *arguments: Any, **more: Any) -> Task:
    values: dict[str, Any] = {"needs": (), "kind": "cell", **more}
    log = folder / "logs" / f"{key}.log"
    return Task(key=key, label=f"task {key}", function=function, arguments=arguments, log=log, **values)


def _check_order(promise: Promises, executor: Executor, folder: Path, *, runs: bool) -> None:
    """Needs before what needs them, every task once, and one at a time in each slot."""
    if runs:
        folder.mkdir()
    needs = {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c"), **{f"e{number}": () for number in range(8)}}
    kinds = {"a": "original", "d": "audit"}
    tasks = [
        task(folder, key, calls.work, folder, key, before, needs=before, kind=kinds.get(key, "cell" if before else "e"))
        for key, before in needs.items()
    ]
    tasks.reverse()
    events: list[Event] = []
    outcomes = run(tasks, executor, timeout=None, on_event=events.append)
    promise("gives one outcome for each task, in their order", [one.task for one in outcomes] == tasks, f"{outcomes}")
    bad = [f"{one.task.key} {one.status}: {one.error}" for one in outcomes if one.status != "done"]
    promise("ends well where every task does", not bad, f"these did not: {bad}")
    told = [(type(event).__name__, event.task.key) for event in events if isinstance(event, Started | Outcome)]
    wanted = sorted((name, key) for key in needs for name in ("Started", "Outcome"))
    promise("tells once that a task began and how it ended", sorted(told) == wanted, f"it told {told}")
    began = {key: told.index(("Started", key)) for key in needs}
    ended = {key: told.index(("Outcome", key)) for key in needs}
    early = [
        key for key, before in needs.items() if began[key] > ended[key] or any(began[key] < ended[b] for b in before)
    ]
    promise("begins a task when what it needs has ended", not early, f"these began too soon: {early}")
    if not runs:
        return
    missing = {one.task.key: one.value["missing"] for one in outcomes if one.value["missing"]}
    promise("runs a task when what it needs is done", not missing, f"this was not done yet: {missing}")
    twice = [key for key in needs if calls.marks(folder, key) != 1]
    promise("runs every task once", not twice, f"these ran more or less often: {twice}")
    spans = sorted((one.slot, one.value["began"], one.value["ended"]) for one in outcomes)
    beside = [one[0] for one, other in pairwise(spans) if one[0] == other[0] and other[1] < one[2]]
    promise("gives a slot one task at a time", not beside, f"two ran at once in {beside}")


def _check_fates(promise: Promises, executor: Executor, folder: Path, timeout: float) -> None:
    """Whatever a task does costs itself only."""
    folder.mkdir()
    attempts = executor.attempts
    tasks = [
        task(folder, "works", calls.work, folder, "works"),
        task(folder, "says", calls.say, "hello from the task"),
        task(folder, "raises", calls.raise_error, folder),
        task(folder, "exits", calls.exit_with, folder, 3),
        task(folder, "dies", calls.die, folder, "dies", 100),
        task(folder, "dies once", calls.die, folder, "dies once", 1),
        task(folder, "touches", calls.touch_once, folder),
        task(folder, "unpicklable", calls.unpicklable),
        task(folder, "unsendable", lambda: None),
        task(folder, "late", calls.hang, folder, "late"),
        task(folder, "blocked", calls.work, folder, "blocked", needs=("raises",), kind="later"),
        task(folder, "afterwards", calls.work, folder, "afterwards", after=("raises", "works"), kind="later"),
    ]
    found = {one.task.key: one for one in run(tasks, executor, timeout=timeout)}
    wanted = {
        **dict.fromkeys(("works", "says", "touches", "afterwards"), ("done", 1)),
        "dies once": ("done", 2) if attempts > 1 else ("failed", 1),
        **dict.fromkeys(("raises", "exits", "unpicklable", "late"), ("failed", 1)),
        "dies": ("failed", attempts),
        "unsendable": ("failed", 0),
        "blocked": ("blocked", 0),
    }
    for key, (status, count) in wanted.items():
        one = found[key]
        detail = f"{key} was {one.status} after {one.attempts} attempts: {one.error or one.value}"
        promise("lets each task have the end and the attempts that it is due", one.status == status, detail)
        promise("lets each task have the end and the attempts that it is due", one.attempts == count, detail)
    errors = {
        "raises": "ValueError: no such thing",
        "exits": "the task called sys.exit(3)",
        "dies": "died",
        "unsendable": "it cannot be sent to a process",
        "late": f"no result after {timeout:g} s (timeout)",
        "blocked": "it waits for task raises, which failed",
    }
    for key, words in errors.items():
        promise(
            "says in a sentence why a task failed", words in found[key].error, f"of {key} it says {found[key].error}"
        )
    ran = {"raises": 1, "exits": 1, "dies": attempts, "dies once": min(2, attempts), "touches": 2, "blocked": 0}
    counted = {name: calls.marks(folder, name) for name in ran}
    promise("runs again only what died or left something", counted == ran, f"they ran {counted} times and not {ran}")
    fresh = found["touches"].value != int((folder / "touched.pid").read_text())
    promise("replaces a process in which a task left something", fresh, "the same process ran the task again")
    said = (folder / "logs" / "says.log").read_text()
    promise("keeps what a task says in its log", "hello from the task" in said, f"the log has {said!r}")
    _all_gone(promise, folder, "ends a late task with every process that it started")


def _check_interruption(promise: Promises, executor: Executor, folder: Path) -> None:
    """SIGTERM ends everything."""
    folder.mkdir()
    tasks = [task(folder, f"hangs{number}", calls.hang, folder, f"hangs{number}") for number in range(2)]

    def interrupt() -> None:
        _wait(lambda: len(list(folder.glob("*.pid"))) >= 2)
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, _ignore)  # should no scheduler see to it
    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        run(tasks, executor, timeout=PATIENCE_SECONDS)
        told = "it ended as if nothing had come"
    except KeyboardInterrupt as interruption:
        told = str(interruption)
    finally:
        thread.join()
        signal.signal(signal.SIGTERM, before)
    promise("stops when it is told to, and names the signal", told == "SIGTERM", told)
    _all_gone(promise, folder, "leaves no process when it is told to stop")


def _check_death_of_the_sweep(promise: Promises, make: Make, folder: Path) -> None:
    """The sweep's process is killed: what it started ends with it, or goes on and is found again."""
    folder.mkdir()
    keys = ["one", "two"]
    tasks = [task(folder, key, calls.hang_once, folder, key) for key in keys]
    sweep = multiprocessing.get_context("spawn").Process(target=_run, args=(tasks, make))
    sweep.start()
    _wait(lambda: any(calls.marks(folder, key) for key in keys))
    sweep.kill()
    sweep.join()
    goes_on = make().takes_all
    if not goes_on:
        _all_gone(promise, folder, "leaves no process when it is killed")
    begun = {key: calls.marks(folder, key) for key in keys}
    later = make()  # before anything that goes on can end: what has ended by then is for the plan to see, not for it
    (folder / "gate").touch()
    outcomes = run(tasks, later, timeout=None)
    bad = [f"{one.task.key}: {one.error}" for one in outcomes if one.status != "done"]
    promise("does the rest when the same sweep is begun again", not bad, f"these failed: {bad}")
    if goes_on:
        again = {key: calls.marks(folder, key) for key in keys if begun[key] and calls.marks(folder, key) != 1}
        promise("adopts what goes on from a sweep that was killed", not again, f"it began again {again}")
    ended = {key: calls.marks(folder, f"{key} ended") for key in keys}
    promise("does nothing twice", ended == dict.fromkeys(keys, 1), f"they ended {ended} times")


def _run(tasks: Sequence[Task], make: Make) -> None:
    run(tasks, make(), timeout=None)


def _ignore(_signal: int, _frame: object) -> None:
    pass


def _wait(happens: Callable[[], bool]) -> bool:
    end = time.monotonic() + PATIENCE_SECONDS
    while not (found := happens()) and time.monotonic() < end:
        time.sleep(0.05)
    return found


def _all_gone(promise: Promises, folder: Path, what: str) -> None:
    pids = [int(path.stem.rpartition("-")[2]) for path in folder.glob("*-*.pid")]
    alive = [pid for pid in pids if _is_alive(pid)]
    _wait(lambda: not any(_is_alive(pid) for pid in alive))
    promise(what, not any(_is_alive(pid) for pid in alive), f"the processes {alive} are still there")


def _is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
