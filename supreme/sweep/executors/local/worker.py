"""What runs inside the process of a slot: one task after the other, each writing to its own log.

Nothing of a task but bytes and text crosses back, so no result and no exception can break the process or its parent.
"""

from __future__ import annotations

import ctypes
import faulthandler
import gc
import io
import logging
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path

from supreme.core import SupremeError
from supreme.core.text import one_line
from supreme.pipeline.process_state import Touched, after_task, left_behind, listed
from supreme.pipeline.process_state.running import kill_descendants
from supreme.store.backoff import Busy, leaving
from supreme.store.files import explaining
from supreme.sweep.schedule.executor import Awaited, Reply

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
MARK = "SUPREME_WORKERS"
"""The variable in which every process below a slot's has the slot's own word, whatever its session or its parent."""
FULL = ("OutOfMemoryError", "out of memory", "can't allocate memory", "STATUS_ALLOC_FAILED")
"""In an exception of torch: there was not the memory."""
LOST = (
    *("torch finds no CUDA device", "no CUDA-capable device", "CUDA-capable device(s) is/are busy or unavailable"),
    *("device lost", "GPU is lost", "uncorrectable ECC error", "CUDA driver initialization failed"),
)
"""In an exception: the device cannot be used, by whatever task."""
EXHAUSTED = (*FULL, *LOST, "CUDA error", "cuDNN error")
"""In an exception of torch: the process, not the task, may be at fault, and its CUDA context may be poisoned."""
TOLD_CHARACTERS = 20_000
"""Of an exception, in which the marks are looked for."""
FAILED = "failed: "
"""How the line of a log begins that says why an attempt failed, however much was said before."""

WORTH_SECONDS = 3.0
"""A task that must wait for another worker leaves its slot, unless it would lose more than this much work."""


def initialise(parent: int) -> None:
    """Make this process one that never outlives its parent, ignores Ctrl-C and lets a task start processes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to all; the parent decides
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        multiprocessing.set_start_method("fork", force=True)  # a DataLoader cannot use the one that loky leaves
    else:
        threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()
    if os.getppid() != parent:  # it died before we asked to be told
        os._exit(1)
    _guard()
    faulthandler.enable()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # what a task printed survives its crash
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # a breakpoint ends the task; it never waits for a terminal


_guards: list[int] = []


def _guard() -> None:
    """Start the process that ends all that tasks start here as soon as this one has ended, though it be killed."""
    os.setpgid(0, 0)  # the group that they will be in, this one too
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)  # a daemon stays below this process
    worker, parent = os.getpid(), os.getppid()
    if guard := os.fork():
        _guards.append(guard)
        return
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in range(3):
            os.dup2(null, descriptor)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))  # else the parent would not see that the worker has ended
        while os.getppid() == worker:
            signal.sigwait({signal.SIGTERM}) if sys.platform == "linux" else time.sleep(0.5)
        _end_marked(parent)
    finally:
        os.killpg(worker, signal.SIGKILL)


def _end_marked(parent: int) -> None:
    """End what has our slot's mark, in whatever session, but for a new worker of the slot and what that has started."""
    mark = f"{MARK}={os.environ.get(MARK, '')}".encode()
    parents, marked = {}, []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError):
            pid = int(folder.name)
            parents[pid] = int((folder / "stat").read_bytes().rpartition(b")")[2].split()[1])
            if pid != os.getpid() and mark in (folder / "environ").read_bytes().split(b"\0"):
                marked.append(pid)

    def is_of_parent(pid: int) -> bool:
        while pid in parents:
            if parents[pid] == parent:
                return True
            pid = parents[pid]
        return False

    for pid in marked:
        if not is_of_parent(pid):
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)


