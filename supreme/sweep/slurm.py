"""The launcher for Slurm: a sweep as arrays of jobs that wait for each other, and need nobody who waits for them.

Every kind of task is one array, sent at once, that starts when the arrays it needs have ended. Jobs leave what they
did in files; the queue is only asked whether a job that left nothing may still do so. So no accounting is needed, a
job that dies costs itself only, and when this process dies the jobs go on: the same command finds them again.
"""

from __future__ import annotations

import graphlib
import json
import logging
import math
import secrets
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import Empty, SimpleQueue

from supreme.files import digest, write_json
from supreme.sweep import slurm_job, slurm_queue
from supreme.sweep.cluster import Cluster
from supreme.sweep.compose import Settings
from supreme.sweep.devices import find_slots
from supreme.sweep.graph import Graph
from supreme.sweep.interrupts import signals
from supreme.sweep.tasks import Event, Outcome, Retired, Retrying, Started, Task, Waiting, check

log = logging.getLogger(__name__)

ATTEMPTS = 2
END_SECONDS = 40.0
"""How long jobs that were cancelled may take to end; Slurm kills them after 30 s."""
HINTS = {"TIMEOUT": "more hydra.launcher.time", "OUT_OF_MEMORY": "more hydra.launcher.mem"}


def run(
    tasks: Sequence[Task], settings: Settings, cluster: Cluster, on_event: Callable[[Event], None] = lambda event: None
) -> list[Outcome]:
    """Run every task in jobs of Slurm; see `engine.run`, which runs them inside a job.

    A task whose job ended without a word of it (crash, limit of time or memory, lost node, scancel) gets a second
    attempt, in a job of its own. One that its job had not begun yet is sent again and loses no attempt.

    Raises:
        SupremeError: a key is not allowed, Slurm is not here, or it refuses the jobs.
        KeyboardInterrupt: SIGINT, SIGTERM or SIGHUP came (its argument names it).
    """
    cluster.check()
    check(tasks, ["slurm"], settings.timeout)
    find_slots("cpu", settings.jobs_per_device, settings.threads, cores=max(1, settings.threads))  # wrong numbers
    slurm_queue.refuse_without_slurm()
    sweep = _Sweep(tasks, settings, cluster, on_event)
    with signals(sweep.interrupt):
        try:
            sweep.adopt()
            sweep.submit_all()
            sweep.loop()
        except BaseException:
            sweep.cancel()
            raise
        if sweep.interruption:
            sweep.leave()
    if sweep.interruption:
        raise KeyboardInterrupt(sweep.interruption)
    sweep.tidy()
    return [sweep.graph.outcomes[task.key] for task in tasks]


