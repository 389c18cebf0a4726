"""A worker of a Ray cluster, from inside and from outside."""

from __future__ import annotations

import faulthandler
import os
import re
import signal
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supreme.sweep.executors.local.worker import execute
from supreme.sweep.schedule.executor import Attempt, Reply


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a worker finds where it was placed."""

    node: str
    """Ray's id of the node."""
    host: str
    visible: str
    """CUDA_VISIBLE_DEVICES."""
    shares_store: bool


class Worker:
    """The inside of an actor."""

    def __init__(self, folder: str) -> None:
        """Work in this folder, where there is one: paths may be relative to it."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal may send it to all; the parent decides
        faulthandler.enable()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # a breakpoint ends the task; it never waits for a terminal
        with suppress(OSError):
            os.chdir(folder)

    def look(self, token: Path, seconds: float) -> Seen:
        """Where this is; the token may take some seconds to be seen."""
        import ray

        end = time.monotonic() + seconds
        while not (found := is_there(token)) and time.monotonic() < end:
            time.sleep(0.5)
        return Seen(
            node=ray.get_runtime_context().get_node_id(),
            host=socket.gethostname(),
            visible=os.environ.get("CUDA_VISIBLE_DEVICES", ""),
            shares_store=found,
        )

    def execute(self, payload: bytes, log: Path, header: str, seconds: float | None, may_leave: bool) -> Reply:
        """See `worker.execute`; nodes share no clock, so it is told for how long it may run."""
        return execute(payload, log, header, None if seconds is None else time.monotonic() + seconds, may_leave)


def is_there(file: Path) -> bool:
    """Whether the file exists; reads its folder, of which network file systems remember less than of names."""
    try:
        return file.name in os.listdir(file.parent)
    except OSError:
        return False


@dataclass(eq=False)
class RayPlace:
    """A worker, as this process sees it."""

    actor: Any
    reply: Any
    """The reference of what it was told to do last; None: it is idle."""
    asked: float
    """When it was asked for, by the monotonic clock."""
    name: str = ""
    """As people see it: host/cuda:0; empty until Ray has placed it."""
    node: str = ""
    warm: bool = False
    """Whether it has had a task."""
    affinity: tuple[str, ...] = ()
    """What it has at hand: that of the task that ran last."""
    attempt: Attempt | None = None
    log_bytes: int = 0
    """Length of the task's log before the attempt."""
    was_warm: bool = False
    """Whether it had had a task before the attempt."""
    doubtful: bool = False
    """Whether it cannot be reached, and Ray does not know yet what became of it."""

    @property
    def idle(self) -> bool:
        return bool(self.name) and self.attempt is None

    @property
    def died_idle(self) -> bool:
        """Whether, now that it is dead, it came to nothing of its task: one begins with a line in its log."""
        return self.was_warm and self.attempt is not None and self.attempt.task.log_bytes() == self.log_bytes


def death(text: str) -> str:
    """What ended a worker's process, from Ray's account of it."""
    if "running low on memory" in text:
        return "its process died: Ray ended it, for its node ran low on memory"
    if code := re.search(r"exit code (\d+)", text):
        return f"its process died: exit code {code[1]}"
    return "its process died: by a signal, perhaps for want of memory, or by os._exit"


def one_line(error: BaseException) -> str:
    """The last line that says something."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
