"""What the engine itself costs: slots that stand still, and seconds per cell that are not the cell's work.

Three parts, in one run: tasks that sleep for known times on four slots; empty tasks on one warm slot; a real sweep of
small cells on two slots of one thread. Of a real cell, work is what methods, forward passes and metrics take; the rest
(claims, reading and writing the store, splits, components, the row) is overhead, the files' syncs included.

    python -m tests.benchmarks.engine            # 200 cells; about five minutes
    python -m tests.benchmarks.engine 20         # fewer
"""

from __future__ import annotations

import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results" / "engine.md"
METHODS = ("neggrad", "finetune", "scrub", "ssd")


def sleep(seconds: float) -> tuple[float, float]:
    """When it began and ended, by the clock that all processes share."""
    began = time.monotonic()
    time.sleep(seconds)
    return began, time.monotonic()


def _run(seconds: list[float], cores: int) -> list[tuple[float, float]]:
    from supreme.sweep.devices.slots import find_slots
    from supreme.sweep.schedule.tasks import Task
    from tests.running import run

    with tempfile.TemporaryDirectory() as folder:
        tasks = [
            Task(
                key=str(number),
                label=str(number),
                function=sleep,
                arguments=(length,),
                needs=(),
                log=Path(folder) / "log",
                kind="cell",
            )
            for number, length in enumerate(seconds)
        ]
        locks = Path(folder) / "locks"
        locks.mkdir()
        return [outcome.value for outcome in run(tasks, find_slots("cpu", 1, 1, cores), timeout=None, locks=locks)]


def utilisation(spans: list[tuple[float, float]], slots: int) -> float:
    """Busy slot seconds over slot seconds, from the first start to the last end."""
    span = max(end for _, end in spans) - min(begin for begin, _ in spans)
    return sum(end - begin for begin, end in spans) / (slots * span)


def round_trip(count: int) -> float:
    """Seconds from the end of an empty task to the start of the next one on the same slot."""
    spans = sorted(_run([0.0] * count, 1))
    gaps = [after[0] - before[1] for before, after in pairwise(spans)]
    return statistics.median(gaps[5:])


class Clock:
    """Seconds of work and of the rest, each moment counted to the innermost that it is in."""

    def __init__(self) -> None:
        self.seconds = {"work": 0.0, "rest": 0.0}
        self._stack = ["rest"]
        self._since = time.perf_counter()

    @contextmanager
    def inside(self, what: str) -> Iterator[None]:
        self._turn()
        self._stack.append(what)
        try:
            yield
        finally:
            self._turn()
            self._stack.pop()

    def _turn(self) -> None:
        now = time.perf_counter()
        self.seconds[self._stack[-1]] += now - self._since
        self._since = now


_CLOCKS: list[Clock] = []


def _counted(holder: Any, name: str, what: str) -> None:
    """Have what runs in this function counted as work or as the rest."""
    function = getattr(holder, name)

    def wrapped(*arguments: Any, **more: Any) -> Any:
        with _CLOCKS[-1].inside(what):
            return function(*arguments, **more)

    setattr(holder, name, wrapped)


