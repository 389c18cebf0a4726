"""The launcher for Slurm: a sweep as arrays of jobs that wait for each other, and need nobody who waits for them.

Every kind of task is one array, sent at once, that starts when the arrays it needs have ended. Jobs leave what they
did in files; the queue is only asked whether a job that left nothing may still do so. So no accounting is needed, a
job that dies costs itself only, and when this process dies the jobs go on: the same command finds them again.
"""

from __future__ import annotations

import logging
import secrets
import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue

from supreme.core import SupremeError
from supreme.sweep.executors.local.devices import find_slots
from supreme.sweep.executors.slurm import job as slurm_job
from supreme.sweep.executors.slurm import queue as slurm_queue
from supreme.sweep.executors.slurm.options import Cluster
from supreme.sweep.executors.slurm.sent import (
    Job,
    Told,
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
from supreme.sweep.schedule.graph import Graph
from supreme.sweep.schedule.interrupts import signals
from supreme.sweep.schedule.tasks import Event, Outcome, Retired, Retrying, Started, Task, Waiting, check

log = logging.getLogger(__name__)

ATTEMPTS = 2
END_SECONDS = 40.0
"""How long jobs that were cancelled may take to end; Slurm kills them after 30 s."""
HINTS = {"TIMEOUT": "more hydra.launcher.time", "OUT_OF_MEMORY": "more hydra.launcher.mem"}


def run(
    tasks: Sequence[Task],
    settings: Settings,
    cluster: Cluster,
    on_event: Callable[[Event], None] = lambda event: None,
    told_before: Told | None = None,
) -> list[Outcome]:
    """Run every task in jobs of Slurm; see `engine.run`, which runs them inside a job.

    A task whose job ended without a word of it (crash, limit of time or memory, lost node, scancel) gets a second
    attempt, in a job of its own. One that its job had not begun yet is sent again and loses no attempt.

    Args:
        told_before: what jobs had `told` before it was found that these tasks are to be done; what a job of an
            earlier sweep has done since then is done. None: what they have told by now.

    Raises:
        SupremeError: a key is not allowed, Slurm is not here, or it refuses the jobs.
        KeyboardInterrupt: SIGINT, SIGTERM or SIGHUP came (its argument names it).
    """
    cluster.check()
    check(tasks, ["slurm"], settings.timeout)
    find_slots("cpu", settings.jobs_per_device, settings.threads, cores=max(1, settings.threads))  # wrong numbers
    slurm_queue.refuse_without_slurm()
    sweep = _Sweep(tasks, settings, cluster, on_event)
    told_before = told(settings.output_dir) if told_before is None else told_before
    with signals(sweep.interrupt):
        sweep.adopt(told_before)
        try:
            sweep.submit_all()
            sweep.loop()
        except BaseException:
            if not sweep.interruption:  # else a Ctrl-C that reached a command of Slurm, too
                sweep.cancel()
                raise
        if sweep.interruption:
            sweep.leave()
    if sweep.interruption:
        raise KeyboardInterrupt(sweep.interruption)
    sweep.tidy()
    return [sweep.graph.outcomes[task.key] for task in tasks]


class _Sweep:
    """The state of one run. One thread changes it; signals only put messages into the inbox."""

    def __init__(
        self, tasks: Sequence[Task], settings: Settings, cluster: Cluster, on_event: Callable[[Event], None]
    ) -> None:
        self.graph = Graph(tasks)
        self.interruption = ""
        self._tasks = {task.key: task for task in tasks}
        self._settings = settings
        self._cluster = cluster
        self._on_event = on_event
        self._root = root_of(settings.output_dir)
        self._folder = self._root / f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(4)}"
        self._jobs: list[Job] = []
        self._folders = {self._folder}
        self._seen: dict[Path, set[str]] = {}
        self._attempts = Counter[str]()
        self._inbox: SimpleQueue[None] = SimpleQueue()
        self._waiting_for: tuple[str, ...] = ()
        events_of(self._folder).mkdir(parents=True)
        self._folder.chmod(self._folder.stat().st_mode & ~0o022)  # submitit's own files there are pickles

    def interrupt(self, signal_name: str) -> None:
        """May be called from a signal handler."""
        self.interruption = signal_name
        self._inbox.put(None)

    def adopt(self, told_before: Told) -> None:
        """Find the jobs of earlier sweeps that still do, or will do, what is to be done here, or have done it."""
        states = slurm_queue.states()
        if states is None and any(self._root.glob("*/jobs/*.json")):
            raise SupremeError(
                f"Slurm does not answer squeue, and jobs of an earlier sweep may still do what is to be done here: "
                f"give the same command again when it answers, or delete {self._root} if it never will"
            )
        self._jobs = list(registered(self._root, self._tasks, states or {}, self._seen))
        self._folders |= {job.folder for job in self._jobs}
        if self._jobs:
            count = sum(len(job.open) for job in self._jobs)
            log.info("%d tasks are in %d jobs that an earlier sweep sent", count, len(self._jobs))
        # Only now: a job that the queue had no more has told all that it will.
        for outcome in done_since(told_before, self._settings.output_dir, self._tasks):
            self._end(outcome, None)

    def submit_all(self) -> None:
        """Send what no job does yet, each kind as an array after those that it needs."""
        sent = {key for job in self._jobs for key in job.open} | self.graph.outcomes.keys()
        for tasks in in_order(list(self._tasks.values())):
            if left := [task for task in tasks if task.key not in sent]:
                self._submit(left, self._cluster.tasks_per_job)

    def loop(self) -> None:
        while not self.interruption:
            self._collect()
            if self.graph.complete:
                return
            self._judge()
            try:
                self._inbox.get(timeout=self._cluster.poll_seconds)
            except Empty:
                continue

    def leave(self) -> None:
        """What Ctrl-C means for the jobs."""
        if self._cluster.on_interrupt == "cancel":
            self.cancel()
        else:
            log.info("%d jobs go on; the same command collects what they do", len(self._jobs))

    def cancel(self) -> None:
        """End every job, also those that an earlier sweep sent, and wait until they have ended."""
        for folder in self._folders:
            slurm_queue.cancel(name=name_of(folder))
        self._await_end()

    def tidy(self) -> None:
        """Leave no job, and no file but where something failed: the logs of jobs may say why."""
        if not self._await_end():  # some do what waits for something that has failed
            self.cancel()
        if all(outcome.status == "done" for outcome in self.graph.outcomes.values()):
            for folder in self._folders:
                shutil.rmtree(folder, ignore_errors=True)

    def _await_end(self) -> bool:
        """Whether all our jobs have left the queue, some seconds after they have nothing more to do."""
        names = {name_of(folder) for folder in self._folders}
        end = time.monotonic() + END_SECONDS
        while time.monotonic() < end:
            states = slurm_queue.states()
            if states is not None and not any(
                state.sweep in names and state.name in slurm_queue.ALIVE for state in states.values()
            ):
                return True
            time.sleep(0.5)
        return False

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

    def _collect(self) -> None:
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
                    self._end(replace(event, attempts=event.attempts + self._attempts[key]), folder)
                    continue
                if isinstance(event, Started):
                    self._waiting_for = ()
                    doers[0].started[key] = event.slot
                self._on_event(event)
        idle = [job.id for job in self._jobs if not job.open and not job.started]
        slurm_queue.cancel(*idle)  # what they wait for has failed, so they would find nothing to do
        self._jobs = [job for job in self._jobs if job.open]

    def _end(self, outcome: Outcome, folder: Path | None) -> None:
        """Record how a task ended; jobs that wait for it learn of a failure from the folder."""
        for known in self.graph.finish(outcome):
            if folder != self._folder and known.status == "failed":
                slurm_job.write(events_of(self._folder), known)
            for job in self._jobs:
                job.open.discard(known.task.key)
            self._on_event(known)

    def _judge(self) -> None:
        """Find the jobs that are over and left something undone."""
        states = slurm_queue.states()
        if states is None:
            self._tell_waiting(("does not answer squeue",))
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
            self._tell_waiting(tuple(f"says {reason}" for reason in sorted(reasons)))
        dead = [job for job in self._jobs if job.over is not None and now - job.over >= self._cluster.grace_seconds]
        again: list[Task] = []
        alone: list[Task] = []
        for job in dead:
            self._bury(job, alone, again)
        self._jobs = [job for job in self._jobs if job not in dead]
        for tasks, size in ((alone, 1), (again, self._cluster.tasks_per_job)):
            for kind in in_order([task for task in tasks if task.key not in self.graph.outcomes]):
                try:
                    self._submit(kind, size)
                except SupremeError as error:
                    for task in kind:
                        self._end(Outcome(task=task, status="failed", error=str(error)), None)

    def _bury(self, job: Job, alone: list[Task], again: list[Task]) -> None:
        """Judge what a job left undone: to fail, or to be sent again, alone when it may be what killed the job."""
        word = job.end or slurm_queue.end_state(job.id) or "Slurm does not say how"
        hint = f", give it {HINTS[word]}" if word in HINTS else ""
        error = f"its Slurm job {job.id} ended without a result ({word}{hint})"
        suspects = job.open & job.started.keys() if job.started else set(job.open)
        for key in [task.key for task in self._tasks.values() if task.key in job.open]:
            task = self._tasks[key]
            if key not in suspects:
                again.append(task)
                continue
            self._attempts[key] += 1
            slot = job.started.get(key, f"job {job.id}")
            task.note(f"{error}; its log: {job.log}")
            if self._attempts[key] < ATTEMPTS and not (word == "TIMEOUT" and job.size == 1):
                self._on_event(Retrying(task=task, slot=slot, reason=error))
                alone.append(task)
            else:
                outcome = Outcome(task=task, status="failed", error=error, attempts=self._attempts[key], slot=slot)
                self._end(outcome, None)

    def _tell_waiting(self, reasons: tuple[str, ...]) -> None:
        """Say why nothing runs, whenever that changes."""
        if reasons and reasons != self._waiting_for:
            self._waiting_for = reasons
            self._on_event(Waiting(holders=(f"Slurm, which {', '.join(reasons)}",)))
