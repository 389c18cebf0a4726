"""What the scheduler asks of the place where tasks run, and what it is told by it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from supreme.store.leases import Leases
from supreme.sweep.schedule.tasks import Event, Outcome, Task

STARTING_SECONDS = 30.0
"""How much longer the first task of a new process may take: it imports torch."""
MOVES = 5
"""A task whose devices or nodes were at fault this often is at fault itself."""


class NoDeviceLeftError(Exception):
    """No task can run any more, or none can run now and the user said not to wait; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Awaited:
    """What another worker is making."""

    claims: Leases
    name: str


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What an attempt left."""

    value: bytes = b""
    """The pickled result of a task that is done."""
    error: str = ""
    """One line; empty when the task is done."""
    spent: bool = False
    """Whether its process must not be given another task."""
    full: bool = False
    """Whether there was not the memory."""
    lost: bool = False
    """Whether the device cannot be used."""
    settled: bool = False
    """Whether it failed by its own doing, although the process is spent: another attempt would not help."""
    touched: str = ""
    """What its method left in the process, which must not go on: the task starts again in another one."""
    peak_bytes: int = 0
    """What the task took of a GPU's memory, tensors and cache; 0 elsewhere."""
    awaited: Awaited | None = None
    """What it left its slot for: it has neither succeeded nor failed."""


@dataclass(eq=False, kw_only=True)
class Attempt:
    """One attempt at a task, from when it was handed over until its end is known."""

    task: Task
    number: int
    """Counted from 1; attempts that ended through no fault of the task do not count."""
    moves: int = 0
    """How often the device or the node was at fault so far."""
    may_leave: bool = False
    """Whether it leaves its slot rather than wait there for another worker; see `Reply.awaited`."""
    timeout: float | None = None
    """Seconds that it may take in a warm process; None: for ever."""
    slot: str = ""
    """Where it runs, as people see it; empty until it has begun."""
    began: float | None = None
    """By the monotonic clock, seconds."""
    end: float | None = None
    """When it will be stopped, by the same clock; None: never, or where it runs sees to that."""
    handle: Any = None
    """The executor's own."""

    def begin(self, slot: str, *, warm: bool) -> None:
        """Note where it begins now; warm: its process has done a task, so that importing torch takes no time."""
        self.slot, self.began = slot, time.monotonic()
        if self.timeout is not None:
            self.end = self.began + self.timeout + (0.0 if warm else STARTING_SECONDS)

    @property
    def seconds(self) -> float:
        """Since it began."""
        return 0.0 if self.began is None else time.monotonic() - self.began


@dataclass(frozen=True, kw_only=True)
class Ended:
    """An attempt is over."""

    attempt: Attempt
    reply: Reply
    fault: str = ""
    """Why its device or node, and not the task, is at fault for that; empty where it is not."""


@dataclass(frozen=True, kw_only=True)
class Unbegun:
    """An attempt came to nothing before it began; it counts as none."""

    attempt: Attempt


@dataclass(frozen=True, kw_only=True)
class Judged:
    """The end of a task that another scheduler has judged: one in a job, or that of an earlier sweep."""

    outcome: Outcome


Report = Ended | Unbegun | Judged | Event

Close = Literal["done", "with failures", "stopped", "broken"]
"""How a sweep ends: every task is done; some are not; it was told to stop; it raised."""


class Place(Protocol):
    """Room for one attempt."""

    @property
    def affinity(self) -> tuple[str, ...]:
        """What is at hand there, the dearest first: the `affinity` of the task that ran last."""
        ...


class Executor(Protocol):
    """Where tasks run. One thread calls it, but for `wake`.

    `supreme.testing.check_executor` holds an executor to what is said here.
    """

    attempts: int
    """At a task whose process dies."""
    again: bool
    """Whether a second `open` finds the places and their warm processes of the first, unless it was closed."""
    takes_all: bool
    """Whether it is given every task at once, and keeps their order itself where this process may die meanwhile."""

    def warm_up(self, count: int) -> None:
        """Get ready for this many tasks while they are still planned, where that can be done in advance."""
        ...

    def open(self, tasks: Mapping[str, Task]) -> Iterator[Attempt | Judged]:
        """Begin, by the keys of all tasks; yields what an earlier sweep still does, or has done since it was planned.

        Raises:
            SupremeError: it cannot be used here; the message says what to type.
        """
        ...

    def demand(self, ready: int, left: int) -> Iterable[Event]:
        """Get and give back places.

        Args:
            ready: how many tasks could start now.
            left: how many tasks have not ended, those that run among them.

        Raises:
            NoDeviceLeftError: there is no place, and there will be none.
        """
        ...

    def vacancy(self) -> Place | None:
        """A place for one more attempt, if there is one now."""
        ...

    def start(self, attempt: Attempt, place: Any, payload: bytes) -> None:
        """Run the pickled (function, arguments) of a task in a place that `vacancy` gave. What it does never raises."""
        ...

    def poll(self, seconds: float | None) -> Iterable[Report]:
        """What has happened; waits for something to happen, for so long at most (None: until `wake`)."""
        ...

    def wake(self) -> None:
        """End a `poll` that waits; may be called from a signal handler."""
        ...

    def kill(self, attempt: Attempt) -> bool:
        """End an attempt that takes too long, and all that it started; False where it has ended already."""
        ...

    def record(self, outcome: Outcome) -> None:
        """Note how a task has ended, whoever found that out; an attempt at a blocked one need not begin."""
        ...

    def close(self, how: Close) -> None:
        """Leave no process behind, and no file that nobody needs; also after `open` has raised.

        A second call does nothing: whoever made the executor closes it, too, since it may never have been run.
        """
        ...
