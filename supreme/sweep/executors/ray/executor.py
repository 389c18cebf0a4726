"""The tasks of a sweep on the workers of a Ray cluster: ask for workers, hand tasks out, survive what becomes of both.

A worker is a Ray actor, not a Ray task: Ray gives every GPU task a new process, which would import torch again. This
process hands a task out when what it needs has ended, as the local engine does, instead of giving Ray the whole graph
as object references: a reference that fails makes all that follows fail alike, whereas here what raised, what died,
what was late and what a lost node took along stay four things, and the longest chains go first.
"""

from __future__ import annotations

import os
import pickle
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import Any

from supreme.core import SupremeError
from supreme.sweep.executors.local.worker import Reply
from supreme.sweep.executors.ray.worker import Attempt, Place, Worker, death, one_line
from supreme.sweep.schedule.graph import Graph
from supreme.sweep.schedule.scheduler import STARTING_SECONDS, TOUCHES
from supreme.sweep.schedule.tasks import Event, Outcome, Retrying, Started, Task, Waiting

ASKED = 8
"""How many workers wait at most for Ray to place them; a node that joins gets those."""
LOST_NODES = 5
"""So many nodes, or idle workers, may a task see die under it before it is thought to kill them."""
STARTS = 2 * ASKED
"""So many workers in a row may fail to start."""
LOOK_SECONDS = 0.5
"""How often signals and timeouts are looked at."""
TELL_SECONDS = 10.0
"""After how long without any worker people are told."""
STORE_SECONDS = 20.0
"""How long a new file may take to be seen on another node of a network file system."""


@dataclass(frozen=True, kw_only=True)
class Share:
    """What of the cluster a job has."""

    resources: dict[str, float]
    """By Ray's names: CPU, GPU, memory (bytes)."""
    environment: dict[str, str]
    device: str

    def __str__(self) -> str:
        return describe(self.resources)


def describe(resources: Mapping[str, float]) -> str:
    """CPU=1, GPU=0.5, memory=4 GiB."""
    units = {"memory": 2**30}
    words = [f"{name}={amount / units.get(name, 1):g}" for name, amount in resources.items()]
    return ", ".join(word + " GiB" * word.startswith("memory=") for word in words)


class Sweep:
    """The state of one run."""

    def __init__(
        self,
        tasks: Sequence[Task],
        share: Share,
        *,
        token: Path,
        timeout: float | None,
        attempts: int,
        on_event: Callable[[Event], None],
    ) -> None:
        """See `engine.run`; attempts are of a task whose process dies, token is a new file in the output_dir."""
        import ray

        self.graph = Graph(tasks)
        self._timeout, self._most_attempts = timeout, attempts
        self._share, self._token = share, token
        self._on_event = on_event
        self._places: list[Place] = []
        self._failed_starts = 0
        self._told = False
        self._attempts = dict.fromkeys((task.key for task in tasks), 0)
        self._touched = Counter[str]()
        self._lost = dict.fromkeys((task.key for task in tasks), 0)
        self._ray: Any = ray
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
            self._places.append(Place(actor=actor, reply=reply, asked=time.monotonic()))

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

    def _join(self, place: Place) -> None:
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

    def _assign(self) -> None:
        for place in self._places:
            if place.idle and self.graph.ready:
                self._start(self.graph.take(), place)

    def _start(self, task: Task, place: Place) -> None:
        try:
            payload = pickle.dumps((task.function, task.arguments))
        except Exception as error:
            self._finish(Outcome(task=task, status="failed", error=f"it cannot be sent to a process: {error}"))
            return
        self._attempts[task.key] += 1
        header = task.heading(self._attempts[task.key], place.name, self._share.device)
        started, seconds = time.monotonic(), None
        if self._timeout is not None:  # what it takes to import torch is no fault of the task
            seconds = self._timeout + (0.0 if place.warm else STARTING_SECONDS)
        place.attempt = Attempt(
            task=task,
            started=started,
            end=None if seconds is None else started + seconds,
            warm=place.warm,
            log_bytes=task.log_bytes(),
        )
        place.reply = place.actor.execute.remote(payload, task.log, header, seconds)
        place.warm = True
        self._on_event(Started(task=task, slot=place.name))

    def _receive(self, place: Place) -> None:
        """What became of the task in this worker."""
        attempt = place.attempt
        assert attempt is not None
        errors = self._ray.exceptions
        try:
            answer = self._ray.get(place.reply)
        except errors.ActorUnavailableError:  # a process, a node or a network has died: ask until Ray knows which
            place.doubtful = True
            place.reply = place.actor.look.remote(self._token, 0.0)
            return
        except errors.RayActorError as error:
            self._end_worker(place)
            if self._is_of_node(error, place.node):
                self._lose(place, attempt, "the node that it ran on was lost")
            elif attempt.missed:
                self._lose(place, attempt, "the process that was to have it had died before")
            else:
                attempt.task.note(death(str(error)))
                self._judge(place, attempt, Reply(error=death(str(error)), spent=True))
            return
        except errors.RayError as error:
            answer = Reply(error=one_line(error), spent=True)
        if place.doubtful:  # it lives, but what it answered is gone
            self._end_worker(place)
            self._lose(place, attempt, "the connection to its process was lost")
            return
        place.attempt = place.reply = None
        if answer.spent:
            self._end_worker(place)
        self._judge(place, attempt, answer)

    def _judge(self, place: Place, attempt: Attempt, reply: Reply) -> None:
        """The end of the task, or another attempt."""
        task = attempt.task
        if reply.touched and self._touched[task.key] < TOUCHES:
            self._touched[task.key] += 1
            self._attempts[task.key] -= 1
            self._on_event(Retrying(task=task, slot=place.name, reason=f"{reply.touched}; the rest is done afresh"))
            self.graph.put(task)
            return
        if reply.error and reply.spent and not reply.settled and self._attempts[task.key] < self._most_attempts:
            self._on_event(Retrying(task=task, slot=place.name, reason=reply.error))
            self.graph.put(task)
            return
        value, error = None, reply.error or reply.touched
        if not error:
            try:
                value = pickle.loads(reply.value)
            except Exception as problem:
                error = f"what it returned cannot be read: {problem}"
        self._end(place, attempt, error, value)

    def _lose(self, place: Place, attempt: Attempt, reason: str) -> None:
        """Another attempt, in place of this one, for a task whose node or idle worker was lost."""
        task = attempt.task
        task.note(reason)
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
            attempt.task.note(error)
            self._end(place, attempt, error)

    def _end(self, place: Place, attempt: Attempt, error: str, value: Any = None) -> None:
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

    def _end_worker(self, place: Place) -> None:
        """Now, whatever it does."""
        self._places.remove(place)
        self._ray.kill(place.actor)

    def _is_of_node(self, error: Exception, node: str = "") -> bool:
        """Whether an actor died because its node did."""
        alive = {other["NodeID"] for other in self._ray.nodes() if other["Alive"]}
        return bool(node and node not in alive) or "node has died" in str(error)
