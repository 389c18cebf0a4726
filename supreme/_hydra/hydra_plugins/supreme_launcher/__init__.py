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
    """A launcher of ours: our sweeper hands it a whole plan, so that shared models are trained first.

    Every one has `run_tasks(tasks, settings, on_event)`; see `supreme.sweep.hydra_sweep.Runner`.
    """

    def setup(self, *, hydra_context: Any, task_function: Any, config: Any) -> None:
        self.hydra_context = hydra_context
        self.config = config

    def before_planning(self, settings: Any) -> None:
        """Note what is to be known of the time before it was found out what is to be done."""

    def launch(self, job_overrides: Any, initial_job_idx: int) -> Any:
        """Hydra's own interface, for other sweepers than ours."""
        from supreme.sweep.hydra_sweep import launch

        return launch(self, job_overrides, initial_job_idx)

    @abstractmethod
    def run_tasks(self, tasks: Any, settings: Any, on_event: Any) -> Any: ...


class LocalLauncher(PlanLauncher):
    """Runs cells on the devices of this machine, one warm worker process on each slot.

    The top level of the config says on which: devices, jobs_per_device, min_free_memory, threads, timeout.
    """

    crew: Any = None
    """The places where processes start while the sweep is still planned; whoever plans closes it."""

    def warm_up(self, settings: Any, count: int) -> None:
        """Start processes for this many jobs."""
        from supreme.sweep.hydra_sweep import crew_of

        self.crew = crew_of(settings, count)

    def run_tasks(self, tasks: Any, settings: Any, on_event: Any) -> Any:
        from supreme.sweep.hydra_sweep import run_on_slots

        return run_on_slots(tasks, settings, on_event, self.crew)


class RayLauncher(PlanLauncher):
    """Runs cells on a Ray cluster, in as many warm worker processes as it has room for."""

    def __init__(
        self,
        address: str | None,
        gpus_per_job: float | None,
        cpus_per_job: float | None,
        memory_gib: float | None,
        attempts: int,
        init: dict[str, Any],
    ) -> None:
        self.options = {
            "address": address,
            "gpus_per_job": gpus_per_job,
            "cpus_per_job": cpus_per_job,
            "memory_gib": memory_gib,
            "attempts": attempts,
            "init": init,
        }

    def run_tasks(self, tasks: Any, settings: Any, on_event: Any) -> Any:
        from supreme.sweep.executors.ray import connection as ray_cluster

        return ray_cluster.run(tasks, settings, ray_cluster.Options(**self.options), on_event)


class SlurmLauncher(PlanLauncher):
    """Runs cells in jobs of Slurm; its keys are those of `supreme.sweep.executors.slurm.options.Cluster`."""

    told_before: Any = None
    """What jobs of earlier sweeps had told before this one was planned."""

    def __init__(self, **keys: Any) -> None:
        self.cluster = Cluster(**keys)

    def before_planning(self, settings: Any) -> None:
        from supreme.sweep.executors.slurm.sent import told

        self.told_before = told(settings.output_dir)

    def run_tasks(self, tasks: Any, settings: Any, on_event: Any) -> Any:
        from supreme.sweep.executors.slurm.executor import run

        return run(tasks, settings, self.cluster, on_event, self.told_before)


class SupremeSearchPath(SearchPathPlugin):
    """Adds the conf package of every installed distribution with an entry point in the group `supreme.conf`."""

    def manipulate_search_path(self, search_path: Any) -> None:
        for entry_point in entry_points(group="supreme.conf"):
            search_path.append(f"supreme:{entry_point.name}", f"pkg://{entry_point.value}")


ConfigStore.instance().store(group="hydra/sweeper", name="supreme", node=SweeperConf, provider="supreme")
ConfigStore.instance().store(group="hydra/launcher", name="local", node=LocalConf, provider="supreme")
ConfigStore.instance().store(group="hydra/launcher", name="ray", node=RayConf, provider="supreme")
ConfigStore.instance().store(group="hydra/launcher", name="slurm", node=SlurmConf, provider="supreme")
