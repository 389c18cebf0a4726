"""Tasks that have left their slots because another worker makes what they need: when may they start again?"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from supreme.store.leases import Waiter
from supreme.sweep.schedule.executor import Awaited
from supreme.sweep.schedule.tasks import Task

FIRST_SECONDS, LAST_SECONDS = 0.05, 1.0
"""Between two looks at a claim, which grow like a waiting worker's."""


@dataclass
class _Watched:
    waiter: Waiter
    next_look: float
    """By the monotonic clock."""
    seconds: float = FIRST_SECONDS
    tasks: list[Task] = field(default_factory=list)


class ParkedTasks:
    """Each task waits here until the claim that it came upon is gone: let go, or its holder dead."""

    def __init__(self) -> None:
        self._watched: dict[Awaited, _Watched] = {}

    def put(self, task: Task, awaited: Awaited) -> None:
        if awaited not in self._watched:
            waiter = awaited.claims.waiter(awaited.name)
            self._watched[awaited] = _Watched(waiter, time.monotonic() + FIRST_SECONDS)
        self._watched[awaited].tasks.append(task)

    def take(self) -> list[Task]:
        """The tasks that may start again; looks at a claim only when it is time to."""
        now, found = time.monotonic(), list[Task]()
        for awaited, watched in list(self._watched.items()):
            if now < watched.next_look:
                continue
            if watched.waiter.is_over():
                found += self._watched.pop(awaited).tasks
            else:
                watched.seconds = min(1.5 * watched.seconds, LAST_SECONDS)
                watched.next_look = now + watched.seconds
        return found

    def next_look(self) -> float | None:
        """When to look again, by the monotonic clock; None: nothing waits here."""
        return min((watched.next_look for watched in self._watched.values()), default=None)

    def take_all(self) -> list[Task]:
        """Every task, whatever it waits for."""
        found = [task for watched in self._watched.values() for task in watched.tasks]
        self._watched.clear()
        return found
