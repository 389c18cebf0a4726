"""What the engine is asked to do, and what it tells meanwhile."""

from __future__ import annotations

import graphlib
import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from supreme.core import SupremeError


@dataclass(frozen=True, kw_only=True)
class Task:
    """A call, and the calls that must be done before it."""

    key: str
    label: str
    """What people call it."""
    function: Callable[..., Any]
    """Importable by name; returns something that can be pickled."""
    arguments: tuple[Any, ...]
    needs: tuple[str, ...]
    """Keys of the tasks that must be done before."""
    log: Path
    """Where everything it says goes, after what is there."""
    kind: str
    """The stage it belongs to; tasks of one kind are expected to take about the same time."""
    after: tuple[str, ...] = ()
    """Keys of the tasks that must have ended before, well or not."""

    affinity: tuple[str, ...] = ()
    """What a process has at hand after it, the dearest first: of tasks as urgent, those that share it follow there."""

    def heading(self, attempt: int, slot: str, device: str) -> str:
        """The line of the log with which an attempt begins."""
        now = time.strftime("%Y-%m-%d %H:%M:%S")
        return f"{now} {self.label}: attempt {attempt} on {slot} ({device}), key {self.key}"

    def log_bytes(self) -> int:
        """How long its log is; opened, for a network file system may answer from its memory before."""
        with suppress(OSError), self.log.open("rb") as log:
            return log.seek(0, os.SEEK_END)
        return 0

    def note(self, line: str) -> None:
        """Add to the log what the task's process cannot say itself any more, unless the disk is full."""
        with suppress(OSError):
            self.log.parent.mkdir(parents=True, exist_ok=True)
            with self.log.open("a") as log:
                log.write(line + "\n")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a task ended."""

    task: Task
    status: Literal["done", "failed", "blocked"]
    """Blocked: something that it waits for failed, so it never ran."""
    error: str = ""
    """One line; empty when done."""
    seconds: float = 0.0
    """How long its last attempt had the slot; the start of a process is in it."""
    attempts: int = 0
    slot: str = ""
    value: Any = None
    """What it returned."""


@dataclass(frozen=True, kw_only=True)
class Started:
    """A task has a slot."""

    task: Task
    slot: str
    """Its name, as people see it."""


@dataclass(frozen=True, kw_only=True)
class Retrying:
    """An attempt died, ran out of memory, or lost its device; the task gets another."""

    task: Task
    slot: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Parked:
    """A task has left its slot to others, because another worker is making what it needs; it will start again."""

    task: Task
    slot: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """No slot is ours: other sweeps, or other processes with their memory, hold them all."""

    holders: tuple[str, ...]
    ends_after: float | None = None
    """Seconds after which the cores are shared with the holders; None: it waits until a slot is free."""
    shares: bool = False
    """Whether the wait has ended so."""

    def __str__(self) -> str:
        who = "; ".join(self.holders)
        if self.shares:
            return f"sharing the CPU cores with {who}: every sweep is slower, and our times are marked as shared"
        limit = "" if self.ends_after is None else f" ({self.ends_after:g} s, then the cores are shared)"
        return f"waiting for {who}{limit}"


@dataclass(frozen=True, kw_only=True)
class Retired:
    """A slot whose device can no longer be used."""

    slot: str
    reason: str


Event = Started | Retrying | Parked | Waiting | Retired | Outcome


def check(tasks: Sequence[Task], timeout: float | None) -> None:
    """Refuse what could never be run to its end."""
    if timeout is not None and not timeout > 0:
        raise SupremeError(f"timeout={timeout} is not allowed: give seconds above 0, or null for no limit")
    if twice := [key for key, count in Counter(task.key for task in tasks).items() if count > 1]:
        raise SupremeError(f"two tasks have the same name {twice[0]}")
    keys = {task.key for task in tasks}
    for task in tasks:
        if unknown := [key for key in (*task.needs, *task.after) if key not in keys]:
            raise SupremeError(f"the task {task.label} needs {unknown[0]}, which is not among the tasks")


def chain_lengths(tasks: Sequence[Task]) -> dict[str, int]:
    """For each task, how many follow on the longest chain of tasks that wait for it."""
    needs = {task.key: (*task.needs, *task.after) for task in tasks}
    try:
        order = list(graphlib.TopologicalSorter(needs).static_order())
    except graphlib.CycleError as error:
        raise SupremeError(f"tasks need each other in a circle: {' -> '.join(error.args[1])}") from error
    chains = dict.fromkeys(order, 0)
    for key in reversed(order):
        for need in needs[key]:
            chains[need] = max(chains[need], chains[key] + 1)
    return chains
