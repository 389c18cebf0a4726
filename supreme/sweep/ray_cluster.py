"""The sweep on a Ray cluster: as many warm worker processes as it has room for, one task after the other in each.

A worker is a Ray actor, not a Ray task: Ray gives every GPU task a new process, which would import torch again. This
process hands a task out when what it needs has ended, as the local engine does, instead of giving Ray the whole graph
as object references: a reference that fails makes all that follows fail alike, whereas here what raised, what died,
what was late and what a lost node took along stay four things, and the longest chains go first.
"""

from __future__ import annotations

import faulthandler
import logging
import math
import os
import pickle
import re
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import Any

from supreme.core import SupremeError
from supreme.files import temporary_name
from supreme.sweep.compose import Settings
from supreme.sweep.devices import environment
from supreme.sweep.engine import STARTING_SECONDS
from supreme.sweep.graph import Graph
from supreme.sweep.interrupts import signals
from supreme.sweep.tasks import Event, Outcome, Retrying, Started, Task, Waiting, check
from supreme.sweep.worker import Reply, execute

ASKED = 8
"""How many workers wait at most for Ray to place them; a node that joins gets those."""
LOST_NODES = 5
"""So many nodes may a task see die under it before it is thought to kill them."""
STARTS = 2 * ASKED
"""So many workers in a row may fail to start."""
LOOK_SECONDS = 0.5
"""How often signals and timeouts are looked at."""
TELL_SECONDS = 10.0
"""After how long without any worker people are told."""
STORE_SECONDS = 20.0
"""How long a new file may take to be seen on another node of a network file system."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What `hydra.launcher` says."""

    address: str | None
    """Of the cluster; auto: the one that this machine belongs to; None: one of this machine alone, for this sweep."""
    gpus_per_job: float | None
    """From 0 to 1; None: 1 / jobs_per_device, or 0 where the cluster has no GPU or devices=cpu."""
    cpus_per_job: float | None
    """None: as many as threads."""
    memory_gib: float | None
    """That Ray sets aside for a job; None: it does not count memory."""
    attempts: int
    """Of a task whose process dies. The loss of a node is no fault of the task, and not counted."""
    init: Mapping[str, Any]
    """More arguments of `ray.init`."""

    def __post_init__(self) -> None:
        if self.gpus_per_job is not None and not 0 <= self.gpus_per_job <= 1:
            raise SupremeError(f"gpus_per_job={self.gpus_per_job:g} is not allowed: give a part of a GPU, from 0 to 1")
        if self.cpus_per_job is not None and not self.cpus_per_job >= 0:
            raise SupremeError(f"cpus_per_job={self.cpus_per_job:g} is not allowed: give 0 or more")
        if self.memory_gib is not None and not self.memory_gib > 0:
            raise SupremeError(f"memory_gib={self.memory_gib:g} is not allowed: give GiB above 0, or null")
        if self.attempts < 1:
            raise SupremeError(f"attempts={self.attempts} is not allowed: give 1 or more")
        if "://" in (self.address or ""):
            raise SupremeError(
                f"address={self.address} is not possible: run the sweep on a machine of the cluster, with address=auto "
                "or the host:port of its head"
            )


def run(
    tasks: Sequence[Task], settings: Settings, options: Options, on_event: Callable[[Event], None]
) -> list[Outcome]:
    """Run every task in some worker of the cluster once what it needs is done; see `engine.run`.

    Raises:
        SupremeError: Ray is missing, there is no such cluster, or a node cannot do what it is to do.
        KeyboardInterrupt: as `engine.run`; every worker has been ended.
    """
    _import_ray()
    check(tasks, ["ray"], settings.timeout)
    if settings.devices not in ("auto", "cpu", ("auto",), ("cpu",)):
        raise SupremeError(
            f"devices={settings.devices} means nothing on a Ray cluster, which gives its GPUs out itself; "
            "type devices=auto or devices=cpu"
        )
    stop: list[str] = []
    with signals(stop.append), _connected(options, settings.output_dir), signals(stop.append):  # Ray takes SIGTERM
        share = _share(settings, options)
        with _token(settings.output_dir) as token:
            sweep = _Sweep(tasks, settings, options, share, token, on_event)
            try:
                sweep.loop(stop)
            finally:
                sweep.close()
    if stop:
        raise KeyboardInterrupt(stop[-1])
    return [sweep.graph.outcomes[task.key] for task in tasks]


