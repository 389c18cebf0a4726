"""The sweep's engine: run tasks that need each other on device slots, and survive whatever they do."""

from __future__ import annotations

import pickle
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from supreme.core import SupremeError
from supreme.sweep.executors.local.devices import Slot
from supreme.sweep.executors.local.gpu_memory import ANY_DEVICE, Rules
from supreme.sweep.executors.local.pool import LOOK_AGAIN_SECONDS, Crew
from supreme.sweep.executors.local.process import Attempt, Place, lock_directory
from supreme.sweep.executors.local.worker import Reply
from supreme.sweep.schedule.graph import Graph
from supreme.sweep.schedule.interrupts import signals
from supreme.sweep.schedule.parking import Aside
from supreme.sweep.schedule.tasks import Event, Outcome, Retired, Retrying, SetAside, Started, Task, Waiting, check

ATTEMPTS = 2
MOVES = 5
"""A task whose devices were at fault this often is at fault itself."""
LEAVES = 20
"""A task that has left its slot this often, since another worker was faster each time, waits inside from then on."""
TOUCHES = 5
"""A task whose process had to be replaced this often has failed: what a method made is found the second time."""
STARTING_SECONDS = 30.0
"""How much longer the first task of a new process may take."""


def run(
    tasks: Sequence[Task],
    slots: Sequence[Slot],
    *,
    timeout: float | None,
    on_event: Callable[[Event], None] = lambda event: None,
    locks: Path | None = None,
    rules: Rules = ANY_DEVICE,
    crew: Crew | None = None,
) -> list[Outcome]:
    """Run every task as soon as what it needs is done and a slot is free; the longest chains first.

    A task that raises fails, and so does one that takes too long. One whose process died, or that ran out of memory,
    gets a second attempt in a fresh process. One whose device was lost, or was filled by others, starts again elsewhere
    and that is no attempt. One that would wait for another worker makes way for others. Whatever happens, they go on.

    Args:
        timeout: seconds that one attempt may take, in a process that is warm; None: for ever.
        on_event: called in this thread as things happen.
        locks: the folder in which sweeps agree on slots; None: this machine's.
        rules: when a device may be used.
        crew: the places of these slots, which may be held and warm already; None: made here. It is closed at the end.

    Returns:
        One outcome for each task, in their order.

    Raises:
        SupremeError: the tasks or the slots make no sense, or no device is free and the rules say not to wait.
        KeyboardInterrupt: SIGINT, SIGTERM or SIGHUP came (its argument names it); every process has been ended.
    """
    check(tasks, [slot.name for slot in slots], timeout)
    crew = crew or Crew(slots, locks or lock_directory(), rules)
    sweep = _Sweep(tasks, crew, timeout, on_event)
    with signals(sweep.interrupt), warnings.catch_warnings():
        # loky replaces a process that has grown by 300 MB; the next task does not notice, and nobody needs to
        warnings.filterwarnings("ignore", "A worker (was restarted|stopped)", UserWarning)
        try:
            sweep.loop()
        finally:
            sweep.close()
    if sweep.interruption:
        raise KeyboardInterrupt(sweep.interruption)
    return [sweep.graph.outcomes[task.key] for task in tasks]


