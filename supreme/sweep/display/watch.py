"""The state of a sweep as its events tell it, whoever runs its tasks."""

from __future__ import annotations

import getpass
import os
import shlex
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from supreme.pipeline.activity import Doing, clear, doing
from supreme.store.files import Process
from supreme.sweep.display.display import duration
from supreme.sweep.display.forecast import Forecast, Underway
from supreme.sweep.display.snapshot import Count, Failure, Running, Snapshot, common_words
from supreme.sweep.schedule.tasks import Event, Outcome, Parked, Retired, Retrying, Started, Task, Waiting

FAILURES = 100
"""That a snapshot tells one by one."""


@dataclass
class _Busy:
    """A task in a slot."""

    task: Task
    since: float
    cold: bool
    """Whether it is the first of its process."""
    doing: Doing | None = None
    told: float = 0.0
    """When `doing` was seen first."""


class Watch:
    """Takes events in and gives snapshots, in any threads.

    Args:
        expected: by the keys of tasks, the seconds that each should take, as far as stored ones tell.
        clock: monotonic.
    """

    def __init__(self, tasks: Sequence[Task], expected: Mapping[str, float], clock: Callable[[], float]) -> None:
        self._tasks = tuple(tasks)
        self._common = common_words(task.label for task in tasks)
        self._clock = clock
        self._forecast = Forecast(tasks, expected)
        self.began = time.time()
        self.process = Process.current()
        self._began = clock()
        self._outcomes: dict[str, Outcome] = {}
        self._busy: dict[str, _Busy] = {}
        self._warm: set[str] = set()
        self._most_busy = 1
        self._retries = 0
        self._note = ""
        self._lock = threading.Lock()

    @property
    def busy(self) -> int:
        """How many tasks run."""
        return len(self._busy)

    def take_in(self, event: Event) -> str:
        """Returns the event in one line; empty where it needs none."""
        with self._lock:
            match event:
                case Started(task=task, slot=slot):
                    self._busy[slot] = _Busy(task, self._clock(), cold=slot not in self._warm)
                    self._warm.add(slot)
                    self._most_busy = max(self._most_busy, len(self._busy))
                    self._note = ""
                    return ""
                case Retrying(task=task, slot=slot, reason=reason):
                    self._vacate(slot, task)
                    self._warm.discard(slot)
                    self._retries += 1
                    return f"again: {task.label} ({slot}): {reason}"
                case Parked(task=task, slot=slot):  # soon told again, as it starts
                    self._vacate(slot, task)
                    return ""
                case Waiting():
                    self._note = f"every device slot is taken; {event}"
                    return self._note
                case Outcome():
                    busy = self._vacate(event.slot, event.task)
                    self._outcomes[event.task.key] = event
                    if event.status == "done":
                        self._forecast.learn(event, cold=busy is not None and busy.cold)
                    return self._line(event)
                case Retired(slot=slot, reason=reason):
                    return f"{slot} is no longer used: {reason}"

    def _vacate(self, slot: str, task: Task) -> _Busy | None:
        clear(task.log)
        return self._busy.pop(slot, None)

    def _line(self, outcome: Outcome) -> str:
        begin, label = f"[{len(self._outcomes)}/{len(self._tasks)}] {outcome.status}", outcome.task.label
        if not outcome.slot:
            return f"{begin} {label}: {outcome.error}"
        line = f"{begin} {duration(outcome.seconds)} {label} ({outcome.slot})"
        return f"{line}: {outcome.error}; log: {outcome.task.log}" if outcome.error else line

    def look(self) -> None:
        """Read what the workers say of themselves."""
        with self._lock:
            running = list(self._busy.values())
        for busy in running:
            if (found := doing(busy.task.log)) != busy.doing:
                busy.doing, busy.told = found, self._clock()

    def snapshot(self, ended: str = "") -> Snapshot:
        """The sweep as it is now, or as it ended."""
        with self._lock:
            now = self._clock()
            running = [
                (busy, Underway(seconds=now - busy.since, doing=busy.doing, age=now - busy.told))
                for busy in self._busy.values()
            ]
            to_go, unknown = self._forecast.to_go(
                self._outcomes, {busy.task.key: underway for busy, underway in running}, self._most_busy
            )
            return Snapshot(
                command=shlex.join(["python", "-m", "supreme", *sys.argv[1:]]),
                process=self.process,
                user=_user(),
                began=self.began,
                written=time.time(),
                seconds=now - self._began,
                counts=self._counts(),
                common=self._common,
                running=[_running(slot, busy, now) for slot, busy in self._busy.items()],
                failures=self._failures(),
                retries=self._retries,
                note=self._note,
                to_go=to_go,
                unknown=unknown,
                ended=ended,
            )

    def _counts(self) -> dict[str, Count]:
        counts: dict[str, dict[str, int]] = {}
        for task in self._tasks:
            count = counts.setdefault(task.kind, {})
            status = self._outcomes[task.key].status if task.key in self._outcomes else "left"
            count[status] = count.get(status, 0) + 1
        return {kind: Count(**count) for kind, count in counts.items()}

    def _failures(self) -> list[Failure]:
        failed = [outcome for outcome in self._outcomes.values() if outcome.status == "failed"]
        return [
            Failure(label=outcome.task.label, error=outcome.error, log=str(outcome.task.log))
            for outcome in failed[-FAILURES:]
        ]


def _running(slot: str, busy: _Busy, now: float) -> Running:
    task = busy.task
    return Running(
        slot=slot, kind=task.kind, label=task.label, log=str(task.log), seconds=now - busy.since, doing=busy.doing
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's number without a name
        return f"user {os.getuid()}"
