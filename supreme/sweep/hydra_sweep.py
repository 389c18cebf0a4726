"""Between Hydra and the engine: plan, run, report. What the plugin and the command line call."""

from __future__ import annotations

import logging
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from functools import partial
from typing import Any, NoReturn

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus
from hydra.types import RunMode
from omegaconf import DictConfig

from supreme.core import SupremeError
from supreme.pipeline.cell import Cell
from supreme.pipeline.process_state import Touched
from supreme.store.files import remove_orphans
from supreme.sweep.display.progress import Progress
from supreme.sweep.display.summary import left_no_row, print_audits, print_failed_audits, print_failures, print_table
from supreme.sweep.executors.dry_run import print_plan
from supreme.sweep.executors.local.leftovers import sweep_leftovers
from supreme.sweep.executors.local.pool import Crew
from supreme.sweep.executors.local.process import lock_directory
from supreme.sweep.ground import Ground
from supreme.sweep.jobs import log_path, run_stage, this_process_in, warm_up
from supreme.sweep.plan.compose import Composer, Problems, cell_with, changes_here, compose_all, expand, plain_values
from supreme.sweep.plan.estimate import expected_seconds
from supreme.sweep.plan.plan import Plan, flaw, make_plan, read_row, resolve
from supreme.sweep.plan.presets import Presets, preset_of
from supreme.sweep.plan.settings import Settings
from supreme.sweep.schedule import scheduler as engine
from supreme.sweep.schedule.tasks import Event, Outcome, Retrying, Task, Waiting
from supreme.sweep.tracking.tracking import Tracking

log = logging.getLogger(__name__)

Runner = Callable[[Sequence[Task], Settings, Callable[[Event], None]], list[Outcome]]
"""What a launcher of ours is: runs tasks where it runs them, tells events as they happen, returns one outcome each.

It raises KeyboardInterrupt, named after the signal, when it was told to stop and has ended what it had started.
"""


def sweep(sweeper: Any, arguments: Sequence[str]) -> list[str]:
    """Run every cell that the command line and `hydra.sweeper.params` span; returns the ids of the cells."""
    launcher = sweeper.launcher
    try:
        start, problems = time.monotonic(), Problems()
        jobs = expand(sweeper, arguments)
        composer = Composer(sweeper.hydra_context, sweeper.config)
        cells, settings = compose_all(composer, jobs, problems)
        if settings is None:
            problems.refuse()
            raise AssertionError("a job without settings is a problem")
        if hasattr(launcher, "before_planning"):
            launcher.before_planning(settings)
        begin = partial(launcher.warm_up, settings) if hasattr(launcher, "warm_up") else ignore
        plan = _plan(cells, settings, problems, start, ignore if settings.dry_run else begin)
        _tell_presets(composer.presets)
        if settings.dry_run:
            print_plan(plan, settings.slots())
            return [cell.id for cell in plan.cells]
        with _in_use(settings), Tracking(settings.tracker, settings.output_dir) as tracking:
            tracking(*plan.cells)
            outcomes = _run(plan, launcher, settings, tracking)
            unwritten = _print_results(plan, settings)
    except SupremeError as error:
        _refuse(error)
    finally:
        if crew := getattr(launcher, "crew", None):
            crew.close()
    failed = [cell for cell in plan.todo if not plan.has_row(cell)]
    failed_audits = [outcomes[task.key] for task in plan.audit_tasks if outcomes[task.key].status != "done"]
    if failed:
        print_failures(failed, outcomes, len(plan.cells))
    if failed_audits:
        print_failed_audits(failed_audits, len(plan.audits))
    if unwritten:
        _refuse(unwritten)
    if failed or failed_audits:
        sys.exit(1)
    return [cell.id for cell in plan.cells]


def _print_results(plan: Plan, settings: Settings) -> SupremeError | None:
    """Print the tables and write the reports; returns what kept them from being written, which hides no failure."""
    try:
        print_table(plan.cells, settings.output_dir)
        print_audits(plan.audits, settings.output_dir)
    except SupremeError as error:
        return error
    return None


