"""Inside a job of Slurm: some tasks on the devices that it was given, and every event a file for who sent them."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, TypedDict, get_args, get_type_hints

from supreme.core.canonical import Damaged, plain, read_json
from supreme.core.text import one_line
from supreme.core.typed import flaw
from supreme.store.files import digest
from supreme.sweep.devices.slots import Slot, find_slots
from supreme.sweep.executors.local.executor import LocalExecutor
from supreme.sweep.schedule.scheduler import run
from supreme.sweep.schedule.tasks import Event, Outcome, Parked, Retired, Retrying, Started, Task, Waiting

log = logging.getLogger(__name__)

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
            run(alone, LocalExecutor(_slots(pack), locks=Path(locks)), timeout=pack.timeout, on_event=record)
    except Exception as error:  # not of a task: no slot, say; who sent us is to know why
        for task in list(todo.values()):
            record(Outcome(task=task, status="failed", error=one_line(str(error)), slot=job_id()))
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
    temporary.write_text(json.dumps(_to_json(event)))
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
            try:
                event = _from_json(read_json(folder / name))
            except FileNotFoundError:
                return
            except (OSError, Damaged) as why:  # the task has then left nothing, and is judged by that
                log.warning("skipped %s, which is no event of a task: %s", folder / name, why)
                event = None
            seen.add(name)
            if event is not None:
                yield event


def _to_json(event: Started | Retrying | Parked | Outcome) -> dict[str, Any]:
    """The event; of its task, only what it is called, for who sent it knows the rest."""
    if isinstance(event, Outcome):
        try:
            plain(event.value, "what it returned")
        except TypeError as error:
            event = replace(event, status="failed", error=f"a job of Slurm hands over JSON only: {error}", value=None)
    told = {field.name: getattr(event, field.name) for field in fields(event) if field.name != "task"}
    return {"event": type(event).__name__, "key": event.task.key, "label": event.task.label, **told}


def _from_json(told: Any) -> Event:
    """Raises Damaged when it is not what `_to_json` gives."""
    if wrong := flaw(told, _Told):
        raise Damaged(wrong)
    kind = EVENTS.get(told["event"])
    if kind is None or (kind is Outcome and told.get("status") not in get_args(get_type_hints(Outcome)["status"])):
        raise Damaged(f"it tells of {told['event']}, {told.get('status')}")
    task = Task(key=told["key"], label=told["label"], function=_from_json, arguments=(), needs=(), log=Path(), kind="")
    hints = get_type_hints(kind)
    names = [field.name for field in fields(kind) if field.name != "task"]
    unchecked = ("status", "value")  # judged above; anything that JSON can say
    if wrong := [name for name in names if name not in unchecked and flaw(told.get(name), hints[name])]:
        raise Damaged(f"{wrong[0]} is {told.get(wrong[0])!r}")
    return kind(task=task, **{name: told.get(name) for name in names})


class _Told(TypedDict):
    """What every event says."""

    event: str
    key: str
    label: str


EVENTS: dict[str, Any] = {kind.__name__: kind for kind in (Started, Retrying, Parked, Outcome)}


def _short(key: str) -> str:
    return digest(key)[:24]
