"""Tasks on the devices of this machine: one warm process in each slot, pinned to its device."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from queue import Empty, SimpleQueue

from supreme.core import SupremeError
from supreme.sweep.devices.memory import ANY_DEVICE, Rules
from supreme.sweep.devices.slots import Slot
from supreme.sweep.executors.local.lock_directory import lock_directory
from supreme.sweep.executors.local.place import Place
from supreme.sweep.executors.local.pool import LOOK_AGAIN_SECONDS, WorkerPool
from supreme.sweep.executors.local.process import death
from supreme.sweep.executors.local.worker import importing
from supreme.sweep.schedule.executor import (
    MOVES,
    STARTING_SECONDS,
    Attempt,
    Close,
    Ended,
    Judged,
    NoDeviceLeftError,
    Reply,
    Report,
)
from supreme.sweep.schedule.tasks import Event, Outcome, Retired, Task


@dataclass(kw_only=True)
class _Sent:
    """What was handed to the process of a place."""

    place: Place
    payload: bytes
    future: Future[Reply]
    warm: bool
    """Whether the process had done a task before."""
    log_bytes: int
    """Length of the task's log before."""
    extended: bool = False
    """Whether its end was put off because the process turned out to be a new one."""


class LocalExecutor:
    """See `supreme.sweep.schedule.executor.Executor`."""

    attempts = 2
    again = True
    takes_all = False

    def __init__(self, slots: Sequence[Slot], *, rules: Rules = ANY_DEVICE, locks: Path | None = None) -> None:
        """Args:
        rules: when a device may be used.
        locks: the folder in which sweeps agree on slots; None: this machine's.

        Raises:
            SupremeError: there is no slot, or two have one name.
        """
        if not slots:
            raise SupremeError("there is no device slot to run on")
        if twice := [name for name, count in Counter(slot.name for slot in slots).items() if count > 1]:
            raise SupremeError(f"two slots have the same name {twice[0]}")
        self._slots, self._rules, self._locks = slots, rules, locks
        self._inbox: SimpleQueue[tuple[Place, Future[Reply]] | None] = SimpleQueue()
        self._told: list[Report] = []
        self._looks = False
        """Whether to ask again soon if a place has become free."""
        self._inside = ExitStack()

    @cached_property
    def _pool(self) -> WorkerPool:
        pool = WorkerPool(self._slots, self._locks or lock_directory(), self._rules)
        pool.on_retired = lambda slot, reason: self._told.append(Retired(slot=slot, reason=reason))
        return pool

    def warm_up(self, count: int) -> None:
        self._pool.warm_up(import_what_stages_need, count)

    def open(self, tasks: Mapping[str, Task]) -> Iterator[Attempt | Judged]:
        self._inside.enter_context(warnings.catch_warnings())
        # loky replaces a process that has grown by 300 MB; the next task does not notice, and nobody needs to
        warnings.filterwarnings("ignore", "A worker (was restarted|stopped)", UserWarning)
        yield from ()

    def demand(self, ready: int, left: int) -> Iterable[Event]:
        if ready and (why := self._pool.hopeless()):
            raise NoDeviceLeftError(why)
        yield from self._pool.news(waits=bool(ready))
        self._pool.look_after_locks()
        self._looks = bool(ready) and not self._pool.holds_all
        self._pool.give_back(left - sum(place.attempt is not None for place in self._pool.places))

    def vacancy(self) -> Place | None:
        return self._pool.free_place()

    def start(self, attempt: Attempt, place: Place, payload: bytes) -> None:
        slot, task, warm = place.slot, attempt.task, place.process.warm
        attempt.begin(slot.name, warm=warm)
        header, log_bytes = task.heading(attempt.number, slot.name, slot.device), task.log_bytes()
        try:
            future = place.process.submit(payload, task.log, header, attempt.end, attempt.may_leave)
        except BrokenProcessPool:  # it had died idle, of no task's fault
            place.process.kill()
            self.start(attempt, place, payload)
            return
        place.affinity, place.attempt = task.affinity, attempt
        attempt.handle = _Sent(place=place, payload=payload, future=future, warm=warm, log_bytes=log_bytes)
        future.add_done_callback(lambda future: self._inbox.put((place, future)))

    def poll(self, seconds: float | None) -> Iterable[Report]:
        if self._looks:
            seconds = LOOK_AGAIN_SECONDS if seconds is None else min(seconds, LOOK_AGAIN_SECONDS)
        try:
            message = self._inbox.get(timeout=0.0 if self._told else seconds)
            while True:
                if message is not None:
                    yield from self._ended(*message)
                message = self._inbox.get_nowait()
        except Empty:
            yield from self._heard()
        self._extend()

    def wake(self) -> None:
        self._inbox.put(None)

    def kill(self, attempt: Attempt) -> bool:
        sent: _Sent = attempt.handle
        if sent.future.done():
            return False
        sent.place.process.kill()
        sent.place.attempt = None
        return True

    def record(self, outcome: Outcome) -> None:
        pass

    def close(self, how: Close) -> None:
        if "_pool" in self.__dict__:
            self._pool.close()
        self._inside.close()

    def _heard(self) -> list[Report]:
        told, self._told = self._told, []
        return told

    def _ended(self, place: Place, future: Future[Reply]) -> Iterator[Report]:
        attempt = place.attempt
        if attempt is None or attempt.handle.future is not future:
            return  # of a process that was ended for being late
        place.attempt = None
        sent: _Sent = attempt.handle
        if _died_idle(attempt):  # once at most: the fresh process has done no task
            place.process.kill()
            self.start(attempt, place, sent.payload)
            return
        reply, fault = _reply(attempt), ""
        if reply.spent:
            place.process.kill()
            if not reply.touched and attempt.moves < MOVES:
                fault = self._pool.blame(place, reply, confirmed_only=attempt.moves > 0)
        if not (fault or reply.touched or reply.awaited):
            self._pool.learn(place, reply.peak_bytes)
            if not (reply.error or reply.spent):
                place.process.settle()
        yield from self._heard()
        yield Ended(attempt=attempt, reply=reply, fault=fault)
        for other in self._pool.lost_beside(place) if fault else []:
            stranded, why = other.attempt, self._pool.retire(other, "the driver has lost its device")
            yield from self._heard()
            if stranded is not None:
                yield Ended(attempt=stranded, reply=Reply(error=why, spent=True), fault=why)

    def _extend(self) -> None:
        """Put off the end of attempts whose process turned out to be a new one, in the place of one that had grown."""
        for place in self._pool.places:
            if place.attempt is not None and place.attempt.end is not None and place.process.replaced:
                sent: _Sent = place.attempt.handle
                if not sent.extended:
                    sent.extended = True
                    place.attempt.end += STARTING_SECONDS


def _died_idle(attempt: Attempt) -> bool:
    """Whether its process died before it began, after others had gone well: a task begins with a line in its log."""
    sent: _Sent = attempt.handle
    died = isinstance(sent.future.exception(), BrokenProcessPool)
    return died and sent.warm and attempt.task.log_bytes() == sent.log_bytes


def _reply(attempt: Attempt) -> Reply:
    sent: _Sent = attempt.handle
    if exception := sent.future.exception():
        reply = Reply(error=death(exception), spent=True)
        attempt.task.note(reply.error)
        return reply
    return sent.future.result()


def import_what_stages_need() -> None:
    """What a new process may do while the sweep is still planned: it takes two seconds."""
    with importing():
        from supreme.pipeline import rows  # noqa: F401
