"""What runs in this process and below it: threads, and processes in whatever session."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from supreme.pipeline.process_state.origin import is_installed, is_ours
from supreme.pipeline.process_state.settings import Change

HOLDS_NO_ARITHMETIC = True  # so that no result depends on it: see supreme.store.fingerprint

GRACE_SECONDS = 1.0
"""For threads and processes that have been told to end and are about to."""
TRACKERS = ("multiprocessing.resource_tracker", "loky.backend.resource_tracker", "multiprocessing.forkserver")
"""Modules of whose helper process there is one for the life of a process."""


def threads() -> set[threading.Thread]:
    return set(threading.enumerate())


def children() -> set[int]:
    """The ids of this process's children, the orphans that it has adopted among them; zombies too."""
    try:
        found: set[int] = set()
        for task in {os.getpid(), threading.get_native_id()}:
            found |= {int(pid) for pid in Path(f"/proc/self/task/{task}/children").read_bytes().split()}
        return found
    except OSError:
        import psutil

        return {process.pid for process in psutil.Process().children()}


def left(threads_before: set[threading.Thread], children_before: set[int]) -> Iterator[Change]:
    """The threads and processes that were not there before, and do not end by themselves."""
    if threads() <= threads_before and children() <= children_before:
        return
    end, collected = time.monotonic() + GRACE_SECONDS, False
    while (found := [*_new_threads(threads_before), *_new_processes(children_before)]) and time.monotonic() < end:
        if not collected:
            gc.collect()  # ends the workers of a data loader that nobody refers to any more
            collected = True
        time.sleep(0.01)
    yield from found


def kill_descendants(spared: Iterable[int] = ()) -> None:
    """End every process below this one, whatever its session, but for these."""
    for pid in children() - set(spared):
        _kill_tree(pid)


def _new_threads(before: set[threading.Thread]) -> Iterator[Change]:
    for thread in threads() - before:
        if not _is_of_library(thread):
            yield Change(f"a thread running ({thread.name.rstrip('0123456789-_')})")


def _is_of_library(thread: threading.Thread) -> bool:
    """Whether it is a library's own helper, such as the monitor of a progress bar; an idle pool is its user's."""
    of = getattr(getattr(thread, "_target", None), "__module__", None) or type(thread).__module__
    standard = of.split(".")[0] in sys.stdlib_module_names
    module = sys.modules.get(of)
    return not standard and module is not None and (is_ours(of) or is_installed(module))


def _new_processes(before: set[int]) -> Iterator[Change]:
    for pid in sorted(children() - before):
        command = _command(pid)
        if command and pid not in _trackers() and "_inductor" not in command:  # the compiler keeps workers of its own
            yield Change(f"a process running ({command[:60]})", partial(_kill_tree, pid))


def _trackers() -> set[int | None]:
    found: set[int | None] = set()
    for name in TRACKERS:
        module = sys.modules.get(name)
        for holder in (getattr(module, "_resource_tracker", None), getattr(module, "_forkserver", None)):
            found |= {getattr(holder, "_pid", None), getattr(holder, "_forkserver_pid", None)}
    return found


def _command(pid: int) -> str:
    """What it runs; empty when it has ended."""
    import psutil

    with suppress(psutil.Error):
        process = psutil.Process(pid)
        if process.status() != psutil.STATUS_ZOMBIE:
            return " ".join(process.cmdline()) or process.name()
    return ""


def _kill_tree(pid: int) -> None:
    import psutil

    with suppress(psutil.Error):
        process = psutil.Process(pid)
        for one in [process, *process.children(recursive=True)]:
            with suppress(psutil.Error):
                one.send_signal(signal.SIGKILL)