def _import_ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise SupremeError(
            "hydra/launcher=ray needs Ray, which is not installed: pip install 'supreme[ray]'"
        ) from error
    return ray


@contextmanager
def _connected(options: Options, output_dir: Path) -> Iterator[None]:
    """In touch with the cluster; what Ray prints meanwhile goes to the sweep's logs."""
    ray = _import_ray()
    log = output_dir / "logs" / "ray.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as file, redirect_stdout(file):
        if ray.is_initialized():
            yield
            return
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        of_a_start = {} if options.address else {"include_dashboard": False}
        quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
        try:
            _look_for(options.address)
            ray.init(**{"address": options.address or "local", **of_a_start, **quiet, **options.init})
        except (OSError, RuntimeError, ValueError, TypeError) as error:
            raise SupremeError(
                f"no Ray cluster can be used at hydra.launcher.address={options.address or 'null'}: {_line(error)}"
            ) from error
        try:
            yield
        finally:
            ray.shutdown()


def _look_for(address: str | None) -> None:
    """Raise OSError when nobody listens there; Ray would try for two minutes, deaf to signals."""
    host, _, port = (address or "").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=10.0).close()


@dataclass(frozen=True, kw_only=True)
class _Share:
    """What of the cluster a job has."""

    resources: dict[str, float]
    """By Ray's names: CPU, GPU, memory (bytes)."""
    environment: dict[str, str]
    device: str

    def __str__(self) -> str:
        asked = {name: amount for name, amount in self.resources.items() if name != "memory"}
        words = [f"{name}={amount:g}" for name, amount in asked.items()]
        if "memory" in self.resources:
            words.append(f"memory={self.resources['memory'] / 2**30:g} GiB")
        return ", ".join(words)


def _share(settings: Settings, options: Options) -> _Share:
    """What a job asks of the cluster, and what its process must find in its environment."""
    nodes = [node["Resources"] for node in _import_ray().nodes() if node["Alive"]]
    gpus = options.gpus_per_job
    if gpus is None:
        with_gpus = "cpu" not in settings.devices and any("GPU" in node for node in nodes)
        gpus = math.floor(1e4 / settings.jobs_per_device) / 1e4 if with_gpus else 0.0  # Ray counts ten-thousandths
    device = "cuda" if gpus and "cpu" not in settings.devices else "cpu"
    variables = environment(device, "", settings.threads, shared=gpus < 1)
    variables["PYTHONPATH"] = os.pathsep.join(_code())
    if gpus:
        del variables["CUDA_VISIBLE_DEVICES"]  # Ray says it
    cpus = settings.threads if options.cpus_per_job is None else options.cpus_per_job
    resources = {"CPU": float(cpus), "GPU": float(gpus)}
    if options.memory_gib is not None:
        resources["memory"] = options.memory_gib * 2**30
    share = _Share(resources=resources, environment=variables, device=device)
    if options.address is None and not any(
        all(node.get(name, 0.0) >= amount for name, amount in resources.items()) for node in nodes
    ):
        raise SupremeError(f"a job asks for {share}, more than this machine has: {nodes}")
    return share


def _code() -> list[str]:
    """The folders of code that this process can import and no installation of Python holds, as the current one."""
    installed = {Path(sys.prefix), Path(sys.base_prefix)}
    folders = [Path(entry).absolute() for entry in sys.path]
    return [str(folder) for folder in folders if folder.is_dir() and not installed & {folder, *folder.parents}]