class _Sweep:
    """The state of one run. One thread changes it; others, and signals, only put messages into the inbox."""

    def __init__(
        self,
        tasks: Sequence[Task],
        crew: Crew,
        timeout: float | None,
        on_event: Callable[[Event], None],
    ) -> None:
        self.graph = Graph(tasks)
        self.interruption = ""
        self._timeout = timeout
        self._on_event = on_event
        self._crew = crew
        crew.on_retired = lambda slot, reason: on_event(Retired(slot=slot, reason=reason))
        self._inbox: SimpleQueue[tuple[Place, Future[Reply]] | None] = SimpleQueue()
        self._started = False
        self._aside = Aside()
        self._left = Counter[str]()
        self._moves = Counter[str]()
        self._touched = Counter[str]()
        self._attempts = dict.fromkeys((task.key for task in tasks), 0)

    def interrupt(self, signal_name: str) -> None:
        """May be called from a signal handler."""
        self.interruption = signal_name
        self._inbox.put(None)

    def loop(self) -> None:
        while not self.graph.complete and not self.interruption:
            for task in self._aside.take():
                self.graph.put(task)
            self._assign()
            if self.graph.complete:  # what was left cannot even be started
                return
            running = sum(place.attempt is not None for place in self._crew.places)
            self._crew.give_back(self.graph.left - running)
            try:
                message = self._inbox.get(timeout=self._patience())
            except Empty:
                message = None
            if message is not None:
                self._receive(*message)
            self._stop_late()

    def close(self) -> None:
        """End every process, then let go of every slot."""
        self._crew.close()

    def _assign(self) -> None:
        while self.graph.ready and (place := self._crew.free_place()):
            self._start(self.graph.take(place.warm), place)
        if not self.graph.ready:
            return
        if why := self._crew.hopeless():
            self._give_up(why)
        elif words := self._crew.news():
            self._on_event(Waiting(holders=tuple(words)))

    def _give_up(self, why: str) -> None:
        """Nothing can run any more."""
        if not self._started:
            raise SupremeError(why)
        for task in self._aside.take_all():
            self.graph.put(task)
        while self.graph.ready:
            self._finish(Outcome(task=self.graph.take(), status="failed", error=why))

    def _start(self, task: Task, place: Place) -> None:
        try:
            payload = pickle.dumps((task.function, task.arguments))
        except Exception as error:
            self._finish(Outcome(task=task, status="failed", error=f"it cannot be sent to a process: {error}"))
            return
        self._attempts[task.key] += 1
        self._started = True
        self._send(task, payload, place)
        self._on_event(Started(task=task, slot=place.slot.name))

    def _send(self, task: Task, payload: bytes, place: Place) -> None:
        """Hand a task to the process of a place."""
        header = task.heading(self._attempts[task.key], place.slot.name, place.slot.device)
        started = time.monotonic()
        end = None
        if self._timeout is not None:  # what it takes to start a process and to import torch is no fault of the task
            end = started + self._timeout + (0.0 if place.process.warm else STARTING_SECONDS)
        warm, log_bytes = place.process.warm, task.log_bytes()
        try:
            future = place.process.submit(payload, task.log, header, end, self._left[task.key] < LEAVES)
        except BrokenProcessPool:
            self._send_anew(task, payload, place)
            return
        place.warm = task.affinity
        place.attempt = Attempt(
            task=task, payload=payload, future=future, started=started, end=end, warm=warm, log_bytes=log_bytes
        )
        future.add_done_callback(lambda future: self._inbox.put((place, future)))

    def _send_anew(self, task: Task, payload: bytes, place: Place) -> None:
        """Hand a task to a fresh process, for the one that was to have it had died idle: of no task's fault."""
        place.process.kill()
        self._send(task, payload, place)

    def _patience(self) -> float | None:
        """Seconds until something is to be done though no message comes; None: nothing is."""
        moments = [LOOK_AGAIN_SECONDS] if self.graph.ready and not self._crew.holds_all else []
        ends = [place.attempt.end for place in self._crew.places if place.attempt and place.attempt.end is not None]
        if (look := self._aside.next_look()) is not None:
            ends.append(look)
        moments += [max(0.0, end - time.monotonic()) for end in ends]
        return min(moments, default=None)

    def _receive(self, place: Place, future: Future[Reply]) -> None:
        attempt = place.attempt
        if attempt is None or attempt.future is not future:
            return  # of a process that was ended for being late
        place.attempt = None
        task = attempt.task
        if attempt.missed:  # once at most: the fresh process has done no task
            self._send_anew(task, attempt.payload, place)
            return
        reply = attempt.reply()
        if reply.awaited is not None:
            self._attempts[task.key] -= 1
            self._left[task.key] += 1
            self._on_event(
                SetAside(task=task, slot=place.slot.name, reason=f"another worker makes {reply.awaited.name}")
            )
            self._aside.put(task, reply.awaited)
            return
        if reply.touched and self._touched[task.key] < TOUCHES:
            place.process.kill()
            self._touched[task.key] += 1
            self._attempts[task.key] -= 1
            self._on_event(
                Retrying(task=task, slot=place.slot.name, reason=f"{reply.touched}; the rest is done afresh")
            )
            self.graph.put(task)
            return
        if reply.spent:
            place.process.kill()
            if self._moves[task.key] < MOVES and (why := self._crew.blame(place, reply, self._moves[task.key] > 0)):
                self._move(task, place, why)
                return
        self._crew.learn(place, reply.peak_bytes)
        if reply.error and reply.spent and not reply.settled and self._attempts[task.key] < ATTEMPTS:
            self._on_event(Retrying(task=task, slot=place.slot.name, reason=reply.error))
            self.graph.put(task)
            return
        if not reply.error and not reply.spent:
            place.process.settle()
        error = reply.error or reply.touched
        value, error = (None, error) if error else _read(reply.value)
        self._end(place, attempt, error, value)

    def _move(self, task: Task, place: Place, why: str) -> None:
        """Start the task again elsewhere: its device was at fault."""
        self._attempts[task.key] -= 1
        self._moves[task.key] += 1
        self.graph.put(task)
        self._on_event(Retrying(task=task, slot=place.slot.name, reason=why))
        for other in self._crew.lost_beside(place):
            attempt = other.attempt
            why = self._crew.retire(other, "the driver has lost its device")
            if attempt is not None:
                self._move(attempt.task, other, why)

    def _stop_late(self) -> None:
        for place in self._crew.places:
            attempt = place.attempt
            if attempt is None or attempt.end is None or attempt.future.done():
                continue
            if time.monotonic() < attempt.end:
                continue
            if place.process.replaced and not attempt.extended:
                place.attempt = replace(attempt, end=attempt.end + STARTING_SECONDS, extended=True)
            else:
                place.process.kill()
                place.attempt = None
                error = f"no result after {self._timeout:g} s (timeout)"
                attempt.task.note(error)
                self._end(place, attempt, error, None)

    def _end(self, place: Place, attempt: Attempt, error: str, value: Any) -> None:
        self._finish(
            Outcome(
                task=attempt.task,
                status="failed" if error else "done",
                error=error,
                seconds=time.monotonic() - attempt.started,
                attempts=self._attempts[attempt.task.key],
                slot=place.slot.name,
                value=value,
            )
        )

    def _finish(self, outcome: Outcome) -> None:
        for known in self.graph.finish(outcome):
            self._on_event(known)


def _read(value: bytes) -> tuple[Any, str]:
    """What a task returned, and why it could not be read."""
    try:
        return pickle.loads(value), ""
    except Exception as error:
        return None, f"what it returned cannot be read: {error}"