@dataclass(kw_only=True)
class _Job:
    """A job that was sent, by this process or by one before it."""

    id: str
    folder: Path
    """Of the sweep that sent it."""
    size: int
    """How many tasks it was sent with."""
    open: set[str]
    """Keys of those whose end is not known yet."""
    started: set[str] = field(default_factory=set)
    over: float | None = None
    """Since when, by the monotonic clock, the queue has it no more."""
    end: str = ""
    """In Slurm's word."""

    @property
    def log(self) -> Path:
        return self.folder / f"{self.id}_0_log.out"


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
        self._root = settings.output_dir.absolute() / "slurm"
        self._folder = self._root / f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(4)}"
        self._jobs: list[_Job] = []
        self._sent: set[str] = set()
        self._seen: dict[Path, set[str]] = {}
        self._attempts = Counter[str]()
        self._inbox: SimpleQueue[None] = SimpleQueue()
        self._waiting_for: tuple[str, ...] = ()
        (self._folder / "events").mkdir(parents=True)

    def interrupt(self, signal_name: str) -> None:
        """May be called from a signal handler."""
        self.interruption = signal_name
        self._inbox.put(None)

    def adopt(self) -> None:
        """Find the jobs of earlier sweeps that still do, or will do, what is to be done here."""
        states = slurm_queue.states() or {}
        for path in sorted(self._root.glob("*/jobs/*.json")):
            state, folder = states.get(path.stem), path.parents[1]
            if state is None or state.name not in slurm_queue.ALIVE or state.sweep != _name(folder):
                continue
            sent = json.loads(path.read_text())
            events = [
                event for _, event in slurm_job.read(folder / "events", seen=self._seen.setdefault(folder, set()))
            ]
            ended = {event.task.key for event in events if isinstance(event, Outcome)}
            same = {
                key for key, identity in sent.items() if key in self._tasks and _identity(self._tasks[key]) == identity
            }
            found = same - ended - {key for job in self._jobs for key in job.open}
            if found:
                begun = {event.task.key for event in events if isinstance(event, Started)}
                self._jobs.append(
                    _Job(id=path.stem, folder=folder, size=len(sent), open=found, started=begun & set(sent))
                )
                self._sent.add(path.stem)
        if self._jobs:
            count = sum(len(job.open) for job in self._jobs)
            log.info("%d tasks are in jobs that an earlier sweep sent: %s", count, ", ".join(sorted(self._sent)))

    def submit_all(self) -> None:
        """Send what no job does yet, each kind as an array after those that it needs."""
        sent = {key for job in self._jobs for key in job.open}
        for tasks in _in_order(list(self._tasks.values())):
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
            log.info("the jobs go on; the same command collects what they do: %s", ", ".join(sorted(self._sent)))

    def cancel(self) -> None:
        """End every job, and wait until they have ended."""
        slurm_queue.cancel(self._sent)
        self._await_end()

    def tidy(self) -> None:
        """Take away what was only for this sweep, unless something failed: the logs of jobs may say why."""
        if all(outcome.status == "done" for outcome in self.graph.outcomes.values()) and self._await_end():
            shutil.rmtree(self._folder, ignore_errors=True)

    def _await_end(self) -> bool:
        """Whether no job of ours is left in the queue."""
        end = time.monotonic() + END_SECONDS
        while time.monotonic() < end:
            states = slurm_queue.states()
            if states is not None and not any(
                job in self._sent and state.name in slurm_queue.ALIVE for job, state in states.items()
            ):
                return True
            time.sleep(0.5)
        return False

    def _submit(self, tasks: Sequence[Task], size: int | None) -> None:
        """Send tasks of one kind."""
        settings, cluster = self._settings, self._cluster
        at_once = cluster.at_once(settings.devices, settings.jobs_per_device)
        size = size or max(at_once, math.ceil(len(tasks) / cluster.max_running))
        packs = [
            slurm_job.Pack(
                tasks=tuple(part),
                events=self._folder / "events",
                directory=Path.cwd(),
                devices="cpu"
                if settings.devices == "auto" and not cluster.has_gpu(settings.devices)
                else settings.devices,
                jobs_per_device=settings.jobs_per_device,
                threads=settings.threads,
                timeout=settings.timeout,
                shared=any(word in (cluster.gres or "") for word in ("shard", "mps")),
            )
            for part in _parts(tasks, math.ceil(len(tasks) / size))
        ]
        needs = {need for task in tasks for need in (*task.needs, *task.after)}
        jobs = slurm_queue.submit(
            packs,
            self._folder,
            _name(self._folder),
            cluster.options(settings.devices, settings.jobs_per_device, settings.threads),
            cluster.setup,
            cluster.max_running,
            [job.id for job in self._jobs if job.open & needs],
        )
        for job, pack in zip(jobs, packs, strict=True):
            keys = {task.key: _identity(task) for task in pack.tasks}
            self._sent.add(job)
            self._jobs.append(_Job(id=job, folder=self._folder, size=len(keys), open=set(keys)))
            write_json(self._folder / "jobs" / f"{job}.json", keys)

    def _collect(self) -> None:
        """Read what jobs have left since the last time."""
        for folder in {job.folder for job in self._jobs}:
            for _, event in slurm_job.read(folder / "events", seen=self._seen.setdefault(folder, set())):
                assert not isinstance(event, Waiting | Retired)
                key = event.task.key
                if key not in self._tasks or key in self.graph.outcomes:
                    continue
                event = replace(event, task=self._tasks[key])
                if isinstance(event, Outcome):
                    self._end(replace(event, attempts=event.attempts + self._attempts[key]), folder)
                    continue
                if isinstance(event, Started):
                    self._waiting_for = ()
                    for job in self._jobs:
                        if key in job.open and job.folder == folder:
                            job.started.add(key)
                self._on_event(event)
        idle = [job.id for job in self._jobs if not job.open and not job.started]
        slurm_queue.cancel(idle)  # what they wait for has failed, so they would find nothing to do
        self._jobs = [job for job in self._jobs if job.open]

    def _end(self, outcome: Outcome, folder: Path | None) -> None:
        """Record how a task ended; jobs that wait for it learn of a failure from the folder."""
        for known in self.graph.finish(outcome):
            if folder != self._folder and known.status == "failed":
                slurm_job.write(self._folder / "events", known)
            for job in self._jobs:
                job.open.discard(known.task.key)
            self._on_event(known)

    def _judge(self) -> None:
        """Find the jobs that are over and left something undone."""
        states = slurm_queue.states()
        if states is None:
            return
        now = time.monotonic()
        for job in self._jobs:
            state = states.get(job.id)
            if state is not None and state.name in slurm_queue.ALIVE:
                job.over = None
            elif job.over is None:
                job.over, job.end = now, state.name if state else ""
        self._tell_waiting([states[job.id] for job in self._jobs if job.id in states])
        dead = [job for job in self._jobs if job.over is not None and now - job.over >= self._cluster.grace_seconds]
        again: list[Task] = []
        alone: list[Task] = []
        for job in dead:
            self._bury(job, alone, again)
        self._jobs = [job for job in self._jobs if job not in dead]
        for tasks, size in ((alone, 1), (again, self._cluster.tasks_per_job)):
            for kind in _in_order([task for task in tasks if task.key not in self.graph.outcomes]):
                try:
                    self._submit(kind, size)
                except slurm_queue.SupremeError as error:
                    for task in kind:
                        self._end(Outcome(task=task, status="failed", error=str(error)), None)

    def _bury(self, job: _Job, alone: list[Task], again: list[Task]) -> None:
        """Judge what a job left undone: to fail, or to be sent again, alone when it may be what killed the job."""
        word = job.end or slurm_queue.end_state(job.id) or "Slurm does not say how"
        hint = f", give it {HINTS[word]}" if word in HINTS else ""
        error = f"its Slurm job {job.id} ended without a result ({word}{hint})"
        suspects = job.started & job.open if job.started else set(job.open)
        for key in [task.key for task in self._tasks.values() if task.key in job.open]:
            task = self._tasks[key]
            if key not in suspects:
                again.append(task)
                continue
            self._attempts[key] += 1
            _note(task, f"{error}; its log: {job.log}")
            if self._attempts[key] < ATTEMPTS and not (word == "TIMEOUT" and job.size == 1):
                self._on_event(Retrying(task=task, slot=f"job {job.id}", reason=error))
                alone.append(task)
            else:
                outcome = Outcome(
                    task=task, status="failed", error=error, attempts=self._attempts[key], slot=f"job {job.id}"
                )
                self._end(outcome, None)

    def _tell_waiting(self, states: Iterable[slurm_queue.State]) -> None:
        """Say why everything waits, whenever that changes."""
        states = [state for state in states if state.name in slurm_queue.ALIVE]
        reasons = tuple(sorted({state.reason for state in states} - {"Dependency", "None", ""}))
        if all(state.name == "PENDING" for state in states) and reasons and reasons != self._waiting_for:
            self._waiting_for = reasons
            self._on_event(Waiting(holders=(f"Slurm, which says {', '.join(reasons)}",)))