def run_job(config: DictConfig) -> dict[str, Any] | None:
    """Run one cell in this process: a single run, or a job of a launcher that is not ours. Returns its row."""
    hydra = HydraConfig.get()
    try:
        values = plain_values(config)
        presets, preset = preset_of(GlobalHydra.instance().config_loader(), hydra, values)
        cell = cell_with(preset, values, hydra.runtime.choices, list(hydra.overrides.task))
        cell = replace(cell, changed=changes_here(hydra))
        if hydra.mode != RunMode.RUN:  # the sweep that this job is of has its audits
            cell = replace(cell, audits={})
        settings = Settings.from_config(values)
        plan = _plan([cell], settings, Problems(), time.monotonic())
        if hydra.mode == RunMode.RUN:
            _tell_presets(presets)
        if settings.dry_run:
            return print_plan(plan, settings.slots())
        if plan.todo:
            if settings.timeout is not None:
                log.warning("timeout=%g is kept in sweeps only: add -m", settings.timeout)
            with _in_use(settings):
                _run_one(plan, settings, alone=hydra.mode == RunMode.RUN)
        of_ours = hydra.mode == RunMode.MULTIRUN and str(hydra.sweeper._target_).endswith(".SupremeSweeper")
        with Tracking({} if of_ours else settings.tracker, settings.output_dir) as tracking:  # our sweeper tells itself
            tracking(*plan.cells)
            if hydra.mode == RunMode.RUN:
                print_table(plan.cells, settings.output_dir)
        return read_row(plan.cells[0], plan.at)
    except SupremeError as error:
        _refuse(error)


