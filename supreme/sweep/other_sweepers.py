"""Hydra's launcher interface: what our launchers do for sweepers that are not ours."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hydra.core.utils import JobReturn, JobStatus

from supreme.core import SupremeError
from supreme.pipeline.cell import Cell
from supreme.sweep.display.plan_summary import print_plan
from supreme.sweep.hydra_keys import refuse_in_launch
from supreme.sweep.hydra_sweep import as_jobs, closed, in_use, planned, run_tasks, tell_presets
from supreme.sweep.plan.compose import Composer, Problems, compose_all
from supreme.sweep.plan.intensities import refuse_intensity
from supreme.sweep.plan.plan import make_plan, resolve
from supreme.sweep.plan.settings import Settings
from supreme.sweep.searches import check_search, searches
from supreme.sweep.tracking.tracking import Tracking

HOLDS_NO_ARITHMETIC = True  # so that no result depends on it: see supreme.store.fingerprint

log = logging.getLogger(__name__)


def launch(launcher: Any, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[JobReturn]:
    """Run these jobs; each returns its row, or what `objective` makes of it.

    What a search proposes and is not possible fails its own trial, unless that holds for all of its first ones.

    Raises:
        SupremeError: something is wrong with a job; nothing has run.
    """
    start, hydra = time.monotonic(), launcher.config.hydra
    refuse_in_launch(hydra)
    composer = Composer(launcher.hydra_context, launcher.config)
    numbered = dict(enumerate(job_overrides, initial_job_idx))
    refused: dict[int, SupremeError] = {}
    if searches(hydra.sweeper):
        refused = _refused(composer, numbered)
        if initial_job_idx == 0 and len(refused) == len(numbered):
            raise refused[0]
    possible = {number: overrides for number, overrides in numbered.items() if number not in refused}
    ended = _run(launcher, composer, possible, start) if possible else []
    for number, why in refused.items():
        log.warning("trial %d cannot run: %s", number, why)
    failed = [_failed(numbered[number], why, hydra) for number, why in refused.items()]
    both = {**dict(zip(possible, ended, strict=True)), **dict(zip(refused, failed, strict=True))}
    return [both[number] for number in numbered]


def _run(launcher: Any, composer: Composer, jobs: dict[int, Sequence[str]], start: float) -> list[JobReturn]:
    problems = Problems()
    asked, settings = compose_all(composer, list(jobs.values()), problems)
    problems.refuse()
    if settings is None:
        raise AssertionError("a job without settings is a problem")
    refuse_intensity(settings, "type hydra/sweeper=supreme, or leave it out")
    check_search(settings.objectives, launcher.config.hydra.sweeper, asked[0].metrics)
    if any(cell.audits for cell in asked):
        log.warning("audits need the sweeper of supreme, hydra/sweeper=supreme: there are none here")
        asked = [replace(cell, audits={}) for cell in asked]
    with closed(None if settings.dry_run else launcher.executor(settings)) as executor:
        plan = planned(asked, settings, problems, start)
        tell_presets(composer.presets)
        if executor is None:
            print_plan(plan, settings.slots())
            sys.exit()  # the sweeper cannot go on without rows
        cells = [resolve([cell], settings.output_dir, problems)[0] for cell in asked]
        told = as_jobs(launcher, zip(jobs, jobs.values(), cells, strict=True), settings)
        with in_use(settings), Tracking(settings.tracker, settings.output_dir) as tracking:
            tracking(*plan.cells)
            todo = {cell.id for cell in plan.todo}
            for found in dict.fromkeys(cell.id for cell in cells if cell.id not in todo):
                told.end(found)
            run_tasks(executor, plan.tasks, settings, tracking, told)
    return told.returns()


def _refused(composer: Composer, jobs: dict[int, Sequence[str]]) -> dict[int, SupremeError]:
    """Of each job that cannot run the reason, by its number."""
    found: dict[int, SupremeError] = {}
    for number, overrides in jobs.items():
        problems = Problems()
        try:
            cells, settings = compose_all(composer, [overrides], problems)
            problems.refuse()
            if settings is not None:
                _judge(cells, settings, problems)
        except SupremeError as error:
            found[number] = error
    return found


def _judge(cells: list[Cell], settings: Settings, problems: Problems) -> None:
    resolved = resolve(cells, settings.output_dir, problems)
    make_plan(resolved, settings.workplace(), problems, objectives=settings.objectives)


def _failed(overrides: Sequence[str], why: SupremeError, hydra: Any) -> JobReturn:
    done = JobReturn(overrides=list(overrides), task_name=str(hydra.job.name), status=JobStatus.FAILED)
    done.return_value = why
    return done
