"""The end of a sweep on the command line, whatever its sweeper: callbacks hear of it, and the table is printed."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any
from unittest.mock import patch

from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from supreme.core import SupremeError
from supreme.core.canonical import Damaged
from supreme.core.failure import read_failure
from supreme.core.sealing import OtherSchema
from supreme.pipeline.cell import Cell
from supreme.pipeline.failures import failure_path
from supreme.pipeline.stored_row import holds, read_row
from supreme.pipeline.workplace import Workplace
from supreme.sweep.display.summary import left_no_row, print_failures, print_table
from supreme.sweep.hydra_keys import heed_verbose
from supreme.sweep.plan.compose import Composer, Problems, compose_all
from supreme.sweep.plan.plan import cell_task, labels_of, resolve
from supreme.sweep.schedule.tasks import Outcome
from supreme.sweep.searches import is_ours

log = logging.getLogger(__name__)


@contextmanager
def ending_with_its_table() -> Iterator[None]:
    """Inside, a sweep of any sweeper ends as ours does. Hydra has no hook that is called after a sweep that failed.

    What ends a sweep is raised when Hydra has told its callbacks that it has ended, also where cells failed.
    """
    sweep = _Sweep()
    make_sweeper, make_launcher = Plugins.instantiate_sweeper, Plugins.instantiate_launcher

    def sweeper(plugins: Plugins, **given: Any) -> Any:
        return _Sweeper(make_sweeper(plugins, **given), sweep, given["hydra_context"], given["config"])

    def launcher(plugins: Plugins, *given: Any, **named: Any) -> Any:
        made, config = make_launcher(plugins, *given, **named), named["config"] if "config" in named else given[2]
        return made if is_ours(config.hydra.sweeper) else _Launcher(made, sweep)

    with (
        patch.object(Plugins, "instantiate_sweeper", sweeper),
        patch.object(Plugins, "instantiate_launcher", launcher),
    ):
        yield
    if sweep.ended_by:
        raise sweep.ended_by


@dataclass
class _Sweep:
    """What is known of the sweep of this process."""

    jobs: list[Sequence[str]] = field(default_factory=list)
    """Overrides of the jobs that have ended."""
    errors: list[object] = field(default_factory=list)
    """What those that failed raised."""
    ended_by: BaseException | None = None


@dataclass
class _Sweeper:
    """Stands for a sweeper, and holds back what it raises."""

    inner: Any
    known: _Sweep
    context: Any
    config: Any

    def sweep(self, arguments: list[str]) -> Any:
        ours = is_ours(self.config.hydra.sweeper)
        heed_verbose(self.config.hydra.verbose)
        if not ours:
            _show_log(type(self.inner).__module__)
        try:
            return self.inner.sweep(arguments)
        except BaseException as error:
            self.known.ended_by = error
        finally:
            if not ours and self.known.jobs and not isinstance(self.known.ended_by, KeyboardInterrupt):
                self.known.ended_by = self._end(self.known.ended_by)

    def _end(self, error: BaseException | None) -> BaseException | None:
        """Print the table and the failures; returns what the command is to end with."""
        problems = Problems()
        try:
            cells, settings = compose_all(Composer(self.context, self.config), self.known.jobs, problems)
            if settings is None:
                problems.refuse()
                return error
            at = settings.workplace()
            cells = resolve(cells, settings.output_dir, problems)
            print_table(cells, settings.output_dir)
        except (SupremeError, HydraException, OmegaConfBaseException) as flaw:
            return flaw
        failed = [cell for cell in cells if not holds(read_row(cell, at), cell, at)]
        if failed:
            labels = labels_of(failed)
            print_failures(failed, {cell.id: _outcome(cell, labels[cell.id], at) for cell in failed}, len(cells))
        if error is not None and error not in self.known.errors:
            return _in_a_sentence(error)
        return SystemExit(1) if failed else error


@dataclass
class _Launcher:
    """Stands for a launcher, and notes the jobs that have ended."""

    inner: Any
    known: _Sweep

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Any:
        done: Sequence[JobReturn] = self.inner.launch(job_overrides, initial_job_idx=initial_job_idx)
        self.known.jobs += [list(overrides) for overrides in job_overrides]
        self.known.errors += [one._return_value for one in done if one.status == JobStatus.FAILED]
        return done

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def _show_log(module: str) -> None:
    """Show what a sweeper that is not ours says of itself, as what is best; our config has no handlers of Hydra's."""
    if logging.getLogger().handlers or module.startswith("hydra."):
        return
    logger = logging.getLogger(".".join(module.split(".")[:2]))
    logger.setLevel(logging.INFO)
    for handler in logging.getLogger("supreme").handlers:
        logger.addHandler(handler)


def _outcome(cell: Cell, label: str, at: Workplace) -> Outcome:
    """How a cell without a row ended, by what was recorded of it."""
    task = cell_task(cell, at, label)
    with suppress(FileNotFoundError, Damaged, OtherSchema):
        record = read_failure(failure_path(cell, at))
        return replace(left_no_row(replace(task, log=task.log.parent / record["log"])), error=record["error"])
    return left_no_row(task)


def _in_a_sentence(error: BaseException) -> BaseException:
    if isinstance(error, SupremeError | HydraException | OmegaConfBaseException | SystemExit):
        return error
    log.debug("the sweeper stopped", exc_info=error)
    told = SupremeError(f"the sweeper stopped: {type(error).__name__}: {error}")
    told.__cause__ = error
    return told
