"""Whether a worker waits for another one's work where it is, or leaves its slot to other tasks and comes back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

HOLDS_NO_ARITHMETIC = True  # so that no result depends on it: see supreme.store.fingerprint


class Busy(BaseException):
    """Another worker makes what is needed here. Not an Exception: nothing on its way may take it for a failure."""

    def __init__(self, claims: Any, name: str) -> None:
        super().__init__(f"another worker makes {name}")
        self.claims = claims
        """The `Leases` among which the other worker's is."""
        self.name = name


@dataclass
class _Worker:
    worth_seconds: float
    depth: int = 0
    kept: float | None = None
    """When all its work was last in the store, by the monotonic clock; None: it has not come that far.

    What a task does before it first asks a store for anything is to import and to prepare, and stays with the process.
    """


_worker: ContextVar[_Worker | None] = ContextVar("worker", default=None)


@contextmanager
def leaving(worth_seconds: float) -> Iterator[None]:
    """Inside, what would wait for another worker raises Busy instead, unless more than this much work would be lost."""
    token = _worker.set(_Worker(worth_seconds))
    try:
        yield
    finally:
        _worker.reset(token)


@contextmanager
def creating() -> Iterator[None]:
    """What is made inside is kept once it ends; leaving before would lose it."""
    worker = _worker.get()
    if worker is None:
        yield
        return
    worker.depth += 1
    worker.kept = worker.kept or time.monotonic()
    try:
        yield
    finally:
        worker.depth -= 1
        if worker.depth == 0:
            worker.kept = time.monotonic()


def leave_rather_than_wait(claims: Any, name: str) -> None:
    """Raise Busy where this worker may leave and has little to lose."""
    worker = _worker.get()
    if worker is None:
        return
    now = time.monotonic()
    if now - (worker.kept or now) <= worker.worth_seconds:
        raise Busy(claims, name)
