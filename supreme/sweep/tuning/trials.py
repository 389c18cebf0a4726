"""Trials as cells of a sweep: one for each training seed, run by the scheduler on the slots that a sweep has."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from supreme.core import SupremeError
from supreme.pipeline.cell import Cell
from supreme.sweep.failures import cause
from supreme.sweep.hydra_sweep import OffersExecutor, closed, run_tasks
from supreme.sweep.plan.compose import Composer, Problems
from supreme.sweep.plan.plan import Plan, make_plan, read_row
from supreme.sweep.plan.settings import Settings
from supreme.sweep.schedule.executor import Close, Executor
from supreme.sweep.schedule.tasks import Outcome
from supreme.sweep.tracking.tracking import Tracking
from supreme.sweep.tuning.goal import Goal
from supreme.sweep.tuning.trial import Proposal, Tried

MANY = 10_000
"""Tasks that are still to come, as far as an executor knows that is to keep its idle places."""


class KeptOpen:
    """An executor that several rounds use: its processes stay warm from one to the next."""

    def __init__(self, inner: Executor) -> None:
        self._inner = inner

    def demand(self, ready: int, left: int) -> Any:
        """As that of the executor, which keeps idle places for the round to come."""
        return self._inner.demand(ready, left + MANY)

    def close(self, how: Close) -> None:
        """Nothing: whoever made the executor closes it."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


@dataclass(kw_only=True)
class Trials:
    """Runs proposals: `Evaluate` of `search`."""

    launcher: OffersExecutor
    composer: Composer
    words: Sequence[str]
    """Overrides of every cell."""
    settings: Settings
    located: Mapping[int, Cell]
    """By training seed, a cell of the same data and scenario whose split is drawn."""
    metrics: Mapping[str, Sequence[str]]
    """By method, the metrics that its rows are to hold."""
    goal: Goal

    def cell(self, proposal: Proposal, seed: int) -> Cell:
        """The cell of a proposal, its data located; raises SupremeError where its config cannot be composed."""
        fields = [f"method.{name}={_typed(value)}" for name, value in proposal.values.items()]
        cell, _ = self.composer([*self.words, f"method={proposal.method}", *fields, f"seed={seed}"])
        asked = {name: cell.metrics[name] for name in self.metrics.get(proposal.method, cell.metrics)}
        return replace(cell, metrics=asked).located_like(self.located[seed])

    def __call__(self, proposals: Sequence[Proposal]) -> Iterator[tuple[Proposal, Tried]]:
        cells: dict[tuple[str, int], list[Cell]] = {}
        refused: dict[tuple[str, int], str] = {}
        for proposal in proposals:
            key = proposal.method, proposal.number
            try:
                own = [self.cell(proposal, seed) for seed in self.located]
                make_plan(own[:1], self.settings.workplace(), Problems())  # which says what is wrong with the values
                cells[key] = own
            except SupremeError as error:
                refused[key] = str(error)
        plan, outcomes = self._run([cell for own in cells.values() for cell in own])
        for proposal in proposals:
            key = proposal.method, proposal.number
            error = refused.get(key, "")
            yield proposal, Tried(error=error) if error else self._tried(cells[key], plan, outcomes)

    def _run(self, cells: Sequence[Cell]) -> tuple[Plan, Mapping[str, Outcome]]:
        unique = list({cell.id: cell for cell in cells}.values())
        plan = make_plan(unique, self.settings.workplace(), Problems())
        with closed(None if self._kept else self.launcher.executor(self.settings)) as own:
            executor: Any = own or self._kept
            tracking = Tracking({}, self.settings.output_dir)  # a trial is no result to log
            return plan, run_tasks(executor, plan.tasks, self.settings, tracking)

    _kept: KeptOpen | None = None

    def use(self, executor: Executor) -> None:
        """Run all rounds on this executor, where it can be opened again."""
        self._kept = KeptOpen(executor) if executor.again else None

    def _tried(self, cells: Sequence[Cell], plan: Plan, outcomes: Mapping[str, Outcome]) -> Tried:
        rows = []
        for cell in cells:
            row = read_row(cell, plan.at) if plan.has_row(cell) else None
            if row is None:
                return Tried(error=_why(outcomes[cell.id], outcomes))
            rows.append(row)
        passes = sum(_passes(row) for row in rows)
        try:
            return Tried(per_seed=self.goal.per_seed(rows), sample_passes=passes)
        except SupremeError as error:
            return Tried(sample_passes=passes, error=str(error))


def _why(outcome: Outcome, outcomes: Mapping[str, Outcome]) -> str:
    """Why a cell has no row; raises SupremeError where that is no fault of its trial."""
    came_from = cause(outcome, outcomes)
    if came_from is not outcome:
        raise SupremeError(
            f"{came_from.task.label} failed, which every trial needs: {came_from.error}; its log: {came_from.task.log}"
        )
    return outcome.error


def _passes(row: Mapping[str, Any]) -> int:
    return int((row["cost"]["forward_samples"] or 0) + (row["cost"]["backward_samples"] or 0))


def _typed(value: Any) -> str:
    """As it is typed behind `method.field=`."""
    if isinstance(value, str):
        quoted = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"'{quoted}'"
    return json.dumps(value)
