"""Tasks in jobs of Slurm: a sweep as arrays of jobs that wait for each other, and need nobody who waits for them.

Every kind of task is one array, sent at once, that starts when the arrays it needs have ended. Jobs leave what they
did in files; the queue is only asked whether a job that left nothing may still do so. So no accounting is needed, a
job that dies costs itself only, and when this process dies the jobs go on: the same command finds them again.

Inside a job a scheduler of its own runs the tasks (`job.run_pack`). What ends a job without a word (crash, limit of
time or memory, lost node, scancel) ends the attempt at the task that it was at; what it had not begun is sent again.
"""

from __future__ import annotations

import logging
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue

from supreme.core import SupremeError
from supreme.store.alone import if_alone
from supreme.sweep.devices.slots import find_slots
from supreme.sweep.executors.slurm import job as slurm_job
from supreme.sweep.executors.slurm import queue as slurm_queue
from supreme.sweep.executors.slurm.options import Cluster
from supreme.sweep.executors.slurm.sent import (
    Job,
    done_since,
    events_of,
    in_order,
    name_of,
    packs,
    register,
    registered,
    root_of,
    told,
)
from supreme.sweep.plan.settings import Settings
from supreme.sweep.schedule.executor import Attempt, Close, Ended, Judged, Place, Reply, Report, Unbegun
from supreme.sweep.schedule.tasks import Event, Outcome, Retired, Started, Task, Waiting

log = logging.getLogger(__name__)

HINTS = {"TIMEOUT": "more hydra.launcher.time", "OUT_OF_MEMORY": "more hydra.launcher.mem"}


