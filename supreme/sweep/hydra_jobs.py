"""Cells as Hydra's jobs: its callbacks are told of them, its own files are written, and each returns a value."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from supreme.core import SupremeError
from supreme.sweep.schedule.tasks import Event, Outcome, Started

HOLDS_NO_ARITHMETIC = True  # so that no result depends on it: see supreme.store.fingerprint

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Job:
    """One job of a sweep."""

    number: int
    """Hydra's hydra.job.num."""
    overrides: Sequence[str]
    cell: str
    """Id of its cell, which another job may have, too."""


class Jobs:
    """Called with every event of a sweep, in its own process; see `README.md` on callbacks."""

    def __init__(self, launcher: Any, jobs: Sequence[Job], value: Callable[[str], Any]) -> None:
        """
        Args:
            launcher: a launcher of ours, set up.
            value: by the id of a cell that is done, what its job returns; raises SupremeError where there is nothing.
        """
        self._launcher = launcher
        self._value = value
        self._jobs: dict[str, list[Job]] = {}
        self._begun = set[str]()
        self._returns: dict[int, JobReturn] = {}
        for job in jobs:
            self._jobs.setdefault(job.cell, []).append(job)

    def __call__(self, event: Event) -> None:
        if isinstance(event, Started):
            self.begin(event.task.key)
        elif isinstance(event, Outcome):
            self.end(event.task.key, "" if event.status == "done" else event.error)

    def begin(self, cell: str) -> None:
        """Tell the callbacks that the jobs of this cell begin; of an attempt that is not the first, nothing."""
        if cell in self._begun or not self._callbacks:
            return
        self._begun.add(cell)
        for job in self._jobs.get(cell, ()):
            config = self._config(job)
            folder = Path(str(config.hydra.runtime.output_dir))
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:  # no reason to lose the cell
                log.warning("there is no folder %s for callbacks to write to: %s", folder, error.strerror)
            with _as_hydra_config(config):
                self._context.callbacks.on_job_start(config=config, task_function=self._launcher.task_function)

    def end(self, cell: str, error: str = "") -> None:
        """Tell the callbacks that the jobs of this cell have ended, with what they return.

        Args:
            error: why there is no row; empty where there is one.
        """
        self.begin(cell)  # blocked, or found
        for job in self._jobs.get(cell, ()):
            done = self._returns[job.number] = self._ended(job, error)
            log.debug("job %d, %s: %s", job.number, " ".join(job.overrides), done.status.name)
            if self._callbacks:
                config = self._config(job)
                with _as_hydra_config(config):
                    done.hydra_cfg, done.cfg = _parts(config)
                    self._context.callbacks.on_job_end(config=config, job_return=done)

    def returns(self) -> list[JobReturn]:
        """Of each job that has ended, by its number."""
        return [self._returns[number] for number in sorted(self._returns)]

    def write_files(self) -> None:
        """Write Hydra's own files of each job, where `hydra.output_subdir` asks for them, before anything runs.

        Raises:
            SupremeError: several jobs would share a folder, or it cannot be written.
        """
        if self._launcher.config.hydra.output_subdir is None:
            return
        taken = set[str]()
        for job in (job for jobs in self._jobs.values() for job in jobs):
            config = self._config(job)
            folder = str(config.hydra.runtime.output_dir)
            if folder in taken:
                raw = OmegaConf.to_container(self._launcher.config.hydra.sweep, resolve=False)
                raise SupremeError(
                    f"hydra.sweep.subdir={raw['subdir']} puts Hydra's files of several cells into one folder: "  # type: ignore[index,call-overload]
                    "type 'hydra.sweep.subdir=${hydra.job.num}', or leave hydra.output_subdir out"
                )
            taken.add(folder)
            _write(config, Path(folder) / str(config.hydra.output_subdir))

    @property
    def _context(self) -> Any:
        return self._launcher.hydra_context

    @property
    def _callbacks(self) -> bool:
        return bool(self._context.callbacks.callbacks)

    def _ended(self, job: Job, error: str) -> JobReturn:
        done = JobReturn(overrides=list(job.overrides), working_dir=str(Path.cwd()))
        done.task_name = str(self._launcher.config.hydra.job.name)
        try:
            if error:
                raise SupremeError(error)
            done.return_value, done.status = self._value(job.cell), JobStatus.COMPLETED
        except SupremeError as why:
            done.return_value, done.status = why, JobStatus.FAILED
        return done

    def _config(self, job: Job) -> DictConfig:
        """As Hydra's own launchers compose it for a job."""
        config = self._context.config_loader.load_sweep_config(self._launcher.config, list(job.overrides))
        with open_dict(config):
            config.hydra.job.id, config.hydra.job.num = str(job.number), job.number
        with _as_hydra_config(config):
            folder = Path(str(config.hydra.sweep.dir)) / str(config.hydra.sweep.subdir)
        with read_write(config.hydra.runtime), open_dict(config.hydra.runtime):
            config.hydra.runtime.output_dir = str(folder.resolve())
        return config


@contextmanager
def _as_hydra_config(config: DictConfig) -> Iterator[None]:
    """Inside, HydraConfig and ${hydra:...} are of this job."""
    before = HydraConfig.instance().cfg
    HydraConfig.instance().set_config(config)
    try:
        yield
    finally:
        HydraConfig.instance().cfg = before


def _parts(config: DictConfig) -> tuple[DictConfig, DictConfig]:
    """Hydra's part of a config, and the rest."""
    rest = copy.deepcopy(config)
    with read_write(rest), open_dict(rest):
        del rest["hydra"]
    return copy.deepcopy(HydraConfig.instance().cfg) or OmegaConf.create(), rest


def _write(config: DictConfig, folder: Path) -> None:
    with _as_hydra_config(config):
        hydra, rest = _parts(config)
        contents: Mapping[str, Any] = {"config": rest, "hydra": hydra, "overrides": config.hydra.overrides.task}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name, content in contents.items():
                (folder / f"{name}.yaml").write_text(OmegaConf.to_yaml(content), encoding="utf-8")
        except OSError as error:
            raise SupremeError(
                f"hydra.sweep.dir: {folder} cannot be written ({error.strerror}); type another hydra.sweep.dir or "
                "hydra.sweep.subdir"
            ) from error
