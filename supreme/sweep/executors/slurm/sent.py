"""What is sent to Slurm: tasks in packs, what is known of each job, and how a later sweep finds it again."""

from __future__ import annotations

import graphlib
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from supreme.core.canonical import Damaged, read_json
from supreme.core.typed import flaw
from supreme.store.files import digest, write_json
from supreme.sweep.executors.slurm import job as slurm_job
from supreme.sweep.executors.slurm.options import Cluster
from supreme.sweep.executors.slurm.queue import ALIVE, State
from supreme.sweep.plan.settings import Settings
from supreme.sweep.schedule.tasks import Event, Outcome, Started, Task


@dataclass(kw_only=True)
class Job:
    """A job that was sent, by this process or by one before it."""

    id: str
    folder: Path
    """Of the sweep that sent it."""
    size: int
    """How many tasks it was sent with."""
    open: set[str]
    """Keys of those whose end is not known yet."""
    started: dict[str, str] = field(default_factory=dict)
    """Key of each that has begun -> the slot it has."""
    over: float | None = None
    """Since when, by the monotonic clock, the queue has it no more."""
    end: str = ""
    """How it ended, in Slurm's word."""

    @property
    def events(self) -> Path:
        return events_of(self.folder)

    @property
    def log(self) -> Path:
        return self.folder / f"{self.id}_0_log.out"


def root_of(output_dir: Path) -> Path:
    """Where the folders of all sweeps are."""
    return output_dir.absolute() / "slurm"


def name_of(folder: Path) -> str:
    """Of all jobs of the sweep with this folder."""
    return f"supreme-{folder.name}"


def events_of(folder: Path) -> Path:
    return folder / "events"


def register(job: Job, tasks: Sequence[Task]) -> None:
    """Write down what this job is to do."""
    write_json(job.folder / "jobs" / f"{job.id}.json", {task.key: _identity(task) for task in tasks})


def registered(
    root: Path, tasks: Mapping[str, Task], states: Mapping[str, State], seen: dict[Path, set[str]]
) -> Iterator[Job]:
    """The jobs of earlier sweeps that still do, or will do, some of these tasks; each task in one job.

    Args:
        root: where the folders of all sweeps are.
        tasks: by their keys.
        states: what Slurm says of jobs.
        seen: gets, of every folder of a sweep, the names of the events that told how far its jobs are.
    """
    wanted = {key: _identity(task) for key, task in tasks.items()}
    told: dict[Path, list[Event]] = {}
    for path in sorted(root.glob("*/jobs/*.json")):
        state, folder = states.get(path.stem), path.parents[1]
        if state is None or state.name not in ALIVE or state.sweep != name_of(folder):
            continue
        if folder not in told:
            told[folder] = list(slurm_job.read(events_of(folder), seen=seen.setdefault(folder, set())))
        sent = _tasks_of(path)
        ended = {event.task.key for event in told[folder] if isinstance(event, Outcome)}
        begun = {event.task.key: event.slot for event in told[folder] if isinstance(event, Started)}
        same = {key for key, identity in sent.items() if wanted.get(key) == identity}
        if found := same - ended:
            for key in found:
                del wanted[key]
            started = {key: begun[key] for key in sent if key in begun}
            yield Job(id=path.stem, folder=folder, size=len(sent), open=found, started=started)


Told = Mapping[Path, frozenset[str]]
"""The names of the events in each folder of a sweep."""


def told(output_dir: Path) -> Told:
    """What the jobs of all sweeps have told so far."""
    return {path.parent: frozenset(os.listdir(path)) for path in root_of(output_dir).glob("*/events")}


def done_since(before: Told, output_dir: Path, tasks: Mapping[str, Task]) -> Iterator[tuple[Path, Outcome]]:
    """Of these tasks those that a job of an earlier sweep has done meanwhile; what was done before may be gone again.

    Each with the folder of that sweep.

    Args:
        before: what had been told when it was found that they are to be done.
        tasks: by their keys.
    """
    for folder, names in told(output_dir).items():
        known = before.get(folder, frozenset())
        if not names - known:
            continue
        sent: dict[str, str] = {}
        for path in folder.glob("jobs/*.json"):
            sent |= _tasks_of(path)
        wanted = [key for key, task in tasks.items() if sent.get(key) == _identity(task)]
        for event in slurm_job.read(events_of(folder), seen=set(known), keys=wanted):
            if isinstance(event, Outcome) and event.status == "done":
                yield folder, replace(event, task=tasks[event.task.key])


def _tasks_of(path: Path) -> dict[str, str]:
    """What `register` has written down of a job; nothing where that is damaged: then the job is not ours to adopt."""
    try:
        sent = read_json(path)
    except (OSError, Damaged):
        return {}
    return {} if flaw(sent, Mapping[str, str]) else sent


def _identity(task: Task) -> str:
    """Two tasks with the same key may still differ: in the metrics that are asked for."""
    return digest([task.function.__qualname__, repr(task.arguments)])


def in_order(tasks: Sequence[Task]) -> Iterator[list[Task]]:
    """The tasks of each kind, those that others need before them."""
    keys = {task.key for task in tasks}
    needs = {task.key: [key for key in (*task.needs, *task.after) if key in keys] for task in tasks}
    level: dict[str, int] = {}
    for key in graphlib.TopologicalSorter(needs).static_order():
        level[key] = max((level[need] + 1 for need in needs[key]), default=0)
    for group in sorted({(level[task.key], task.kind) for task in tasks}):
        yield [task for task in tasks if (level[task.key], task.kind) == group]


def packs(
    tasks: Sequence[Task], size: int | None, settings: Settings, cluster: Cluster, folder: Path
) -> list[slurm_job.Pack]:
    """The tasks in packs of about the same size, no larger than this; None: as `Cluster.tasks_per_job` says."""
    at_once = cluster.at_once(settings.devices, settings.jobs_per_device, settings.threads)
    count = math.ceil(len(tasks) / (size or max(at_once, math.ceil(len(tasks) / cluster.max_running))))
    without_gpu = settings.devices == "auto" and not cluster.has_gpu(settings.devices)
    return [
        slurm_job.Pack(
            tasks=tuple(tasks[index * len(tasks) // count : (index + 1) * len(tasks) // count]),
            events=events_of(folder),
            directory=Path.cwd(),
            devices="cpu" if without_gpu else settings.devices,
            jobs_per_device=settings.jobs_per_device,
            threads=settings.threads,
            timeout=settings.timeout,
            shared=any(word in (cluster.gres or "") for word in ("shard", "mps")),
        )
        for index in range(count)
    ]
