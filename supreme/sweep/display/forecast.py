"""How long a sweep will still take, from what stored tasks took and from what those of this sweep take."""

from __future__ import annotations

import graphlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from supreme.pipeline.activity import Doing
from supreme.pipeline.cell import Cell
from supreme.sweep.schedule.tasks import Outcome, Task

PACED = ("original", "reference")
"""Kinds of tasks that are one training and little else, so that their epochs tell how long they take."""


@dataclass
class _Took:
    """What tasks that are alike took, and what had been expected of them where anything was."""

    count: int = 0
    seconds: float = 0.0
    foretold: float = 0.0
    seconds_of_foretold: float = 0.0

    def add(self, seconds: float, expected: float | None) -> None:
        self.count += 1
        self.seconds += seconds
        if expected:
            self.foretold += expected
            self.seconds_of_foretold += seconds


@dataclass(frozen=True, kw_only=True)
class Underway:
    """A task that runs."""

    seconds: float
    """Since it began."""
    doing: Doing | None = None
    """What its process said of it last."""
    age: float = 0.0
    """Seconds since it said so."""

    @property
    def in_stage(self) -> float:
        """For how long it has counted; no more than the next one can take."""
        assert self.doing is not None
        return self.doing.seconds + min(self.age, self.doing.seconds / max(1, self.doing.done))


class Forecast:
    """What is known of the times of these tasks.

    A task takes what was expected of it, corrected by how wrong this was of its group (tasks of its kind, method and
    other components); where nothing was, the mean of its group, else of its kind. What the first task of a process
    took counts only until a group has others, since the start of the process is in it.
    """

    def __init__(self, tasks: Sequence[Task], expected: Mapping[str, float]) -> None:
        needs = {task.key: (*task.needs, *task.after) for task in tasks}
        by_key = {task.key: task for task in tasks}
        self._latest_first = [by_key[key] for key in reversed([*graphlib.TopologicalSorter(needs).static_order()])]
        self._needs = needs
        self._expected = expected
        self._groups = {task.key: _group(task) for task in tasks}
        self._warm: dict[tuple[str, ...], _Took] = defaultdict(_Took)
        self._cold: dict[tuple[str, ...], _Took] = defaultdict(_Took)

    def learn(self, outcome: Outcome, *, cold: bool) -> None:
        """Take in what a task that is done took; cold: it was the first of its process."""
        task = outcome.task
        for group in {self._groups[task.key], (task.kind,)}:
            (self._cold if cold else self._warm)[group].add(outcome.seconds, self._expected.get(task.key))

    def to_go(
        self, ended: Mapping[str, Outcome], running: Mapping[str, Underway], slots: int
    ) -> tuple[float | None, dict[str, int]]:
        """Seconds that the tasks of known times will still take on so many slots, and how many others each kind has.

        No less than the longest chain of tasks that wait for each other. None when no time is known.

        Args:
            running: by the keys of their tasks.
        """
        left = [task for task in self._latest_first if task.key not in ended]
        trainings: dict[str, float] = {}
        for task in left:
            if task.key in running and (whole := _whole(task, running[task.key])):
                trainings[task.kind] = max(whole, trainings.get(task.kind, 0.0))
        chains: dict[str, float] = defaultdict(float)
        work, longest, unknown = 0.0, 0.0, Counter[str]()
        for task in left:
            seconds = self._seconds_left(task, running.get(task.key), trainings)
            if seconds is None:
                unknown[task.kind] += 1
                seconds = 0.0
            work += seconds
            chain = seconds + chains[task.key]
            longest = max(longest, chain)
            for need in self._needs[task.key]:
                chains[need] = max(chains[need], chain)
        known = len(left) - unknown.total()
        return (max(longest, work / max(1, slots)) if known or not left else None), dict(unknown)

    def _seconds_left(self, task: Task, now: Underway | None, trainings: Mapping[str, float]) -> float | None:
        if now and (whole := _whole(task, now)):
            return max(0.0, whole - now.in_stage)
        known = self._seconds(task)
        known = trainings.get(task.kind) if known is None else known
        return known if known is None or now is None else max(0.0, known - now.seconds)

    def _seconds(self, task: Task) -> float | None:
        group = self._groups[task.key]
        took = self._warm.get(group) or self._cold.get(group)
        if expected := self._expected.get(task.key):
            return expected * (took.seconds_of_foretold / took.foretold if took and took.foretold else 1.0)
        took = took or self._warm.get((task.kind,)) or self._cold.get((task.kind,))
        return took.seconds / took.count if took else None


def _whole(task: Task, now: Underway) -> float:
    """What a training that runs will take in all, by its epochs; 0 when these do not tell."""
    doing = now.doing
    if doing is None or task.kind not in PACED or doing.stage != task.kind or not 0 < doing.done <= doing.total:
        return 0.0
    return doing.seconds * doing.total / doing.done


def _group(task: Task) -> tuple[str, ...]:
    """Tasks with the same take about the same time."""
    names = [tuple(part.names.values()) for part in task.arguments if isinstance(part, Cell)]
    return (task.kind, *(names[0] if names else ()))
