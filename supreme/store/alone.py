"""One worker at a time, of all machines that see a folder: by a claim, since network file systems keep locks badly."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from supreme.store.leases import Leases

HOLDS_NO_ARITHMETIC = True  # so that no result depends on it: see supreme.store.fingerprint


@contextmanager
def alone(folder: Path, name: str) -> Iterator[None]:
    """Wait until no other worker is inside with this name, or until the one that was is dead; then go in."""
    claims = _claims(folder)
    waiter = claims.waiter(name)
    while True:
        with claims.attempt(name) as ours:
            if ours:
                yield
                return
        waiter.pause()


@contextmanager
def if_alone(folder: Path, name: str) -> Iterator[bool]:
    """Go in unless another worker, who is not known to be dead, is inside: yields whether nobody is."""
    claims = _claims(folder)
    claims.waiter(name).is_over()
    with claims.attempt(name) as ours:
        yield ours


def _claims(folder: Path) -> Leases:
    return Leases(folder=folder, temporary=folder, heartbeat_seconds=5.0, silence_seconds=120.0)
