"""One cell in this very process: a single run, or a job of a launcher that is not ours."""

from __future__ import annotations

import logging
import os
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from supreme.core import SupremeError
from supreme.pipeline.cell import Cell
from supreme.pipeline.failures import forget_failures, record_failure
from supreme.pipeline.process_state import Touched
from supreme.sweep.devices.memory import ANY_DEVICE, Rules
from supreme.sweep.devices.slots import Slot
from supreme.sweep.display.plan_summary import print_plan
from supreme.sweep.display.summary import print_table
from supreme.sweep.executors.local.lock_directory import lock_directory
from supreme.sweep.executors.local.pool import LOOK_AGAIN_SECONDS, WorkerPool
from supreme.sweep.executors.local.worker import FAILED, sentence
from supreme.sweep.failures import Failures
from supreme.sweep.hydra_keys import heed_verbose, refuse_in_run
from supreme.sweep.hydra_sweep import in_use, local_executor, planned, refuse, tell_presets
from supreme.sweep.jobs import log_path, run_stage
from supreme.sweep.objective import returned
from supreme.sweep.plan.compose import Problems, cell_with, changes_here, plain_values
from supreme.sweep.plan.intensities import refuse_intensity
from supreme.sweep.plan.plan import Plan, read_row
from supreme.sweep.plan.presets import preset_of
from supreme.sweep.plan.settings import Settings
from supreme.sweep.schedule.scheduler import run
from supreme.sweep.schedule.tasks import Event, Retrying, Waiting
from supreme.sweep.searches import check_search, is_ours, searches
from supreme.sweep.tracking.tracking import Tracking

log = logging.getLogger(__name__)


def run_job(config: DictConfig) -> Any:
    """Run one cell in this process: a single run, or a job of a launcher that is not ours.

    Returns:
        What `objective` makes of its row: a float, or a list of several; without an objective the row itself.
    """
    hydra = HydraConfig.get()
    try:
        return _ran(config, hydra)
    except SupremeError as error:
        if hydra.mode == RunMode.MULTIRUN:
            raise  # Hydra tells its callbacks and the sweeper that the job failed, and other jobs go on
        refuse(error)


def _ran(config: DictConfig, hydra: Any) -> Any:
    alone = hydra.mode == RunMode.RUN
    refuse_in_run(hydra)
    heed_verbose(hydra.verbose)
    values = plain_values(config)
    presets, preset = preset_of(GlobalHydra.instance().config_loader(), hydra, values)
    cell = cell_with(preset, values, hydra.runtime.choices, list(hydra.overrides.task))
    cell = replace(cell, changed=changes_here(hydra))
    if not alone:  # the sweep that this job is of has its audits
        cell = replace(cell, audits={})
    settings = Settings.from_config(values)
    if alone or not is_ours(hydra.sweeper):
        refuse_intensity(settings, "add -m" if alone else "type hydra/sweeper=supreme, or leave it out")
    if not alone:
        check_search(settings.objectives, hydra.sweeper, cell.metrics)
    slots = settings.slots()
    plan = planned([cell], settings, Problems(), time.monotonic())
    if alone:
        tell_presets(presets)
    if settings.dry_run:
        print_plan(plan, slots)
        return _nothing(hydra)
    if plan.todo:
        if settings.timeout is not None:
            log.warning("timeout=%g is kept in sweeps only: add -m", settings.timeout)
        with in_use(settings):
            _run_one(plan, settings, alone=alone)
    told_elsewhere = not alone and is_ours(hydra.sweeper)  # our sweeper tells itself
    with Tracking({} if told_elsewhere else settings.tracker, settings.output_dir) as tracking:
        tracking(*plan.cells)
        if alone:
            print_table(plan.cells, settings.output_dir)
    value = returned(settings.objectives, read_row(plan.cells[0], plan.at) or {})
    if alone and settings.objectives:
        log.info("objective=%s: %s", ",".join(map(str, settings.objectives)), value)
    return value


def _nothing(hydra: Any) -> None:
    """What a dry run returns; a sweeper that searches cannot go on after it."""
    if hydra.mode == RunMode.MULTIRUN and searches(hydra.sweeper):
        raise SystemExit


def _run_one(plan: Plan, settings: Settings, alone: bool) -> None:
    """Run the only cell of a plan.

    A run alone is this process's own affair, but for what is left to do once a method has touched the process. The job
    of a launcher that is not ours may not be the last one of its process, which no method may touch: it has a worker.
    """
    cell = plan.todo[0]
    if alone:
        try:
            _run_here(cell, settings)
            forget_failures([cell], plan.at)
            return
        except Touched as touched:
            log.warning("%s: the rest is done in a fresh process", touched)
        except Exception as error:
            record_failure(cell, plan.at, sentence(error), log_path(cell.id, settings.output_dir).name)
            raise
    remember = Failures()

    def on_event(event: Event) -> None:
        remember(event)
        _tell(event)

    for outcome in run(plan.tasks, local_executor(settings), timeout=settings.timeout, on_event=on_event):
        if outcome.status != "done":
            raise SupremeError(f"{outcome.error}; its log: {outcome.task.log}")


def _tell(event: Event) -> None:
    if isinstance(event, Retrying):
        log.warning("again: %s: %s", event.task.label, event.reason)
    elif isinstance(event, Waiting):
        log.info("every device slot is taken; %s", event)


def _run_here(cell: Cell, settings: Settings) -> None:
    """Run the cell in this process; what it raises is written to its log, too."""
    try:
        with this_process_in(settings.slots(), settings.rules()):
            run_stage("cell", cell, settings.workplace(), cell.id)
    except Exception as error:
        path = log_path(cell.id, settings.output_dir)
        with suppress(OSError):  # the disk is full: that is no reason to hide what happened
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(f"{traceback.format_exc()}{FAILED}{sentence(error)}\n")
        raise


@contextmanager
def this_process_in(slots: Sequence[Slot], rules: Rules = ANY_DEVICE) -> Iterator[None]:
    """Work in this very process, in the first of these slots that is free; waits until one is, where the rules say so.

    A process whose CUDA has started cannot move: it takes only slots with the environment it has.
    """
    if "SUPREME_DEVICE" in os.environ:
        slots = [slot for slot in slots if slot.environment.items() <= os.environ.items()] or slots
    pool = WorkerPool(slots, lock_directory(), rules)
    while (place := pool.free_place()) is None:
        if why := pool.hopeless():
            raise SupremeError(why)
        for event in pool.news():
            log.info("every device slot is taken; %s", event)
        time.sleep(LOOK_AGAIN_SECONDS)
    for event in pool.news():
        log.info("every device slot is taken; %s", event)
    os.environ.update(place.slot.environment)
    try:
        yield
    finally:
        pool.close()
