"""From cells to tasks: which rows exist, which shared models are missing, what depends on what. No torch here."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from supreme.core import SupremeError
from supreme.pipeline.cell import Cell
from supreme.pipeline.ensembles import AuditJob, audit_jobs, merged
from supreme.pipeline.keys import leave_out
from supreme.pipeline.stored_row import holds, made_by, read_row
from supreme.pipeline.workplace import Workplace
from supreme.store.provenance import versions
from supreme.sweep.jobs import log_path, run_audit, run_stage
from supreme.sweep.objective import Objective
from supreme.sweep.plan import given_models, reasons, refusals
from supreme.sweep.plan.compose import Problems
from supreme.sweep.plan.objectives import check_in_row, check_objectives
from supreme.sweep.schedule.tasks import Task

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a sweep has to do."""

    at: Workplace
    cells: list[Cell]
    """Every cell once, in the order given."""
    todo: list[Cell]
    """Those without a row that holds all their metrics."""
    tasks: list[Task]
    """Missing originals and references, then the cells of `todo`, then the audits without a record of all cells."""
    audits: list[AuditJob]
    """Every audit that the cells ask for."""
    notes: list[str] = field(default_factory=list)
    """Why cells run again that have rows, by what versions others were made, and what could not be looked at."""

    def describe(self) -> str:
        made = [task for task in self.tasks if task.kind in ("original", "reference")]
        given = sum(task.kind in task.arguments[1].given for task in made)
        trainings = {
            kind: sum(task.kind == kind and kind not in task.arguments[1].given for task in made)
            for kind in ("original", "reference")
        }
        found = len(self.cells) - len(self.todo)
        train = " and ".join(f"{count} {kind}" for kind, count in trainings.items())
        told = f"cells: {len(self.cells)}, found: {found}, to run: {len(self.todo)}; models to train: {train}"
        told += f"; given models to read: {given}" if given else ""
        audits = len(self.audit_tasks)
        return told + (f"; audits: {len(self.audits)}, to run: {audits}" if self.audits else "")

    @property
    def audit_tasks(self) -> list[Task]:
        return [task for task in self.tasks if task.kind == "audit"]

    def has_row(self, cell: Cell) -> bool:
        return holds(read_row(cell, self.at), cell, self.at)


def resolve(cells: Iterable[Cell], output_dir: Path, problems: Problems) -> list[Cell]:
    """The cells with their data decoded and their splits drawn, each cell once, with all the metrics asked for it.

    What cannot run goes to the problems.
    """
    leave_out(output_dir)
    resolved: dict[str, Cell] = {}
    drawn: dict[str, Cell | SupremeError] = {}
    for cell in given_models.with_files(cells, problems):
        try:
            located = cell.located_like(_drawn(cell, output_dir, drawn))
            resolved[located.id] = _merged(resolved.get(located.id), located)
        except SupremeError as error:
            problems.add(error)
    return list(resolved.values())


def _drawn(cell: Cell, output_dir: Path, drawn: dict[str, Cell | SupremeError]) -> Cell:
    """A cell of the same data and split, resolved; each data and split once."""
    key = json.dumps([cell.nodes["data"], cell.nodes["scenario"], cell.seeds["forget"]])
    if key not in drawn:
        same = (one for one in drawn.values() if isinstance(one, Cell) and one.nodes["data"] == cell.nodes["data"])
        try:  # that no photograph has changed is asked once, and not for every forget set
            path = next((one.data_path for one in same), "")
            drawn[key] = replace(cell, data_path=path).resolved(output_dir / "store" / "data")
        except SupremeError as error:
            drawn[key] = error
    found = drawn[key]
    if isinstance(found, SupremeError):
        raise found
    return found


def _merged(other: Cell | None, cell: Cell) -> Cell:
    """One cell that was asked for twice, with the metrics of both."""
    if other is None:
        return cell
    if any(cell.metric_keys[name] != key for name, key in other.metric_keys.items() if name in cell.metric_keys):
        raise SupremeError(
            "a metric's values cannot be swept: a row holds one of each; use another output_dir for each"
        )
    told = {key: value for key, value in cell.changed.items() if key.startswith("metric.")}
    metrics, audits = {**other.metrics, **cell.metrics}, merged(other.audits, cell.audits)
    return replace(other, metrics=metrics, audits=audits, changed={**told, **other.changed})


