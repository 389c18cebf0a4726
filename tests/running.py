"""The scheduler on each executor, in one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from supreme.sweep.devices.slots import Slot
from supreme.sweep.executors.local.executor import LocalExecutor
from supreme.sweep.executors.ray.executor import RayExecutor
from supreme.sweep.executors.ray.options import Options
from supreme.sweep.executors.slurm.executor import SlurmExecutor
from supreme.sweep.executors.slurm.options import Cluster
from supreme.sweep.plan.settings import Settings
from supreme.sweep.schedule import scheduler
from supreme.sweep.schedule.tasks import Event, Outcome, Task

OnEvent = Callable[[Event], None]


def run(tasks: Sequence[Task], slots: Sequence[Slot], *, timeout: float | None, **more: Any) -> list[Outcome]:
    """On slots of this machine; rules and locks are those of `LocalExecutor`, the rest is that of `scheduler.run`."""
    given = {name: more.pop(name) for name in ("rules", "locks") if name in more}
    return scheduler.run(tasks, LocalExecutor(slots, **given), timeout=timeout, **more)


def run_on_slurm(
    tasks: Sequence[Task], settings: Settings, cluster: Cluster, on_event: OnEvent = lambda event: None
) -> list[Outcome]:
    return scheduler.run(tasks, SlurmExecutor(settings, cluster), timeout=settings.timeout, on_event=on_event)


def run_on_ray(
    tasks: Sequence[Task], settings: Settings, options: Options, on_event: OnEvent = lambda event: None
) -> list[Outcome]:
    return scheduler.run(tasks, RayExecutor(settings, options), timeout=settings.timeout, on_event=on_event)
