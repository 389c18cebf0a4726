"""Faults for real sweeps: what strikes, where, and at which visit stands in a file outside of everything of ours.

FAULTS names a JSON file {"<place> <task>": [fault, ...]}: at the n-th visit of that task to that place the n-th fault
strikes ("one+another": both), and none after the last. So nothing that identifies a cell changes, and the same command
succeeds later. Tasks are called `original 0`, `reference 0` (by seed) and `cell 0 3` (seed and unlearning draw).
`faulty/sitecustomize.py` arms every process of a sweep.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.abc
import importlib.machinery
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PLACES = ("begin", "train", "unlearn", "write", "rename", "renamed", "row", "end")
"""A task begins; it trains (after an epoch) or unlearns; it has half written an artefact, is about to publish it, has
published it (all with its claim held); it is about to put its row in place; it is done."""

_task = ""
_hoard: list[bytes] = []


class UnreadableError(Exception):
    """Cannot be unpickled: it wants two arguments."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


def visit(place: str) -> None:
    """Let what the schedule has for this visit strike."""
    schedule = Path(os.environ["FAULTS"])
    name = f"{place} {_task}"
    faults = json.loads(schedule.read_text()).get(name, []) if _task else []
    if not faults:
        return
    with schedule.with_name(f"visits of {name}").open("a") as file:
        file.write("x")
        file.flush()
        number = file.tell()
    if number <= len(faults) and faults[number - 1]:
        print(f"fault at {name}: {faults[number - 1]}", flush=True)
        for fault in faults[number - 1].split("+"):
            globals()[fault]()


# What strikes.


def raises() -> None:
    raise RuntimeError("a fault")


def raises_unpicklable() -> None:
    raise UnreadableError(1, 2)


def exits() -> None:
    sys.exit(0)


def is_killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def is_killed_with_children() -> None:
    """As the OOM killer does it to a process whose loader has processes of its own."""
    _start_children()
    is_killed()


def segfaults() -> None:
    ctypes.string_at(0)


def runs_out_of_memory() -> None:
    """Really: the system refuses what numpy asks for."""
    import resource

    import numpy as np

    has = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (has + (64 << 20), resource.RLIM_INFINITY))
    np.ones(512 << 20, np.uint8)


def is_oom_killed() -> None:
    """Really, by the kernel, where this process may make itself a control group; else as the kernel does it."""
    group = Path(f"/sys/fs/cgroup/memory/supreme-test-{os.getpid()}")
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(16 << 20))
        (group / "cgroup.procs").write_text(str(os.getpid()))
        _hoard.append(os.urandom(256 << 20))
    except OSError:
        pass
    is_killed()


def runs_out_of_cuda_memory() -> None:
    import torch

    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


def hangs() -> None:
    time.sleep(600)


def hangs_deaf() -> None:
    """In C, every signal blocked, with processes of its own."""
    _start_children()
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    ctypes.PyDLL(None).sleep(600)  # a PyDLL keeps the interpreter's lock


def grows() -> None:
    """By more than loky lets a process grow."""
    _hoard.append(os.urandom(400 << 20))
    time.sleep(1.5)  # loky looks at most once a second


def clock_goes_ahead() -> None:
    """A year, for the rest of this process's life."""
    _move_clock(365)


def clock_goes_back() -> None:
    _move_clock(-365)


def _move_clock(days: int) -> None:
    real = time.time
    time.time = lambda: real() + days * 86400.0


def fills_the_disk() -> None:
    with open(Path(os.environ["DISK"], "filler"), "ab", buffering=0) as file:
        for size in (1 << 16, 1 << 8, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue


def _stop_sweep(number: signal.Signals) -> None:
    os.kill(os.getppid(), number)
    time.sleep(600)


def sweep_gets_term() -> None:
    _stop_sweep(signal.SIGTERM)


def sweep_gets_hup() -> None:
    _stop_sweep(signal.SIGHUP)


def sweep_is_killed() -> None:
    _start_children()
    _stop_sweep(signal.SIGKILL)


def _start_children() -> None:
    """One as a DataLoader starts them, one as anything does."""
    import multiprocessing

    multiprocessing.Process(target=time.sleep, args=(600,)).start()
    subprocess.Popen(["sleep", "600"])


# Where.


def arm() -> None:
    """Put the places into the modules of ours that are imported from now on."""
    if "FAULTS" not in os.environ:
        return
    sys.meta_path.insert(0, _Finder())
    replace = os.replace

    def replacing(source: Any, target: Any, **more: Any) -> None:
        if Path(target).parent.name == "rows":
            visit("row")
        replace(source, target, **more)

    os.replace = replacing


def _in_jobs(module: Any) -> None:
    run_stage = module.run_stage

    @functools.wraps(run_stage)
    def running(kind: str, cell: Any, *where: Any) -> Any:
        global _task
        _task = f"{kind} {cell.seed}" + (f" {cell.seeds['unlearn']}" if kind == "cell" else "")
        visit("begin")
        found = run_stage(kind, cell, *where)
        visit("end")
        return found

    module.run_stage = running


def _in_stages(module: Any) -> None:
    train, method_context = module.Prepared.train, module.method_context

    def training(*arguments: Any, after_epoch: Callable[[Any], None] | None = None, **more: Any) -> Any:
        if after_epoch is None:  # a replay, which is part of unlearning
            return train(*arguments, **more)

        def after(epoch: Any) -> None:
            after_epoch(epoch)
            visit("train")

        return train(*arguments, after_epoch=after, **more)

    def unlearning(*arguments: Any) -> Any:
        visit("unlearn")
        return method_context(*arguments)

    module.Prepared.train, module.method_context = training, unlearning


def _in_artefact(module: Any) -> None:
    write_file = module._write_file

    def writing(path: Path, put: Any) -> Any:
        if path.name == module.MANIFEST:
            visit("write")
        return write_file(path, put)

    module._write_file = writing


def _in_store(module: Any) -> None:
    rename_new = module._rename_new

    def renaming(source: Path, target: Path) -> bool:
        visit("rename")
        done = rename_new(source, target)
        visit("renamed")
        return done

    module._rename_new = renaming
    if silence := os.environ.get("SILENCE_SECONDS"):
        module.Store.__init__.__kwdefaults__["silence_seconds"] = float(silence)


_PLACES_IN = {
    "supreme.sweep.jobs": _in_jobs,
    "supreme.pipeline.stages": _in_stages,
    "supreme.store.artefact": _in_artefact,
    "supreme.store.store": _in_store,
}


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        if name not in _PLACES_IN or (spec := importlib.machinery.PathFinder.find_spec(name, path)) is None:
            return None
        loader: Any = spec.loader
        execute = loader.exec_module

        def exec_module(module: Any) -> None:
            execute(module)
            _PLACES_IN[name](module)

        loader.exec_module = exec_module
        return spec
