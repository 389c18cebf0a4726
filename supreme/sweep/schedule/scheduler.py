"""The scheduler: runs tasks that need each other, wherever that is, and survives whatever becomes of them."""

from __future__ import annotations

import pickle
import time
from collections import Counter
from collections.abc import Callable, Sequence

from supreme.core import SupremeError
from supreme.core.text import one_line
from supreme.sweep.schedule.executor import (
    MOVES,
    Attempt,
    Close,
    Ended,
    Executor,
    Judged,
    NoDeviceLeftError,
    Place,
    Reply,
    Report,
    Unbegun,
)
from supreme.sweep.schedule.graph import Graph
from supreme.sweep.schedule.interrupts import signals
from supreme.sweep.schedule.parking import ParkedTasks
from supreme.sweep.schedule.tasks import Event, Outcome, Parked, Retrying, Started, Task, check

LEAVES = 20
"""A task that has left its slot this often, since another worker was faster each time, waits inside from then on."""
TOUCHES = 5
"""A task whose process had to be replaced this often has failed: what a method made is found the second time."""


def run(
    tasks: Sequence[Task],
    executor: Executor,
    *,
    timeout: float | None,
    on_event: Callable[[Event], None] = lambda event: None,
) -> list[Outcome]:
    """Run every task as soon as what it needs is done and there is a place for it; the longest chains first.

    A task that raises fails, and so does one that takes too long. One whose process died, or that ran out of memory,
    gets another attempt in a fresh process. One whose device or node was lost, or was filled by others, starts again
    elsewhere and that is no attempt. One that would wait for another worker makes way for others. Whatever happens, the
    others go on.

    Args:
        executor: where they run; it is closed at the end.
        timeout: seconds that one attempt may take, in a process that is warm; None: for ever.
        on_event: called in this thread as things happen.

    Returns:
        One outcome for each task, in their order.

    Raises:
        SupremeError: the tasks make no sense, the executor cannot be used, or no device is free and the rules say not
            to wait.
        KeyboardInterrupt: SIGINT, SIGTERM or SIGHUP came (its argument names it); every process has been ended.
    """
    check(tasks, timeout)
    scheduler = _Scheduler(tasks, executor, timeout, on_event)
    with signals(scheduler.interrupt):
        how: Close = "broken"
        try:
            scheduler.open()
            with signals(scheduler.interrupt):  # a library that was started meanwhile may have taken them
                scheduler.loop()
            how = (
                "done"
                if all(ended.status == "done" for ended in scheduler.graph.outcomes.values())
                else "with failures"
            )
        finally:
            executor.close("stopped" if scheduler.interruption else how)
    if scheduler.interruption:
        raise KeyboardInterrupt(scheduler.interruption)
    return [scheduler.graph.outcomes[task.key] for task in tasks]