def _name(folder: Path) -> str:
    """Of the jobs of the sweep with this folder."""
    return f"supreme-{folder.name}"


def _identity(task: Task) -> str:
    """Two tasks with the same key may still differ: in the metrics that are asked for."""
    return digest([task.function.__qualname__, repr(task.arguments)])


def _in_order(tasks: Sequence[Task]) -> Iterator[list[Task]]:
    """The tasks of each kind, those that others need before them."""
    keys = {task.key: task for task in tasks}
    needs = {task.key: [key for key in (*task.needs, *task.after) if key in keys] for task in tasks}
    level: dict[str, int] = {}
    for key in graphlib.TopologicalSorter(needs).static_order():
        level[key] = max((level[need] + 1 for need in needs[key]), default=0)
    for group in sorted({(level[task.key], task.kind) for task in tasks}):
        yield [task for task in tasks if (level[task.key], task.kind) == group]


def _parts(tasks: Sequence[Task], count: int) -> Iterator[Sequence[Task]]:
    """The tasks in this many parts of about the same size."""
    for index in range(count):
        yield tasks[index * len(tasks) // count : (index + 1) * len(tasks) // count]


def _note(task: Task, line: str) -> None:
    """Add to the task's log what its process cannot say itself any more, unless the disk is full."""
    with suppress(OSError):
        task.log.parent.mkdir(parents=True, exist_ok=True)
        with task.log.open("a") as file:
            file.write(line + "\n")
