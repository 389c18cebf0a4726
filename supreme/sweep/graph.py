"""Tasks that wait for each other: which may start next, and what the end of one means for the others."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import replace

from supreme.sweep.tasks import Outcome, Task, chain_lengths


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
        self._ready: list[tuple[tuple[int, int], str]] = []
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
    def ready(self) -> bool:
        """Whether there is a task that may start now."""
        return bool(self._ready)

    def take(self) -> Task:
        """The ready task that the longest chain waits for; of several, the first in the order given."""
        return self._tasks[heapq.heappop(self._ready)[1]]

    def put(self, task: Task) -> None:
        """Make a task ready: one whose needs are met, or one taken that is to be tried again."""
        heapq.heappush(self._ready, (self._rank[task.key], task.key))

    def finish(self, outcome: Outcome) -> list[Outcome]:
        """Record how a task ended; returns what is thereby known, its own outcome first, then of those it blocks."""
        first = replace(outcome, error=" ".join(outcome.error.split()))
        found = [first]
        self.outcomes[first.task.key] = first
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