@contextmanager
def _token(output_dir: Path) -> Iterator[Path]:
    """A new file that only those can see who share this folder."""
    path = output_dir / f".ray-{temporary_name()}"
    path.touch()
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a worker finds where it was placed."""

    node: str
    """Ray's id of the node."""
    host: str
    visible: str
    """CUDA_VISIBLE_DEVICES."""
    shares_store: bool


class Worker:
    """The inside of an actor."""

    def __init__(self, folder: str) -> None:
        """Work in this folder, where there is one: paths may be relative to it."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal may send it to all; the parent decides
        faulthandler.enable()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # a breakpoint ends the task; it never waits for a terminal
        with suppress(OSError):
            os.chdir(folder)

    def look(self, token: Path, seconds: float) -> Seen:
        """Where this is; the token may take some seconds to be seen."""
        end = time.monotonic() + seconds
        while not (found := is_there(token)) and time.monotonic() < end:
            time.sleep(0.5)
        return Seen(
            node=_import_ray().get_runtime_context().get_node_id(),
            host=socket.gethostname(),
            visible=os.environ.get("CUDA_VISIBLE_DEVICES", ""),
            shares_store=found,
        )

    def execute(self, payload: bytes, log: Path, header: str, seconds: float | None) -> Reply:
        """See `worker.execute`; nodes share no clock, so it is told for how long it may run."""
        return execute(payload, log, header, None if seconds is None else time.monotonic() + seconds)


def is_there(file: Path) -> bool:
    """Whether the file exists; reads its folder, of which network file systems remember less than of names."""
    try:
        return file.name in os.listdir(file.parent)
    except OSError:
        return False


@dataclass
class _Attempt:
    """A task in a worker."""

    task: Task
    started: float
    """By the monotonic clock, seconds."""
    end: float | None
    """When it will be stopped, by the same clock."""

    def note(self, line: str) -> None:
        """Add to the task's log what its process cannot say itself any more."""
        self.task.log.parent.mkdir(parents=True, exist_ok=True)
        with self.task.log.open("a") as log:
            log.write(line + "\n")


@dataclass(eq=False)
class _Place:
    """A worker, as this process sees it."""

    actor: Any
    reply: Any
    """The reference of what it was told to do last; None: it is idle."""
    asked: float
    name: str = ""
    """As people see it: host/cuda:0; empty until Ray has placed it."""
    node: str = ""
    warm: bool = False
    attempt: _Attempt | None = None
    doubtful: bool = False
    """Whether it cannot be reached, and Ray does not know yet what became of it."""

    @property
    def idle(self) -> bool:
        return bool(self.name) and self.attempt is None


