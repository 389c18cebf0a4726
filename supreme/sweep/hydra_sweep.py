"""Between Hydra and the scheduler: plan, run, report. What the plugin and the command line call."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Any, NoReturn, Protocol, runtime_checkable

from supreme.core import SupremeError
from supreme.pipeline.cell import Cell
from supreme.store.files import remove_orphans
from supreme.sweep.display.plan_summary import print_plan
from supreme.sweep.display.progress import Progress
from supreme.sweep.display.summary import left_no_row, print_audits, print_failed_audits, print_failures, print_table
from supreme.sweep.executors.local.executor import LocalExecutor
from supreme.sweep.executors.local.leftovers import sweep_leftovers
from supreme.sweep.failures import Failures
from supreme.sweep.ground import Ground
from supreme.sweep.hydra_jobs import Job, Jobs
from supreme.sweep.hydra_keys import refuse_in_sweep
from supreme.sweep.objective import returned
from supreme.sweep.plan.compose import Composer, Problems, compose_all, expand
from supreme.sweep.plan.estimate import expected_seconds
from supreme.sweep.plan.plan import Plan, make_plan, read_row, resolve
from supreme.sweep.plan.presets import Presets
from supreme.sweep.plan.refusals import flaw
from supreme.sweep.plan.settings import Settings
from supreme.sweep.schedule.executor import Executor
from supreme.sweep.schedule.scheduler import run
from supreme.sweep.schedule.tasks import Event, Outcome, Task
from supreme.sweep.tracking.tracking import Tracking

log = logging.getLogger(__name__)


@runtime_checkable
class OffersExecutor(Protocol):
    """A launcher that our scheduler can run tasks with; others are given whole cells, one after the other."""

    def executor(self, settings: Settings) -> Executor:
        """Where tasks run; made before it is found out what is to be done."""
        ...


@dataclass(frozen=True, kw_only=True)
class Swept:
    """What became of a sweep."""

    plan: Plan
    settings: Settings
    outcomes: Mapping[str, Outcome]
    """By the keys of tasks, what became of each; empty where nothing was to be run."""
    unwritten: SupremeError | None = None
    """What kept the reports from being written."""

    @property
    def failed(self) -> list[Cell]:
        """The cells that have no row."""
        return [] if self.settings.dry_run else [cell for cell in self.plan.todo if not self.plan.has_row(cell)]

    @property
    def failed_audits(self) -> list[Outcome]:
        """The outcomes of audits that have no record."""
        audits = [] if self.settings.dry_run else [self.outcomes[task.key] for task in self.plan.audit_tasks]
        return [outcome for outcome in audits if outcome.status != "done"]


def sweep(sweeper: Any, arguments: Sequence[str]) -> list[str]:
    """What the command line does: run a sweep, tell what failed, and exit with the status that says so.

    Returns:
        The ids of the cells.
    """
    try:
        done = swept(sweeper, arguments)
    except SupremeError as error:
        refuse(error)
    if failed := done.failed:
        print_failures(failed, done.outcomes, len(done.plan.cells))
    if failed_audits := done.failed_audits:
        print_failed_audits(failed_audits, len(done.plan.audits))
    if done.unwritten:
        refuse(done.unwritten)
    if failed or failed_audits:
        sys.exit(1)
    return [cell.id for cell in done.plan.cells]


def swept(sweeper: Any, arguments: Sequence[str]) -> Swept:
    """Run every cell that the command line and `hydra.sweeper.params` span, and print the table.

    Raises:
        SupremeError: something is wrong with a cell, or with the place where results are to lie; nothing has run.
    """
    launcher = sweeper.launcher
    refuse_in_sweep(sweeper.config.hydra, isinstance(launcher, OffersExecutor))
    start, problems = time.monotonic(), Problems()
    composer = Composer(sweeper.hydra_context, sweeper.config)
    asked = expand(sweeper, arguments, composer)
    _, first = compose_all(composer, asked[:1], Problems())
    composer.presets.forget_notes()
    executor = None
    if isinstance(launcher, OffersExecutor) and first is not None and not first.dry_run:
        executor = launcher.executor(first)  # refuses devices that are not there, at once
    with closed(executor):
        cells, settings = compose_all(composer, asked, problems)
        if settings is None:
            problems.refuse()
            raise AssertionError("a job without settings is a problem")
        if settings.dry_run:
            slots = settings.slots()
            plan = planned(cells, settings, problems, start)
            tell_presets(composer.presets)
            print_plan(plan, slots)
            return Swept(plan=plan, settings=settings, outcomes={})
        plan = planned(cells, settings, problems, start, executor.warm_up if executor else ignore)
        tell_presets(composer.presets)
        with in_use(settings), Tracking(settings.tracker, settings.output_dir) as tracking:
            tracking(*plan.cells)
            if executor:
                jobs = as_jobs(launcher, _numbered(plan), settings)
                outcomes = run_tasks(executor, plan.tasks, settings, tracking, jobs)
            else:
                outcomes = _launched(plan, launcher, settings, tracking)
            unwritten = print_results(plan, settings)
    return Swept(plan=plan, settings=settings, outcomes=outcomes, unwritten=unwritten)


def print_results(plan: Plan, settings: Settings) -> SupremeError | None:
    """Print the tables and write the reports; returns what kept them from being written, which hides no failure."""
    try:
        print_table(plan.cells, settings.output_dir)
        print_audits(plan.audits, settings.output_dir)
    except SupremeError as error:
        return error
    return None


def tell_presets(presets: Presets) -> None:
    """Say which presets did not apply to cells that they are nearly for."""
    for note in presets.notes():
        log.info(note)


def in_use(settings: Settings) -> AbstractContextManager[None]:
    """Inside, `supreme store gc` deletes nothing: a model that no row names yet may be what the next cell needs."""
    return settings.workplace().store.in_use()


def ignore(count: int) -> None:
    """What a launcher does that has no processes to warm up while the sweep is planned."""


def planned(
    cells: Iterable[Cell],
    settings: Settings,
    problems: Problems,
    start: float,
    on_todo: Callable[[int], None] = ignore,
) -> Plan:
    """The plan for these cells, in a place that can be written and free of what killed processes left."""
    at = settings.workplace()
    at.store.refuse_unwritable()
    for name, node in settings.tracker.items():
        if why := flaw(f"tracker {name}", node):
            problems.add(why)
    resolved = resolve(cells, settings.output_dir, problems)
    plan = make_plan(resolved, at, problems, on_todo, settings.objectives)
    if not settings.dry_run:
        at.store.prepare()
        at.store.sweep_temporary()
        sweep_leftovers()
        for folder in ("rows", "audits", "failures", *(f"tracking/{name}/.told" for name in settings.tracker)):
            remove_orphans(settings.output_dir / folder)
    log.info("%s (planned in %.1f s)", plan.describe(), time.monotonic() - start)
    for note in plan.notes:
        log.info("%s", note)
    return plan


@contextmanager
def closed(executor: Executor | None) -> Iterator[Executor | None]:
    """Close it at the end, also where nothing was run."""
    try:
        yield executor
    finally:
        if executor is not None:
            executor.close("broken")


def as_jobs(launcher: Any, numbered: Iterable[tuple[int, Sequence[str], Cell]], settings: Settings) -> Jobs:
    """These cells as jobs of a launcher of ours, each with its number and overrides."""
    numbered, at = list(numbered), settings.workplace()
    cells = {cell.id: cell for _, _, cell in numbered}
    jobs = [Job(number=number, overrides=overrides, cell=cell.id) for number, overrides, cell in numbered]
    return Jobs(launcher, jobs, lambda cell: returned(settings.objectives, read_row(cells[cell], at) or {}))


def _numbered(plan: Plan) -> Iterator[tuple[int, Sequence[str], Cell]]:
    """The cells that are to run, each with its place among all cells, which a resumed sweep has, too."""
    places = {cell.id: number for number, cell in enumerate(plan.cells)}
    yield from ((places[cell.id], cell.overrides, cell) for cell in plan.todo)


def _launched(plan: Plan, launcher: Any, settings: Settings, tracking: Tracking) -> dict[str, Outcome]:
    """Have a launcher that is not ours run the plan; returns what became of each task."""
    if not plan.tasks:
        return {}
    try:
        if plan.todo:
            launcher.launch([list(cell.overrides) for cell in plan.todo], initial_job_idx=0)
    except Exception as error:  # what it says of its jobs is judged by the rows they leave
        log.warning("the launcher stopped: %s: %s", type(error).__name__, error)
    tracking(*plan.todo)
    ended = {task.key: left_no_row(task) for task in plan.tasks}
    remember = Failures()
    for cell in plan.todo:
        remember(replace(ended[cell.id], status="done" if plan.has_row(cell) else "failed"))
    audits = [replace(task, after=()) for task in plan.audit_tasks]  # what they wait for has ended
    return ended | (run_tasks(local_executor(settings), audits, settings, tracking) if audits else {})


def local_executor(settings: Settings) -> LocalExecutor:
    """The device slots of this machine."""
    return LocalExecutor(settings.slots(), rules=settings.rules())


def run_tasks(
    executor: Executor, tasks: Sequence[Task], settings: Settings, tracking: Tracking, jobs: Jobs | None = None
) -> dict[str, Outcome]:
    """Run, show and track, and tell Hydra of its jobs; returns what became of each task."""
    if not tasks:
        return {}
    remember = Failures()
    if jobs:
        jobs.write_files()

    def on_event(event: Event) -> None:
        ground.refuse_if_gone()
        remember(event)
        progress(event)
        if jobs:
            jobs(event)
        if isinstance(event, Outcome) and event.status == "done":
            tracking(*[part for part in event.task.arguments if isinstance(part, Cell)])

    expected = expected_seconds(tasks, settings.workplace())
    shown = Progress(tasks, output_dir=settings.output_dir, expected=expected)
    with Ground(settings.output_dir) as ground, shown as progress:
        outcomes = run(tasks, executor, timeout=settings.timeout, on_event=on_event)
    return {outcome.task.key: outcome for outcome in outcomes}


def refuse(error: SupremeError) -> NoReturn:
    sys.exit(f"supreme: {error}")