def launch(launcher: Any, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[JobReturn]:
    """Hydra's launcher interface, for sweepers that are not ours: a job's return value is its row."""
    problems = Problems()
    composer = Composer(launcher.hydra_context, launcher.config)
    cells, settings = compose_all(composer, job_overrides, problems)
    problems.refuse()
    assert settings is not None
    if any(cell.audits for cell in cells):
        log.warning("audits need the sweeper of supreme, hydra/sweeper=supreme: there are none here")
        cells = [replace(cell, audits={}) for cell in cells]
    launcher.before_planning(settings)
    plan = _plan(cells, settings, problems, time.monotonic())
    _tell_presets(composer.presets)
    if settings.dry_run:
        print_plan(plan, settings.slots())
        sys.exit()  # the sweeper cannot go on without rows
    with _in_use(settings), Tracking(settings.tracker, settings.output_dir) as tracking:
        outcomes = _run_tasks(launcher.run_tasks, plan.tasks, settings, tracking)
    returns = []
    for number, (asked, overrides) in enumerate(zip(cells, job_overrides, strict=True), initial_job_idx):
        cell = resolve([asked], settings.output_dir, problems)[0]
        result = JobReturn(overrides=overrides, working_dir=str(settings.output_dir), task_name=f"supreme {number}")
        row = read_row(cell, plan.at)
        result.status = JobStatus.COMPLETED if row else JobStatus.FAILED
        result.return_value = row or RuntimeError(outcomes[cell.id].error)
        returns.append(result)
    return returns


def _tell_presets(presets: Presets) -> None:
    """Say which presets did not apply to cells that they are nearly for."""
    for note in presets.notes():
        log.info(note)


def _in_use(settings: Settings) -> AbstractContextManager[None]:
    """Inside, `supreme store gc` deletes nothing: a model that no row names yet may be what the next cell needs."""
    return settings.workplace().store.in_use()


def ignore(count: int) -> None:
    """What a launcher does that has no processes to warm up while the sweep is planned."""


def _plan(
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
    plan = make_plan(resolve(cells, settings.output_dir, problems), at, problems, on_todo)
    if not settings.dry_run:
        at.store.prepare()
        at.store.sweep_temporary()
        sweep_leftovers()
        for folder in ("rows", "audits", *(f"tracking/{name}/.told" for name in settings.tracker)):
            remove_orphans(settings.output_dir / folder)
    log.info("%s (planned in %.1f s)", plan.describe(), time.monotonic() - start)
    for note in plan.notes:
        log.info("%s", note)
    return plan


def _run(plan: Plan, launcher: Any, settings: Settings, tracking: Tracking) -> dict[str, Outcome]:
    """Run the plan; returns what became of each task."""
    if not plan.tasks:
        return {}
    if hasattr(launcher, "run_tasks"):
        return _run_tasks(launcher.run_tasks, plan.tasks, settings, tracking)
    try:
        if plan.todo:
            launcher.launch([list(cell.overrides) for cell in plan.todo], initial_job_idx=0)
    except Exception as error:  # what it says of its jobs is judged by the rows they leave
        log.warning("the launcher stopped: %s: %s", type(error).__name__, error)
    tracking(*plan.todo)
    ended = {task.key: left_no_row(task) for task in plan.tasks}
    audits = [replace(task, after=()) for task in plan.audit_tasks]  # what they wait for has ended
    return ended | (_run_tasks(run_on_slots, audits, settings, tracking) if audits else {})


def crew_of(settings: Settings, count: int) -> Crew:
    """Of the slots of this machine, as many as this many jobs can use, warming up where they are free."""
    crew = Crew(settings.slots(), lock_directory(), settings.rules())
    crew.warm_up(warm_up, count)
    return crew


def run_on_slots(
    tasks: Sequence[Task], settings: Settings, on_event: Callable[[Event], None], crew: Crew | None = None
) -> list[Outcome]:
    """The local launcher: run on the device slots of this machine."""
    slots, rules = settings.slots(), settings.rules()
    return engine.run(tasks, slots, timeout=settings.timeout, on_event=on_event, rules=rules, crew=crew)


def _run_tasks(run: Runner, tasks: Sequence[Task], settings: Settings, tracking: Tracking) -> dict[str, Outcome]:
    """Run, show and track; returns what became of each task."""

    def on_event(event: Event) -> None:
        ground.refuse_if_gone()
        progress(event)
        if isinstance(event, Outcome) and event.status == "done":
            tracking(*[part for part in event.task.arguments if isinstance(part, Cell)])

    expected = expected_seconds(tasks, settings.workplace())
    shown = Progress(tasks, output_dir=settings.output_dir, expected=expected)
    with Ground(settings.output_dir) as ground, shown as progress:
        outcomes = run(tasks, settings, on_event)
    return {outcome.task.key: outcome for outcome in outcomes}


def _run_one(plan: Plan, settings: Settings, alone: bool) -> None:
    """Run the only cell of a plan.

    A run alone is this process's own affair, but for what is left to do once a method has touched the process. The job
    of a launcher that is not ours may not be the last one of its process, which no method may touch: it has a worker.
    """
    if alone:
        try:
            _run_here(plan.todo[0], settings)
            return
        except Touched as touched:
            log.warning("%s: the rest is done in a fresh process", touched)
    for outcome in run_on_slots(plan.tasks, settings, _tell):
        if outcome.status != "done":
            raise SupremeError(f"{outcome.error}; its log: {outcome.task.log}")


def _tell(event: Event) -> None:
    if isinstance(event, Retrying):
        log.warning("again: %s: %s", event.task.label, event.reason)
    elif isinstance(event, Waiting):
        log.info("waiting for a free device slot: %s", "; ".join(event.holders))


def _run_here(cell: Cell, settings: Settings) -> None:
    """Run the cell in this process; what it raises is written to its log, too."""
    try:
        with this_process_in(settings.slots(), settings.rules()):
            run_stage("cell", cell, settings.workplace(), cell.id)
    except Exception:
        path = log_path(cell.id, settings.output_dir)
        with suppress(OSError):  # the disk is full: that is no reason to hide what happened
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a") as file:
                file.write(traceback.format_exc())
        raise


def _refuse(error: SupremeError) -> NoReturn:
    sys.exit(f"supreme: {error}")