class _Sweep:
    """The state of one run."""

    def __init__(
        self,
        tasks: Sequence[Task],
        settings: Settings,
        options: Options,
        share: _Share,
        token: Path,
        on_event: Callable[[Event], None],
    ) -> None:
        self.graph = Graph(tasks)
        self._timeout, self._output_dir = settings.timeout, settings.output_dir
        self._most_attempts = options.attempts
        self._share, self._token = share, token
        self._on_event = on_event
        self._places: list[_Place] = []
        self._failed_starts = 0
        self._told = False
        self._attempts = dict.fromkeys((task.key for task in tasks), 0)
        self._lost = dict.fromkeys((task.key for task in tasks), 0)
        self._ray = _import_ray()
        self._worker = self._ray.remote(Worker).options(
            num_cpus=share.resources["CPU"],
            num_gpus=share.resources["GPU"],
            memory=share.resources.get("memory"),
            max_restarts=0,
            max_task_retries=0,
            scheduling_strategy="SPREAD",
            runtime_env={"env_vars": share.environment},
        )

    def loop(self, stop: Sequence[str]) -> None:
        """Until every task has ended, or there is something in `stop`."""
        while not self.graph.complete and not stop:
            self._assign()
            self._ask()
            self._give_back()
            self._tell()
            replies = {place.reply: place for place in self._places if place.reply is not None}
            done = self._ray.wait(list(replies), timeout=LOOK_SECONDS)[0] if replies else []
            for reply in done:
                place = replies[reply]
                self._receive(place) if place.name else self._join(place)
            self._stop_late()

    def close(self) -> None:
        """End every worker, and see to it that they have ended."""
        replies = [place.reply for place in self._places if place.reply is not None]
        for place in list(self._places):
            self._end_worker(place)
        if replies:
            self._ray.wait(replies, num_returns=len(replies), timeout=10.0)

    def _ask(self) -> None:
        """For workers, as long as there are tasks that could start now."""
        if not self.graph.ready:
            return
        placed = sum(bool(place.name) for place in self._places)
        for _ in range(min(self.graph.left, placed + ASKED) - len(self._places)):
            actor = self._worker.remote(os.getcwd())
            reply = actor.look.remote(self._token, STORE_SECONDS)
            self._places.append(_Place(actor=actor, reply=reply, asked=time.monotonic()))

    def _give_back(self) -> None:
        """End the workers that the tasks still to come cannot fill, those that Ray has not placed first."""
        spare = len(self._places) - self.graph.left
        if spare > 0:
            unused = sorted((place for place in self._places if place.attempt is None), key=lambda place: place.idle)
            for place in unused[:spare]:
                self._end_worker(place)

    def _tell(self) -> None:
        """Of a cluster that has no room."""
        if any(place.name for place in self._places):
            self._told = False
        elif not self._told and any(time.monotonic() - place.asked > TELL_SECONDS for place in self._places):
            self._told = True
            self._on_event(Waiting(holders=(f"a node of the Ray cluster with {self._share} free",)))

    def _join(self, place: _Place) -> None:
        """Ray has placed this worker, or could not start it."""
        try:
            seen = self._ray.get(place.reply)
        except Exception as error:
            self._end_worker(place)
            if not self._is_of_node(error):
                self._failed_starts += 1
            if self._failed_starts >= STARTS:
                raise SupremeError(
                    "Ray cannot start a worker; the nodes need this Python, supreme and what it needs, and the same "
                    f"paths: {_line(error)}"
                ) from error
            return
        if not seen.shares_store:
            raise SupremeError(
                f"the node {seen.host} does not see output_dir={self._output_dir} of this machine: give an output_dir, "
                "from the root on, on a file system that all nodes share"
            )
        self._failed_starts = 0
        taken = {other.name for other in self._places}
        first = f"{seen.host}/{self._share.device}" + (f":{seen.visible}" if seen.visible else "")
        names = chain([first], (f"{first}/{number}" for number in count(1)))
        place.name = next(name for name in names if name not in taken)
        place.node, place.reply = seen.node, None

    def _assign(self) -> None:
        for place in self._places:
            if place.idle and self.graph.ready:
                self._start(self.graph.take(), place)

    def _start(self, task: Task, place: _Place) -> None:
        try:
            payload = pickle.dumps((task.function, task.arguments))
        except Exception as error:
            self._finish(Outcome(task=task, status="failed", error=f"it cannot be sent to a process: {error}"))
            return
        self._attempts[task.key] += 1
        header = (
            f"{time.strftime('%Y-%m-%d %H:%M:%S')} {task.label}: attempt {self._attempts[task.key]} "
            f"on {place.name} ({self._share.device}), key {task.key}"
        )
        started, seconds = time.monotonic(), None
        if self._timeout is not None:  # what it takes to import torch is no fault of the task
            seconds = self._timeout + (0.0 if place.warm else STARTING_SECONDS)
        place.reply = place.actor.execute.remote(payload, task.log, header, seconds)
        place.attempt = _Attempt(task=task, started=started, end=None if seconds is None else started + seconds)
        place.warm = True
        self._on_event(Started(task=task, slot=place.name))

    def _receive(self, place: _Place) -> None:
        """What became of the task in this worker."""
        attempt = place.attempt
        assert attempt is not None
        errors = self._ray.exceptions
        try:
            answer = self._ray.get(place.reply)
        except (
            errors.ActorUnavailableError
        ):  # its process or its node has died, or the network has: ask until Ray knows
            place.doubtful = True
            place.reply = place.actor.look.remote(self._token, 0.0)
            return
        except errors.RayActorError as error:
            self._end_worker(place)
            if self._is_of_node(error, place.node):
                self._lose(place, attempt, "the node that it ran on was lost")
            else:
                attempt.note(death(str(error)))
                self._judge(place, attempt, Reply(error=death(str(error)), spent=True))
            return
        except errors.RayError as error:
            answer = Reply(error=_line(error), spent=True)
        if place.doubtful:  # it lives, but what it answered is gone
            self._end_worker(place)
            self._lose(place, attempt, "the connection to its process was lost")
            return
        place.attempt = place.reply = None
        if answer.spent:
            self._end_worker(place)
        self._judge(place, attempt, answer)

    def _judge(self, place: _Place, attempt: _Attempt, reply: Reply) -> None:
        """The end of the task, or another attempt."""
        task = attempt.task
        if reply.error and reply.spent and self._attempts[task.key] < self._most_attempts:
            self._on_event(Retrying(task=task, slot=place.name, reason=reply.error))
            self.graph.put(task)
            return
        value, error = None, reply.error
        if not error:
            try:
                value = pickle.loads(reply.value)
            except Exception as problem:
                error = f"what it returned cannot be read: {problem}"
        self._end(place, attempt, error, value)

    def _lose(self, place: _Place, attempt: _Attempt, reason: str) -> None:
        """Another attempt, in place of this one, for a task whose node was lost."""
        task = attempt.task
        attempt.note(reason)
        self._lost[task.key] += 1
        if self._lost[task.key] >= LOST_NODES:
            self._end(place, attempt, f"{reason}, the {LOST_NODES}th under this task")
            return
        self._attempts[task.key] -= 1
        self._on_event(Retrying(task=task, slot=place.name, reason=reason))
        self.graph.put(task)

    def _stop_late(self) -> None:
        for place in list(self._places):
            attempt = place.attempt
            if attempt is None or attempt.end is None or place.doubtful or time.monotonic() < attempt.end:
                continue
            if self._ray.wait([place.reply], timeout=0)[0]:
                continue
            self._end_worker(place)
            error = f"no result after {self._timeout:g} s (timeout)"
            attempt.note(error)
            self._end(place, attempt, error)

    def _end(self, place: _Place, attempt: _Attempt, error: str, value: Any = None) -> None:
        self._finish(
            Outcome(
                task=attempt.task,
                status="failed" if error else "done",
                error=error,
                seconds=time.monotonic() - attempt.started,
                attempts=self._attempts[attempt.task.key],
                slot=place.name,
                value=value,
            )
        )

    def _finish(self, outcome: Outcome) -> None:
        for known in self.graph.finish(outcome):
            self._on_event(known)

    def _end_worker(self, place: _Place) -> None:
        """Now, whatever it does."""
        self._places.remove(place)
        self._ray.kill(place.actor)

    def _is_of_node(self, error: Exception, node: str = "") -> bool:
        """Whether an actor died because its node did."""
        alive = {other["NodeID"] for other in self._ray.nodes() if other["Alive"]}
        return bool(node and node not in alive) or "node has died" in str(error)


def death(text: str) -> str:
    """What ended a worker's process, from Ray's account of it."""
    if "running low on memory" in text:
        return "its process died: Ray ended it, for its node ran low on memory"
    if code := re.search(r"exit code (\d+)", text):
        return f"its process died: exit code {code[1]}"
    return "its process died: by a signal, perhaps for want of memory, or by os._exit"


def _line(error: BaseException) -> str:
    """The last line that says something."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
