"""Tasks on a Ray cluster: as many warm workers as it has room for, one task after the other in each.

A worker is a Ray actor, not a Ray task: Ray gives every GPU task a new process, which would import torch again. The
scheduler hands a task out when what it needs has ended, instead of giving Ray the whole graph as object references: a
reference that fails makes all that follows fail alike, whereas here what raised, what died, what was late and what a
lost node took along stay four things, and the longest chains go first.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from itertools import chain, count
from queue import Empty, SimpleQueue
from typing import Any

from supreme.core import SupremeError
from supreme.sweep.executors.ray.connection import connected, import_ray, share_of, token
from supreme.sweep.executors.ray.options import Options
from supreme.sweep.executors.ray.worker import RayPlace, Worker, death, one_line
from supreme.sweep.plan.settings import Settings
from supreme.sweep.schedule.executor import Attempt, Close, Ended, Judged, Reply, Report
from supreme.sweep.schedule.tasks import Event, Outcome, Task, Waiting

ASKED = 8
"""How many workers wait at most for Ray to place them; a node that joins gets those."""
STARTS = 2 * ASKED
"""So many workers in a row may fail to start."""
LOOK_SECONDS = 0.5
"""How often signals and timeouts are looked at."""
TELL_SECONDS = 10.0
"""After how long without any worker people are told."""
STORE_SECONDS = 20.0
"""How long a new file may take to be seen on another node of a network file system."""


class RayExecutor:
    """See `supreme.sweep.schedule.executor.Executor`."""

    again = False
    takes_all = False

    def __init__(self, settings: Settings, options: Options) -> None:
        self.attempts = options.attempts
        self._settings, self._options = settings, options
        self._places: list[RayPlace] = []
        self._failed_starts = 0
        self._told = False
        self._inbox: SimpleQueue[None] = SimpleQueue()
        self._inside = ExitStack()
        self._ray: Any = None

    def warm_up(self, count: int) -> None:
        pass

    def open(self, tasks: Mapping[str, Task]) -> Iterator[Attempt | Judged]:
        ray, settings = import_ray(), self._settings
        _check(settings)
        self._inside.enter_context(connected(self._options, settings.output_dir))
        self._ray = ray
        self._share = share_of(settings, self._options)
        self._token = self._inside.enter_context(token(settings.output_dir))
        self._worker = self._ray.remote(Worker).options(
            num_cpus=self._share.resources["CPU"],
            num_gpus=self._share.resources["GPU"],
            memory=self._share.resources.get("memory"),
            max_restarts=0,
            max_task_retries=0,
            scheduling_strategy="SPREAD",
            runtime_env={"env_vars": self._share.environment},
        )
        yield from ()

    def demand(self, ready: int, left: int) -> Iterable[Event]:
        if ready:
            placed = sum(bool(place.name) for place in self._places)
            for _ in range(min(left, placed + ASKED) - len(self._places)):
                actor = self._worker.remote(os.getcwd())
                reply = actor.look.remote(self._token, STORE_SECONDS)
                self._places.append(RayPlace(actor=actor, reply=reply, asked=time.monotonic()))
        if (spare := len(self._places) - left) > 0:  # those that Ray has not placed first
            unused = sorted((place for place in self._places if place.attempt is None), key=lambda place: place.idle)
            for place in unused[:spare]:
                self._end_worker(place)
        if any(place.name for place in self._places):
            self._told = False
        elif not self._told and any(time.monotonic() - place.asked > TELL_SECONDS for place in self._places):
            self._told = True
            yield Waiting(holders=(f"a node of the Ray cluster with {self._share} free",))

    def vacancy(self) -> RayPlace | None:
        return next((place for place in self._places if place.idle), None)

    def start(self, attempt: Attempt, place: RayPlace, payload: bytes) -> None:
        task = attempt.task
        attempt.begin(place.name, warm=place.warm)
        seconds = None if attempt.end is None else attempt.end - time.monotonic()
        header = task.heading(attempt.number, place.name, self._share.device)
        attempt.handle, place.attempt = place, attempt
        place.was_warm, place.warm, place.log_bytes = place.warm, True, task.log_bytes()
        place.affinity = task.affinity
        place.reply = place.actor.execute.remote(payload, task.log, header, seconds, attempt.may_leave)

    def poll(self, seconds: float | None) -> Iterable[Report]:
        replies = {place.reply: place for place in self._places if place.reply is not None}
        seconds = LOOK_SECONDS if seconds is None else min(seconds, LOOK_SECONDS)
        if not replies:
            try:
                self._inbox.get(timeout=seconds)
            except Empty:
                return
        for reply in self._ray.wait(list(replies), timeout=seconds)[0] if replies else []:
            place = replies[reply]
            if place.name:
                yield from self._ended(place)
            else:
                self._join(place)

    def wake(self) -> None:
        self._inbox.put(None)

    def kill(self, attempt: Attempt) -> bool:
        place: RayPlace = attempt.handle
        if place.doubtful or self._ray.wait([place.reply], timeout=0)[0]:
            return False
        self._end_worker(place)
        return True

    def record(self, outcome: Outcome) -> None:
        pass

    def close(self, how: Close) -> None:
        replies = [place.reply for place in self._places if place.reply is not None]
        for place in list(self._places):
            self._end_worker(place)
        if replies:
            self._ray.wait(replies, num_returns=len(replies), timeout=10.0)
        self._inside.close()

    def _join(self, place: RayPlace) -> None:
        """Ray has placed this worker, or could not start it."""
        try:
            seen = self._ray.get(place.reply)
        except Exception as error:
            self._end_worker(place)
            if not isinstance(error, self._ray.exceptions.ActorUnavailableError) and not self._is_of_node(error):
                self._failed_starts += 1
            if self._failed_starts >= STARTS:
                raise SupremeError(
                    "Ray cannot start a worker; the nodes need this Python, supreme and what it needs, and the same "
                    f"paths: {one_line(error)}"
                ) from error
            return
        if not seen.shares_store:
            raise SupremeError(
                f"the node {seen.host} does not see output_dir={self._token.parent} of this machine: give one from the "
                "root on, on a file system that all nodes share"
            )
        self._failed_starts = 0
        taken = {other.name for other in self._places}
        first = f"{seen.host}/{self._share.device}" + (f":{seen.visible}" if seen.visible else "")
        names = chain([first], (f"{first}/{number}" for number in count(1)))
        place.name = next(name for name in names if name not in taken)
        place.node, place.reply = seen.node, None

    def _ended(self, place: RayPlace) -> Iterator[Report]:
        """What became of the attempt in this worker."""
        attempt, errors = place.attempt, self._ray.exceptions
        assert attempt is not None
        try:
            reply: Reply = self._ray.get(place.reply)
        except errors.ActorUnavailableError:  # a process, a node or a network has died: ask until Ray knows which
            place.doubtful = True
            place.reply = place.actor.look.remote(self._token, 0.0)
            return
        except errors.RayActorError as error:
            self._end_worker(place)
            if self._is_of_node(error, place.node):
                yield _lost(attempt, "the node that it ran on was lost")
            elif place.died_idle:
                yield _lost(attempt, "the process that was to have it had died before")
            else:
                attempt.task.note(death(str(error)))
                yield Ended(attempt=attempt, reply=Reply(error=death(str(error)), spent=True))
            return
        except errors.RayError as error:
            reply = Reply(error=one_line(error), spent=True)
        if place.doubtful:  # it lives, but what it answered is gone
            self._end_worker(place)
            yield _lost(attempt, "the connection to its process was lost")
            return
        place.attempt = place.reply = None
        if reply.spent:
            self._end_worker(place)
        yield Ended(attempt=attempt, reply=reply)

    def _end_worker(self, place: RayPlace) -> None:
        """Now, whatever it does."""
        self._places.remove(place)
        self._ray.kill(place.actor)

    def _is_of_node(self, error: Exception, node: str = "") -> bool:
        """Whether an actor died because its node did."""
        alive = {other["NodeID"] for other in self._ray.nodes() if other["Alive"]}
        return bool(node and node not in alive) or "node has died" in str(error)


def _lost(attempt: Attempt, reason: str) -> Ended:
    """The end of an attempt whose node, worker or connection was lost."""
    attempt.task.note(reason)
    return Ended(attempt=attempt, reply=Reply(error=reason, spent=True), fault=reason)


def _check(settings: Settings) -> None:
    if settings.devices not in ("auto", "cpu", ("auto",), ("cpu",)):
        raise SupremeError(
            f"devices={settings.devices} means nothing on a Ray cluster, which gives its GPUs out itself; "
            "type devices=auto or devices=cpu"
        )
    for name in ("jobs_per_device", "threads"):
        given = getattr(settings, name)
        if not isinstance(given, str) and given < 1:
            raise SupremeError(f"{name}={given} is not allowed: give 1 or more")