class SlurmExecutor:
    """See `supreme.sweep.schedule.executor.Executor`. The queue has room for every task."""

    attempts = 2
    again = False
    takes_all = True
    affinity = ()

    def __init__(self, settings: Settings, cluster: Cluster) -> None:
        """To be made before it is found out what is to be done: what a job of an earlier sweep does later is done."""
        cluster.check()
        self._settings, self._cluster = settings, cluster
        self._root = root_of(settings.output_dir)
        self._folder = self._root / f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(4)}"
        self._told_before = told(settings.output_dir)
        self._tasks: Mapping[str, Task] = {}
        self._attempts: dict[str, Attempt] = {}
        """By the keys of their tasks, those whose end is not known."""
        self._unsent: list[Attempt] = []
        self._sent_before = False
        self._closed = False
        self._jobs: list[Job] = []
        self._folders = {self._folder}
        """Of every sweep whose jobs do, or have done, something for this one."""
        self._held = ExitStack()
        self._seen: dict[Path, set[str]] = {}
        self._heard: dict[str, Path] = {}
        """The folder of the sweep whose job has told how a task ended, by the key of the task."""
        self._inbox: SimpleQueue[None] = SimpleQueue()
        self._waiting_for: tuple[str, ...] = ()

    def warm_up(self, count: int) -> None:
        pass

    def open(self, tasks: Mapping[str, Task]) -> Iterator[Attempt | Judged]:
        settings = self._settings
        find_slots("cpu", settings.jobs_per_device, settings.threads, cores=max(1, settings.threads))  # wrong numbers
        slurm_queue.refuse_without_slurm()
        states = slurm_queue.states()
        if states is None and any(self._root.glob("*/jobs/*.json")):
            raise SupremeError(
                f"Slurm does not answer squeue, and jobs of an earlier sweep may still do what is to be done here: "
                f"give the same command again when it answers, or delete {self._root} if it never will"
            )
        self._tasks = tasks
        events_of(self._folder).mkdir(parents=True)
        self._folder.chmod(self._folder.stat().st_mode & ~0o022)  # submitit's own files there are pickles
        self._held.enter_context(if_alone(self._folder, "sweep"))
        self._jobs = list(registered(self._root, tasks, states or {}, self._seen))
        self._folders |= {job.folder for job in self._jobs}
        if self._jobs:
            count = sum(len(job.open) for job in self._jobs)
            log.info("%d tasks are in %d jobs that an earlier sweep sent", count, len(self._jobs))
        for job in self._jobs:
            for key in sorted(job.open):
                self._attempts[key] = Attempt(task=tasks[key], number=1, slot=job.started.get(key, ""))
        yield from list(self._attempts.values())
        # Only now: a job that the queue had no more has told all that it will.
        for folder, outcome in done_since(self._told_before, settings.output_dir, tasks):
            self._folders.add(folder)
            yield Judged(outcome=outcome)

    def demand(self, ready: int, left: int) -> Iterable[Event]:
        return ()

    def vacancy(self) -> Place:
        return self

    def start(self, attempt: Attempt, place: Place, payload: bytes) -> None:
        self._attempts[attempt.task.key] = attempt
        self._unsent.append(attempt)

    def poll(self, seconds: float | None) -> Iterator[Report]:
        yield from self._send()
        yield from self._collect()
        if self._attempts:
            yield from self._judge()
        if self._attempts and not self._unsent:
            try:
                wait = self._cluster.poll_seconds
                self._inbox.get(timeout=wait if seconds is None else min(seconds, wait))
            except Empty:
                return

    def wake(self) -> None:
        self._inbox.put(None)

    def kill(self, attempt: Attempt) -> bool:
        return False  # the scheduler inside the job sees to it

    def record(self, outcome: Outcome) -> None:
        """Jobs that wait for it learn of a failure from the folder."""
        key = outcome.task.key
        self._attempts.pop(key, None)
        if outcome.status == "failed" and self._heard.get(key) != self._folder:
            slurm_job.write(events_of(self._folder), outcome)
        for job in self._jobs:
            job.open.discard(key)

    def close(self, how: Close) -> None:
        if self._closed:
            return
        self._closed = True
        self._held.close()
        if not self._sent_before and self._folders == {self._folder}:  # nothing in the queue is ours
            shutil.rmtree(self._folder, ignore_errors=True)
            return
        if how == "stopped" and self._cluster.on_interrupt == "leave":
            log.info("%d jobs go on; the same command collects what they do", len(self._jobs))
            return
        ours = self._without_command()
        if how in ("stopped", "broken") or not slurm_queue.await_end(map(name_of, ours)):
            for folder in ours:
                slurm_queue.cancel(name=name_of(folder))
            slurm_queue.await_end(map(name_of, ours))
        if how == "done":  # else the logs of jobs may say why
            for folder in ours:
                shutil.rmtree(folder, ignore_errors=True)

    def _without_command(self) -> set[Path]:
        """The folders of this sweep, which ends, and of those whose command is known to have ended before."""
        found = {self._folder}
        for folder in self._folders - found:
            if folder.is_dir():
                with if_alone(folder, "sweep") as alone:
                    found |= {folder} if alone else set()
        return found

    # Sending.

    def _send(self) -> Iterator[Report]:
        """Send what was started since the last time: each kind as an array, what may have killed its job alone."""
        unsent, self._unsent = self._unsent, []
        wanted = [attempt for attempt in unsent if self._attempts.get(attempt.task.key) is attempt]
        alone = [attempt.task for attempt in wanted if attempt.number > 1]
        others = [attempt.task for attempt in wanted if attempt.number == 1]
        for tasks, size in ((alone, 1), (others, self._cluster.tasks_per_job)):
            for kind in in_order(tasks):
                try:
                    self._submit(kind, size)
                except SupremeError as error:
                    if not self._sent_before:
                        raise
                    for task in kind:
                        yield Ended(attempt=self._attempts[task.key], reply=Reply(error=str(error)))
        self._sent_before |= bool(wanted)

    def _submit(self, tasks: Sequence[Task], size: int | None) -> None:
        """Send tasks of one kind."""
        settings, cluster = self._settings, self._cluster
        needs = {need for task in tasks for need in (*task.needs, *task.after)}
        sent = packs(tasks, size, settings, cluster, self._folder)
        jobs = slurm_queue.submit(
            sent,
            self._folder,
            name_of(self._folder),
            cluster.options(settings.devices, settings.jobs_per_device, settings.threads),
            cluster.setup,
            cluster.max_running,
            [job.id for job in self._jobs if job.open & needs],
        )
        for job, pack in zip(jobs, sent, strict=True):
            keys = {task.key for task in pack.tasks}
            self._jobs.append(Job(id=job, folder=self._folder, size=len(keys), open=keys))
            register(self._jobs[-1], pack.tasks)

    # What becomes of it.

    def _collect(self) -> Iterator[Report]:
        """Read what jobs have left since the last time."""
        for folder in {job.folder for job in self._jobs}:
            for event in slurm_job.read(events_of(folder), seen=self._seen.setdefault(folder, set())):
                assert not isinstance(event, Waiting | Retired)
                key = event.task.key
                doers = [job for job in self._jobs if job.folder == folder and key in job.open]
                if not doers:  # has ended, or is in a job of another sweep that is to do something else
                    continue
                event = replace(event, task=self._tasks[key])
                if isinstance(event, Outcome):
                    self._heard[key] = folder
                    deaths = self._attempts[key].number - 1
                    yield Judged(outcome=replace(event, attempts=event.attempts + deaths))
                    continue
                if isinstance(event, Started):
                    self._waiting_for = ()
                    doers[0].started[key] = event.slot
                yield event
        idle = [job.id for job in self._jobs if not job.open and not job.started]
        slurm_queue.cancel(*idle)  # what they wait for has failed, so they would find nothing to do
        self._jobs = [job for job in self._jobs if job.open]

    def _judge(self) -> Iterator[Report]:
        """Find the jobs that are over and left something undone."""
        states = slurm_queue.states()
        if states is None:
            yield from self._waiting(("does not answer squeue",))
            return
        now = time.monotonic()
        for job in self._jobs:
            state = states.get(job.id)
            if state is not None and state.name in slurm_queue.ALIVE:
                job.over = None
            elif job.over is None:
                job.over, job.end = now, state.name if state else ""
        known = [states[job.id] for job in self._jobs if job.id in states and job.over is None]
        if not any(state.name in ("RUNNING", "COMPLETING") for state in known):
            reasons = {state.reason for state in known} - {"Dependency", "None", ""}
            yield from self._waiting(tuple(f"says {reason}" for reason in sorted(reasons)))
        dead = [job for job in self._jobs if job.over is not None and now - job.over >= self._cluster.grace_seconds]
        self._jobs = [job for job in self._jobs if job not in dead]
        for job in dead:
            yield from self._undone(job)

    def _undone(self, job: Job) -> Iterator[Report]:
        """What a dead job left undone: an attempt has ended where the task may be what killed the job."""
        word = job.end or slurm_queue.end_state(job.id) or "Slurm does not say how"
        hint = f", give it {HINTS[word]}" if word in HINTS else ""
        error = f"its Slurm job {job.id} ended without a result ({word}{hint})"
        suspects = job.open & job.started.keys() if job.started else set(job.open)
        for key in [key for key in self._tasks if key in job.open]:
            attempt = self._attempts[key]
            if key not in suspects:
                yield Unbegun(attempt=attempt)
                continue
            attempt.slot = job.started.get(key, f"job {job.id}")
            attempt.task.note(f"{error}; its log: {job.log}")
            hopeless = word == "TIMEOUT" and job.size == 1
            yield Ended(attempt=attempt, reply=Reply(error=error, spent=True, settled=hopeless))

    def _waiting(self, reasons: tuple[str, ...]) -> Iterator[Report]:
        """Say why nothing runs, whenever that changes."""
        if reasons and reasons != self._waiting_for:
            self._waiting_for = reasons
            yield Waiting(holders=(f"Slurm, which {', '.join(reasons)}",))
