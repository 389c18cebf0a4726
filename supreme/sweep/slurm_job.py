"""Inside a job of Slurm: some tasks on the devices that it was given, and every event a file for who sent them."""

from __future__ import annotations

import os
import pickle
import signal
import socket
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from supreme.files import digest
from supreme.sweep import engine
from supreme.sweep.devices import Slot, find_slots
from supreme.sweep.tasks import Event, Outcome, Retired, Task, Waiting

ENDED = "ended"
TOLD = "told"


@dataclass(frozen=True, kw_only=True)
class Pack:
    """The work of one job."""

    tasks: tuple[Task, ...]
    """Of one kind, so that none waits for another."""
    events: Path
    """The folder, absolute, into which events go."""
    directory: Path
    """Where relative paths begin."""
    devices: str | tuple[int | str, ...]
    jobs_per_device: int | str
    threads: int
    timeout: float | None
    shared: bool
    """Whether jobs of others may work on the same device."""


def run_pack(pack: Pack) -> None:
    """Run the tasks that have not ended yet; the queue may have sent this job to work a second time."""
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)  # submitit would end at it; the limit of time comes as SIGTERM, too
    os.chdir(pack.directory)
    names = {task.key for task in pack.tasks} | {need for task in pack.tasks for need in task.needs}
    before = {event.task.key: event for event in read(pack.events, keys=names) if isinstance(event, Outcome)}
    todo = {task.key: task for task in pack.tasks if task.key not in before}

    def record(event: Event) -> None:
        if not isinstance(event, Waiting | Retired):  # of this machine; its tasks tell what matters
            write(pack.events, replace(event, task=todo[event.task.key]))
            if isinstance(event, Outcome):
                del todo[event.task.key]

    for task in list(todo.values()):
        if failed := next((before[key] for key in task.needs if key in before and before[key].status != "done"), None):
            record(Outcome(task=task, status="blocked", error=f"it waits for {failed.task.label}, which failed"))
    if not todo:
        return
    # Who needs a model that is not there makes it: a job of Slurm may have died without anybody to send another.
    alone = [replace(task, needs=(), after=()) for task in todo.values()]
    try:
        # Slurm gave this place to us, so no lock of the machine is asked
        with tempfile.TemporaryDirectory() as locks:
            engine.run(alone, _slots(pack), timeout=pack.timeout, on_event=record, locks=Path(locks))
    except Exception as error:  # not of a task: no slot, say; who sent us is to know why
        for task in list(todo.values()):
            record(Outcome(task=task, status="failed", error=str(error), slot=job_id()))
        raise


def _slots(pack: Pack) -> list[Slot]:
    """The slots of what Slurm gave this job, with names that no other job has."""
    cores = int(os.environ.get("SLURM_CPUS_PER_TASK") or os.environ.get("SLURM_CPUS_ON_NODE") or 1)
    return [
        replace(
            slot,
            name=f"{slot.name} of job {job_id()} on {socket.gethostname()}",
            shared=slot.shared or pack.shared,
            environment={**slot.environment, "SUPREME_DEVICE_SHARED": str(int(slot.shared or pack.shared))},
        )
        for slot in find_slots(pack.devices, pack.jobs_per_device, pack.threads, cores)
    ]


def job_id() -> str:
    """Of the job that this process is in, as Slurm and submitit write it: 12, or 12_3 in an array."""
    if array := os.environ.get("SLURM_ARRAY_JOB_ID"):
        return f"{array}_{os.environ['SLURM_ARRAY_TASK_ID']}"
    return os.environ["SLURM_JOB_ID"]


def write(folder: Path, event: Event) -> None:
    """Leave an event of a task in this folder; it is there whole or not at all."""
    assert not isinstance(event, Waiting | Retired)
    kind = ENDED if isinstance(event, Outcome) else TOLD
    name = f"{_short(event.task.key)}.{time.time_ns():020d}.{kind}"
    temporary = folder / f".{name}.{os.getpid()}"
    temporary.write_bytes(pickle.dumps(event))
    temporary.replace(folder / name)


def read(folder: Path, *, seen: set[str] | None = None, keys: Iterable[str] | None = None) -> Iterator[Event]:
    """The events in this folder, oldest first.

    Args:
        seen: names to leave out; those read are added.
        keys: of the only tasks to read.
    """
    # Listing a folder asks the server; looking for one name may be answered from what a client remembers.
    wanted = None if keys is None else {_short(key) for key in keys}
    seen = set() if seen is None else seen
    try:
        listed = os.listdir(folder)
    except FileNotFoundError:  # another sweep that has ended well took it away
        return
    names = [name for name in listed if not name.startswith(".") and name not in seen]
    for name in sorted(names, key=lambda name: name.split(".")[1]):
        if wanted is None or name.split(".")[0] in wanted:
            event = pickle.loads((folder / name).read_bytes())
            seen.add(name)
            yield event


def _short(key: str) -> str:
    return digest(key)[:24]
