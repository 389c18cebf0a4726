"""What Hydra finds of us: our sweeper, our launcher, and the conf folders of third parties.

Hydra imports this module whenever any Hydra app of the environment starts, so it is thin; the work is in
`supreme.sweep`. (No `from __future__ import annotations` here: Hydra 1.3's scanner and dataclasses break on it.)
"""

from abc import abstractmethod
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper, BasicSweeperConf
from hydra.core.config_store import ConfigStore
from hydra.plugins.launcher import Launcher
from hydra.plugins.search_path_plugin import SearchPathPlugin

from supreme.sweep.executors.slurm.options import Cluster


@dataclass
class SweeperConf(BasicSweeperConf):
    _target_: str = "hydra_plugins.supreme_launcher.SupremeSweeper"


@dataclass
class LocalConf:
    _target_: str = "hydra_plugins.supreme_launcher.LocalLauncher"


@dataclass
class RayConf:
    _target_: str = "hydra_plugins.supreme_launcher.RayLauncher"
    _convert_: str = "all"
    address: str | None = None  # auto: the cluster of this machine; host:port; null: Ray on this machine alone
    gpus_per_job: float | None = None  # null: 1 / jobs_per_device, or 0 where there is no GPU
    cpus_per_job: float | None = None  # null: threads
    memory_gib: float | None = None
    attempts: int = 2  # of a task whose process dies; the loss of a node is not counted
    init: dict[str, Any] = field(default_factory=dict)  # more arguments of ray.init


@dataclass
class SlurmConf(Cluster):
    _target_: str = "hydra_plugins.supreme_launcher.SlurmLauncher"


class SupremeSweeper(BasicSweeper):
    """Composes every cell, runs what no stored row answers yet, and ends with the table."""

    def sweep(self, arguments: list[str]) -> Any:
        from supreme.sweep.hydra_sweep import sweep

        return sweep(self, arguments)


class PlanLauncher(Launcher):
    """A launcher of ours: our sweeper runs a whole plan on its executor, so that shared models are trained first."""

    def setup(self, *, hydra_context: Any, task_function: Any, config: Any) -> None:
        self.hydra_context = hydra_context
        self.task_function = task_function
        self.config = config

    def launch(self, job_overrides: Any, initial_job_idx: int) -> Any:
        """Hydra's own interface, for other sweepers than ours."""
        from supreme.sweep.other_sweepers import launch

        return launch(self, job_overrides, initial_job_idx)

    @abstractmethod
    def executor(self, settings: Any) -> Any:
        """The `supreme.sweep.schedule.executor.Executor` of a sweep with these settings."""


class LocalLauncher(PlanLauncher):
    """Runs cells on the devices of this machine, one warm worker process on each slot.

    The top level of the config says on which: devices, jobs_per_device, min_free_memory, threads, timeout.
    """

    def executor(self, settings: Any) -> Any:
        from supreme.sweep.hydra_sweep import local_executor

        return local_executor(settings)


class RayLauncher(PlanLauncher):
    """Runs cells on a Ray cluster, in as many warm worker processes as it has room for."""

    def __init__(self, **keys: Any) -> None:
        self.keys = keys

    def executor(self, settings: Any) -> Any:
        from supreme.sweep.executors.ray.executor import RayExecutor
        from supreme.sweep.executors.ray.options import Options

        return RayExecutor(settings, Options(**self.keys))


class SlurmLauncher(PlanLauncher):
    """Runs cells in jobs of Slurm; its keys are those of `supreme.sweep.executors.slurm.options.Cluster`."""

    def __init__(self, **keys: Any) -> None:
        self.keys = keys

    def executor(self, settings: Any) -> Any:
        from supreme.sweep.executors.slurm.executor import SlurmExecutor

        return SlurmExecutor(settings, Cluster(**self.keys))


class SupremeSearchPath(SearchPathPlugin):
    """Adds the conf package of every installed distribution with an entry point in the group `supreme.conf`."""

    def manipulate_search_path(self, search_path: Any) -> None:
        for entry_point in entry_points(group="supreme.conf"):
            search_path.append(f"supreme:{entry_point.name}", f"pkg://{entry_point.value}")


ConfigStore.instance().store(group="hydra/sweeper", name="supreme", node=SweeperConf, provider="supreme")
ConfigStore.instance().store(group="hydra/launcher", name="local", node=LocalConf, provider="supreme")
ConfigStore.instance().store(group="hydra/launcher", name="ray", node=RayConf, provider="supreme")
ConfigStore.instance().store(group="hydra/launcher", name="slurm", node=SlurmConf, provider="supreme")