def make_plan(
    cells: list[Cell],
    at: Workplace,
    problems: Problems,
    on_todo: Callable[[int], None] = lambda count: None,
    objectives: Sequence[Objective] = (),
) -> Plan:
    """Plan these resolved cells.

    Args:
        objectives: what is asked of the rows of all cells.
        on_todo: called with the number of cells that are to run, before the slow part: to build every component.

    Raises:
        SupremeError: the problems found before, and the components refused here.
    """
    todo, again, made = list[Cell](), dict[str, Mapping[str, Any]](), Counter[tuple[str, ...]]()
    for cell in cells:
        row = read_row(cell, at)
        if not holds(row, cell, at):
            todo.append(cell.with_metrics_of(row))
            again |= {cell.id: row} if row else {}
        elif row:
            check_in_row(cell, row, objectives, problems)
            if others := made_by(row):
                made[others] += 1
    if todo and not problems.counts:
        on_todo(len(todo))
    audits = _audits(cells, at, problems)
    asked = [cell for cell in cells if cell.id in {one.id for one in todo}]  # with no metric that only a row has
    refusals.check_components(todo, problems)
    check_objectives(todo, objectives, problems)
    refusals.check_splits(cells, asked, problems)
    given_models.check(cells, asked, problems)
    problems.refuse()
    tasks: dict[str, Task] = {}
    labels = labels_of(todo)
    there: dict[str, tuple[str, ...]] = {}
    for cell in todo:
        needs = []
        for stage in ("original", "reference"):
            key = cell.key(stage)
            if key not in tasks and key not in there:
                if at.store.has(stage, key):
                    there[key] = at.store.made_by_others(stage, key)
                else:
                    given = "given " * (stage in cell.given)
                    tasks[key] = _task(stage, key, cell, at, [], f"{given}{stage} {_about(cell)}")
            if key in tasks:
                needs.append(key)
        tasks[cell.id] = replace(cell_task(cell, at, labels[cell.id]), needs=tuple(needs))
    shared_first = sorted(tasks.values(), key=lambda task: task.kind == "cell")
    every = shared_first + _audit_tasks(audits, tasks, at)
    notes = [
        *reasons.told(todo, again, labels, at),
        *_made_by_others("cell", made),
        *_made_by_others("model", Counter(others for others in there.values() if others)),
        *_unfollowed(cells),
    ]
    return Plan(at=at, cells=cells, todo=todo, tasks=every, audits=audits, notes=notes)


def _made_by_others(what: str, counts: Mapping[tuple[str, ...], int]) -> Iterator[str]:
    """What was found that other versions have made, and that it counts."""
    for others, count in counts.items():
        here = ", ".join(f"{name} {versions()[name]}" for name in (other.partition(" ")[0] for other in others))
        yield (
            f"{count} {what}{'' if count == 1 else 's'} found that {', '.join(others)} made; this is {here} "
            "(versions=refuse computes anew)"
        )


def _unfollowed(cells: Iterable[Cell]) -> list[str]:
    """What components depend on and could not be looked at: each once."""
    codes = {target: code for cell in cells for target, code in cell.codes.items()}
    return [f"{target.rpartition('.')[2]}: {line}" for target, code in codes.items() for line in code.warnings]


def _audits(cells: Sequence[Cell], at: Workplace, problems: Problems) -> list[AuditJob]:
    """The audits that the cells ask for, each component built once; what is wrong with them goes to the problems."""
    try:
        jobs = audit_jobs(cells)
        for job in {job.name: job for job in jobs}.values():
            least, seeds = job.build().minimum, len(job.cells)
            if seeds < least:
                log.warning(
                    "audit %s needs %d training seeds and there are %d: it will only say so", job.name, least, seeds
                )
        refusals.check_audits((job for job in jobs if job.record(at, job.cells) is None), problems)
    except SupremeError as error:
        problems.add(error)
        return []
    return jobs


def _audit_tasks(jobs: Iterable[AuditJob], tasks: Mapping[str, Task], at: Workplace) -> list[Task]:
    """Those of which there is no record of all cells; each after its cells, whether these fail or not."""
    return [
        Task(
            key=job.id,
            kind="audit",
            label=job.label,
            function=run_audit,
            arguments=(job, at, job.id),
            needs=(),
            after=tuple(cell.id for cell in job.cells if cell.id in tasks),
            log=log_path(job.id, Path(at.output_dir)),
        )
        for job in jobs
        if job.record(at, job.cells) is None
    ]


def _task(kind: str, key: str, cell: Cell, at: Workplace, needs: list[str], label: str) -> Task:
    return Task(
        key=key,
        kind=kind,
        label=label,
        function=run_stage,
        arguments=(kind, cell, at, key),
        needs=tuple(needs),
        log=log_path(key, Path(at.output_dir)),
        affinity=(cell.data_path, cell.split_digest),  # data on the device, then what the scenario made of them
    )


def cell_task(cell: Cell, at: Workplace, label: str) -> Task:
    """The task that makes the row of this cell, once its models are there."""
    return _task("cell", cell.id, cell, at, [], label)


def _about(cell: Cell) -> str:
    return f"{cell.names['data']} {cell.names['model']} {cell.names['scenario']} seed={cell.seed}"


def labels_of(cells: Iterable[Cell]) -> dict[str, str]:
    """What each cell is called: its choices, and the overrides that not all cells share."""
    cells = list(cells)
    common = set.intersection(*(set(cell.overrides) for cell in cells)) if cells else set()
    told = ("data=", "model=", "scenario=", "method=", "seed=")
    return {
        cell.id: " ".join(
            [cell.names["method"], _about(cell)]
            + [override for override in cell.overrides if override not in common and not override.startswith(told)]
        )
        for cell in cells
    }