class _Scheduler:
    """The state of one run. One thread changes it; signals only say that it is to stop."""

    def __init__(
        self,
        tasks: Sequence[Task],
        executor: Executor,
        timeout: float | None,
        on_event: Callable[[Event], None],
    ) -> None:
        self.graph = Graph(tasks)
        self.interruption = ""
        self._tasks = {task.key: task for task in tasks}
        self._executor, self._on_event = executor, on_event
        self._timeout = timeout
        self._underway: dict[str, Attempt] = {}
        self._parked = ParkedTasks()
        self._started = False
        self._spent = Counter[str]()
        """Attempts that count, by the key of their task, as the counters below."""
        self._moves = Counter[str]()
        self._left = Counter[str]()
        self._touched = Counter[str]()

    def interrupt(self, signal_name: str) -> None:
        """May be called from a signal handler."""
        self.interruption = signal_name
        self._executor.wake()

    def open(self) -> None:
        for found in self._executor.open(self._tasks):
            if isinstance(found, Judged):
                self._finish(found.outcome)
            else:
                self._underway[found.task.key] = found
        if self._executor.takes_all and (place := self._executor.vacancy()):
            for key in [key for key in self._tasks if key not in self._underway and key not in self.graph.outcomes]:
                self._start(self._tasks[key], place)

    def loop(self) -> None:
        while not self.graph.complete and not self.interruption:
            for task in self._parked.take():
                self.graph.put(task)
            self._assign()
            if self.graph.complete:  # what was left cannot even be started
                return
            for report in self._executor.poll(self._patience()):
                self._receive(report)
            self._stop_late()

    # Starting.

    def _assign(self) -> None:
        while self.graph.ready and (place := self._executor.vacancy()):
            task = self.graph.take(place.affinity)
            if task.key not in self._underway:  # as it is where an executor takes all
                self._start(task, place)
        try:
            for event in self._executor.demand(self.graph.ready, self.graph.left):
                self._on_event(event)
        except NoDeviceLeftError as why:
            self._give_up(str(why))

    def _give_up(self, why: str) -> None:
        """Nothing can run any more."""
        if not self._started:
            raise SupremeError(why)
        for task in self._parked.take_all():
            self.graph.put(task)
        while self.graph.ready:
            self._finish(Outcome(task=self.graph.take(), status="failed", error=why))

    def _start(self, task: Task, place: Place) -> None:
        try:
            payload = pickle.dumps((task.function, task.arguments))
        except Exception as error:
            self._finish(Outcome(task=task, status="failed", error=f"it cannot be sent to a process: {error}"))
            return
        attempt = Attempt(
            task=task,
            number=self._spent[task.key] + 1,
            moves=self._moves[task.key],
            may_leave=self._left[task.key] < LEAVES,
            timeout=self._timeout,
        )
        self._underway[task.key] = attempt
        self._started = True
        self._executor.start(attempt, place, payload)
        if attempt.slot:  # else it waits in a queue
            self._on_event(Started(task=task, slot=attempt.slot))

    def _again(self, attempt: Attempt, reason: str) -> None:
        """Make the task ready for another attempt."""
        self._on_event(Retrying(task=attempt.task, slot=attempt.slot, reason=one_line(reason)))
        self.graph.put(attempt.task)

    # What becomes of it.

    def _patience(self) -> float | None:
        """Seconds until something is to be done though nothing happens; None: nothing is."""
        ends = [attempt.end for attempt in self._underway.values() if attempt.end is not None]
        if (look := self._parked.next_look()) is not None:
            ends.append(look)
        return max(0.0, min(ends) - time.monotonic()) if ends else None

    def _receive(self, report: Report) -> None:
        match report:
            case Ended(attempt=attempt) | Unbegun(attempt=attempt):
                if self._underway.get(attempt.task.key) is attempt:  # else it was ended for being late
                    del self._underway[attempt.task.key]
                    self._judge(report) if isinstance(report, Ended) else self.graph.put(attempt.task)
            case Judged(outcome=outcome):
                self._underway.pop(outcome.task.key, None)
                self._finish(outcome)
            case Started(task=task, slot=slot) if task.key in self._underway:
                self._underway[task.key].slot = slot
                self._on_event(report)
            case _:
                self._on_event(report)

    def _judge(self, ended: Ended) -> None:
        """The end of the task, or another attempt."""
        attempt, reply = ended.attempt, ended.reply
        task, key = attempt.task, attempt.task.key
        if reply.awaited is not None:
            self._left[key] += 1
            self._on_event(Parked(task=task, slot=attempt.slot, reason=f"another worker makes {reply.awaited.name}"))
            self._parked.put(task, reply.awaited)
        elif reply.touched and self._touched[key] < TOUCHES:
            self._touched[key] += 1
            self._again(attempt, f"{reply.touched}; the rest is done afresh")
        elif ended.fault and self._moves[key] < MOVES:
            self._moves[key] += 1
            self._again(attempt, ended.fault)
        else:
            self._spent[key] += 1
            if reply.error and reply.spent and not reply.settled and self._spent[key] < self._executor.attempts:
                self._again(attempt, reply.error)
            else:
                self._end(attempt, reply)

    def _end(self, attempt: Attempt, reply: Reply) -> None:
        value, error = None, reply.error or reply.touched
        if not error:
            try:
                value = pickle.loads(reply.value)
            except Exception as problem:
                error = f"what it returned cannot be read: {problem}"
        self._finish(
            Outcome(
                task=attempt.task,
                status="failed" if error else "done",
                error=error,
                seconds=attempt.seconds,
                attempts=self._spent[attempt.task.key],
                slot=attempt.slot,
                value=value,
            )
        )

    def _stop_late(self) -> None:
        now = time.monotonic()
        for attempt in [one for one in self._underway.values() if one.end is not None and one.end <= now]:
            if self._executor.kill(attempt):
                error = f"no result after {self._timeout:g} s (timeout)"
                attempt.task.note(error)
                self._spent[attempt.task.key] += 1
                del self._underway[attempt.task.key]
                self._end(attempt, Reply(error=error))

    def _finish(self, outcome: Outcome) -> None:
        for known in self.graph.finish(outcome):
            self._underway.pop(known.task.key, None)
            self._executor.record(known)
            self._on_event(known)
