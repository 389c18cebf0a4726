"""Tasks that wait for each other: which may start next, and what the end of one means for the others."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import replace

from supreme.core.text import one_line
from supreme.sweep.schedule.tasks import Outcome, Task, chain_lengths

_Ranked = tuple[tuple[int, int], str]
"""How early a task is due, the chain that waits for it before all, and its key."""


class Graph:
    """The state of a sweep's tasks, wherever they run. Whoever runs them takes, starts, and tells how each ended."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.outcomes: dict[str, Outcome] = {}
        """Of every task that has ended or never will run, by its key."""
        self._tasks = {task.key: task for task in tasks}
        chains = chain_lengths(tasks)
        self._rank = {task.key: (-chains[task.key], index) for index, task in enumerate(tasks)}
        self._missing = {task.key: {*task.needs, *task.after} for task in tasks}
        self._dependants: dict[str, list[str]] = {task.key: [] for task in tasks}
        for key, needs in self._missing.items():
            for need in needs:
                self._dependants[need].append(key)
        self._ready: set[str] = set()
        # Heaps may hold tasks that were taken from another one: those are passed over when they come to the top.
        self._queue: list[_Ranked] = []
        self._alike: dict[tuple[int, tuple[str, ...]], list[_Ranked]] = {}
        for task in tasks:
            if not self._missing[task.key]:
                self.put(task)

    @property
    def complete(self) -> bool:
        return len(self.outcomes) == len(self._tasks)

    @property
    def left(self) -> int:
        """How many tasks have not ended; those that run are among them."""
        return len(self._tasks) - len(self.outcomes)

    @property
    def ready(self) -> int:
        """How many tasks may start now."""
        return len(self._ready)

    def take(self, warm: tuple[str, ...] = ()) -> Task:
        """The ready task that the longest chain waits for; of several the one that shares most with what is warm.

        Args:
            warm: the `affinity` of what ran last where the task is to run. Of tasks that share as much with it, the
                first in the order given is taken.
        """
        first = self._first(self._queue)
        assert first is not None, "there is a ready task"
        chain = first[0][0]
        for length in range(len(warm), 0, -1):
            alike = self._first(self._alike.get((chain, warm[:length]), []))
            if alike is not None:
                first = alike
                break
        self._ready.discard(first[1])
        return self._tasks[first[1]]

    def put(self, task: Task) -> None:
        """Make a task ready: one whose needs are met, or one taken that is to be tried again."""
        rank = self._rank[task.key]
        self._ready.add(task.key)
        heapq.heappush(self._queue, (rank, task.key))
        for length in range(1, len(task.affinity) + 1):
            heapq.heappush(self._alike.setdefault((rank[0], task.affinity[:length]), []), (rank, task.key))

    def _first(self, heap: list[_Ranked]) -> _Ranked | None:
        """The first that is ready still, left where it is."""
        while heap and heap[0][1] not in self._ready:
            heapq.heappop(heap)
        return heap[0] if heap else None

    def finish(self, outcome: Outcome) -> list[Outcome]:
        """Record how a task ended; returns what is thereby known, its own outcome first, then of those it blocks."""
        first = replace(outcome, error=one_line(outcome.error))
        found = [first]
        self.outcomes[first.task.key] = first
        self._ready.discard(first.task.key)  # an earlier sweep may have done it
        reason = f"it waits for {first.task.label}, which failed"
        for ended in found:  # grows: what a blocked task blocks
            for key in self._dependants[ended.task.key]:
                task = self._tasks[key]
                if key in self.outcomes:
                    continue
                if ended.status == "done" or ended.task.key not in task.needs:
                    self._missing[key].discard(ended.task.key)
                    if not self._missing[key]:
                        self.put(task)
                else:
                    self.outcomes[key] = Outcome(task=task, status="blocked", error=reason)
                    found.append(self.outcomes[key])
        return found