def timed(function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[float, float]:
    """Seconds of work and of the rest of this task; runs in a slot's process."""
    from supreme import recipes
    from supreme.core import registry
    from supreme.pipeline import predictions, process_state, rows
    from supreme.store.store import Store

    first = not _CLOCKS
    _CLOCKS.append(Clock())
    if first:
        _counted(rows, "measure", "work")
        _counted(predictions, "predict", "work")
        _counted(recipes.Recipe, "__call__", "work")
        for name in ("load", "_publish"):
            _counted(Store, name, "rest")
        build = registry.build

        def built(node: Any, what: str) -> Any:
            component = build(node, what)
            if what.startswith("method ") and type(component).__call__.__name__ != "wrapped":
                _counted(type(component), "__call__", "work")
                process_state.renew()
            return component

        registry.build = built
        process_state.renew()
    function(*arguments)
    with _CLOCKS[-1].inside("rest"):
        pass
    seconds = _CLOCKS[-1].seconds
    return seconds["work"], seconds["rest"]


def guarded(count: int) -> float:
    """Seconds that a cell's process is looked at: around its method, and when the task has ended; a median."""
    from supreme.pipeline import process_state, rows  # noqa: F401

    seconds = []
    for _ in range(count):
        began = time.perf_counter()
        with process_state.watching("nothing", object()):
            pass
        process_state.after_task()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def sweep(cells: int, cores: int) -> dict[str, Any]:
    """What a real sweep of this many cells tells of itself."""
    seeds = max(1, cells // len(METHODS))
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tests.benchmarks.engine", "--sweep", str(cores), f"{folder}/found.json"]
        command += ["-m", f"method={','.join(METHODS)}", f"seed=range({seeds})", f"output_dir={folder}/outputs"]
        command += ["model.widths=[8,16]", "recipe.epochs=10"]
        environment = {**os.environ, "SUPREME_LOCK_DIR": f"{folder}/locks"}
        subprocess.run(command, check=True, capture_output=True, env=environment)
        return json.loads(Path(folder, "found.json").read_text())


def sweep_here(cores: int, found: Path) -> None:
    """The command line, with each task timed."""
    from supreme.cli import main
    from supreme.sweep import hydra_sweep
    from supreme.sweep.devices import slots as devices
    from supreme.sweep.schedule.tasks import Event, Outcome, Started

    devices._own_cores = lambda: list(range(cores))
    run, at = hydra_sweep.run, Path(found)

    def recorded(tasks: Any, executor: Any, *, on_event: Callable[[Event], None], **more: Any) -> list[Outcome]:
        moments: dict[str, list[float]] = {}

        def note(event: Event) -> None:
            if isinstance(event, Started | Outcome):
                moments.setdefault(event.task.key, []).append(time.monotonic())
            on_event(event)

        wrapped = [replace(task, function=timed, arguments=(task.function, task.arguments)) for task in tasks]
        outcomes = run(wrapped, executor, on_event=note, **more)
        spans = [(times[-2], times[-1]) for times in moments.values()]
        cells = [outcome for outcome in outcomes if outcome.task.kind == "cell" and outcome.status == "done"]
        told = {
            "slots": len(executor._slots),
            "cells": len(cells),
            "utilisation": utilisation(spans, len(executor._slots)),
            "work": statistics.median(outcome.value[0] for outcome in cells),
            "rest": statistics.median(outcome.value[1] for outcome in cells),
        }
        at.write_text(json.dumps(told))
        return outcomes

    hydra_sweep.run = recorded
    main()


def main() -> None:
    cells = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    rng = random.Random(0)
    sleeping = utilisation(_run([rng.uniform(0.1, 0.5) for _ in range(cells)], 4), 4)
    empty = round_trip(cells)
    look = guarded(cells)
    real = sweep(cells, 2)
    lines = [
        "# The engine's own cost",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, CPU ({platform.machine()}), {len(os.sched_getaffinity(0))} cores; "
        "`python -m tests.benchmarks.engine`",
        "",
        f"* {cells} tasks that sleep 0.1 to 0.5 s, 4 slots: **{sleeping:.3f}** of the slots' time was used",
        f"* {cells} empty tasks, one warm slot: **{1000 * empty:.1f} ms** from the end of one to the start of the next",
        f"* {real['cells']} real cells ({', '.join(METHODS)}), {real['slots']} slots of one thread: "
        f"**{real['utilisation']:.3f}** of the slots' time was used",
        f"* of each cell's rest **{1000 * look:.1f} ms** are to see that its method left nothing in the process",
        f"* a real cell, median: {1000 * real['work']:.0f} ms of work and **{1000 * real['rest']:.0f} ms** of the rest",
    ]
    if len(sys.argv) < 2:
        RESULTS.write_text("\n".join(lines) + "\n")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    from tests.benchmarks import engine as named  # processes import what they run by its name

    if sys.argv[1:2] == ["--sweep"]:
        cores, found = sys.argv[2:4]
        del sys.argv[1:4]
        named.sweep_here(int(cores), Path(found))
    else:
        named.main()