def _leave_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def execute(payload: bytes, log: Path, header: str, end: float | None, may_leave: bool = False) -> Reply:
    """Run a pickled `(function, arguments)`; everything it says goes to the end of the log.

    Args:
        payload: the pickled pair.
        log: made, with its folders, when missing.
        header: one line for the log.
        end: when it will be stopped, by the monotonic clock, which all processes share; a second before, the log gets
            the place where every thread is. None: never.
        may_leave: rather than wait for another worker; see `Reply.awaited`.
    """
    try:
        _redirect(log, header)
        if end is not None:
            faulthandler.dump_traceback_later(max(0.1, end - time.monotonic() - 1.0))
        with leaving(WORTH_SECONDS) if may_leave else nullcontext():
            reply = _result(payload)
    except Busy as busy:
        with suppress(OSError):
            sys.stderr.write(f"parked: {busy}\n")
        reply = Reply(awaited=Awaited(claims=busy.claims, name=busy.name))
    except Touched as touched:
        with suppress(OSError):
            sys.stderr.write(f"{touched}: the rest is done in a fresh process\n")
        reply = Reply(touched=str(touched), spent=True)
    except BaseException as error:
        _print_traceback()
        why = sentence(error)
        with suppress(OSError):
            sys.stderr.write(f"{FAILED}{why}\n")
        full, lost, spent = (_tells_of(error, marks) for marks in (FULL, LOST, EXHAUSTED))
        reply = Reply(error=why, spent=spent, full=full, lost=lost)
    finally:
        faulthandler.cancel_dump_traceback_later()
    try:
        reply = replace(_judged(reply), peak_bytes=_peak_bytes())
        _release_memory()
    except Exception:  # a poisoned CUDA context can do nothing any more, not even this
        _print_traceback()
        reply = replace(reply, spent=True)
    with suppress(OSError):
        sys.stdout.flush()
    return reply


def _judged(reply: Reply) -> Reply:
    """The same, of a process that counts as spent where anything was left in it."""
    known, unknown = left_behind(), after_task()
    if not known and not unknown:
        return reply
    with suppress(OSError):
        sys.stderr.write(f"this process is given no other task: {listed(known or unknown)}\n")
    kill_descendants(spared=_guards)
    return replace(reply, spent=True, settled=bool(known) and not reply.spent)


def _redirect(log: Path, header: str) -> None:
    """Send what Python, loggers and libraries in C write from now on to this log."""
    with explaining(log, len(header)):
        log.parent.mkdir(parents=True, exist_ok=True)
        with suppress(OSError):  # of the task before
            sys.stdout.flush()
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        os.close(descriptor)
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # the log is UTF-8, whatever the terminal of the sweep is
                stream.reconfigure(encoding="utf-8", errors="backslashreplace")
        sys.stderr.write(header + "\n")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True)


def _print_traceback() -> None:
    """Into the log, unless the disk is full."""
    with suppress(OSError):
        traceback.print_exc()


def _result(payload: bytes) -> Reply:
    with importing():
        function, arguments = pickle.loads(payload)
    value = function(*arguments)
    try:
        return Reply(value=pickle.dumps(value))
    except Exception as error:
        raise SupremeError(
            f"the task returned a {type(value).__name__} that cannot be pickled; return plain data ({error})"
        ) from error


@contextmanager
def importing() -> Iterator[None]:
    """Import without looking for garbage: what modules define stays, and a sixth of the time would go to it."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def sentence(error: BaseException) -> str:
    """The exception in one line that can be printed anywhere, whatever it is, and however long."""
    if isinstance(error, SystemExit):
        return f"the task called sys.exit({error.code!r})"
    lines = "".join(traceback.format_exception_only(error)).strip().splitlines()
    line = lines[-1] if isinstance(error, SyntaxError) else lines[0]
    return one_line(line.removeprefix(f"{SupremeError.__module__}.SupremeError: "))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The exception and those during which it was raised."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _tells_of(error: BaseException, marks: Sequence[str]) -> bool:
    """Whether one of the marks is in the exception or in those during which it was raised."""
    chain = list(_chain(error))
    texts = ["".join(traceback.format_exception_only(one))[:TOLD_CHARACTERS] for one in chain]
    is_full = marks is not LOST and any(isinstance(one, MemoryError) for one in chain)
    return is_full or any(mark in text for mark in marks for text in texts)


def _peak_bytes() -> int:
    """What torch has taken of a GPU since its cache was last emptied, which it was before this task."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return 0
    return max(torch.cuda.memory_reserved(), torch.cuda.max_memory_reserved())


def _release_memory() -> None:
    """Give back what the task no longer uses, for the other jobs of the device; never start CUDA to do so."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        gc.collect()
        torch.cuda.empty_cache()
