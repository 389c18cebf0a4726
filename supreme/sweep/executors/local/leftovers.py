"""What sweeps that were killed at one blow have left on this machine, outside of their output_dir."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

SEMAPHORES = Path("/dev/shm")


def sweep_leftovers() -> None:
    """Remove semaphores of workers of this user that have ended."""
    for path, pid in _semaphores():
        with suppress(OSError):  # another process cleans up too
            if path.stat().st_uid == os.getuid() and not psutil.pid_exists(pid):
                path.unlink()


def _semaphores() -> Iterator[tuple[Path, int]]:
    """What loky made, each with the id of the process that did."""
    for path in SEMAPHORES.glob("sem.loky-*"):
        if found := re.fullmatch(r"sem\.loky-(\d+)-.+", path.name):
            yield path, int(found[1])
