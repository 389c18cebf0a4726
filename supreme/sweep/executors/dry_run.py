"""Nothing runs: the scheduler is given a clock that jumps from the end of one task to that of the next."""

from __future__ import annotations

import heapq
import pickle
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from supreme.sweep.schedule.executor import Attempt, Close, Ended, Judged, Reply, Report
from supreme.sweep.schedule.tasks import Event, Outcome, Task


@dataclass
class SimulatedPlace:
    """A device slot that is simulated."""

    name: str
    affinity: tuple[str, ...] = ()


class DryRunExecutor:
    """See `supreme.sweep.schedule.executor.Executor`. Every task returns None and takes what is expected."""

    attempts = 1
    again = False
    takes_all = False

    def __init__(self, slots: Iterable[str], seconds: Mapping[str, float]) -> None:
        """Args:
        slots: the names of the device slots.
        seconds: expected of each task, by its key; 0 where nothing is.
        """
        self.seconds = 0.0
        """From the start to the end of the last task so far, on the clock of the simulation."""
        self._free = [SimulatedPlace(name) for name in slots]
        self._expected = seconds
        self._running: list[tuple[float, int, Attempt]] = []
        self._count = 0

    def warm_up(self, count: int) -> None:
        pass

    def open(self, tasks: Mapping[str, Task]) -> Iterator[Attempt | Judged]:
        yield from ()

    def demand(self, ready: int, left: int) -> Iterable[Event]:
        return ()

    def vacancy(self) -> SimulatedPlace | None:
        return self._free[0] if self._free else None

    def start(self, attempt: Attempt, place: SimulatedPlace, payload: bytes) -> None:
        self._free.remove(place)
        attempt.slot, attempt.handle, place.affinity = place.name, place, attempt.task.affinity
        self._count += 1  # of tasks that end at one moment, the first that started is the first
        end = self.seconds + self._expected.get(attempt.task.key, 0.0)
        heapq.heappush(self._running, (end, self._count, attempt))

    def poll(self, seconds: float | None) -> Iterable[Report]:
        self.seconds, _, attempt = heapq.heappop(self._running)
        self._free.append(attempt.handle)
        yield Ended(attempt=attempt, reply=Reply(value=pickle.dumps(None)))

    def wake(self) -> None:
        pass

    def kill(self, attempt: Attempt) -> bool:
        return False

    def record(self, outcome: Outcome) -> None:
        pass

    def close(self, how: Close) -> None:
        pass
