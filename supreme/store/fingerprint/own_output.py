"""The folder that the sweep of this process writes its results to: what lies there is no part of what a result is of.

A component that names it, because it says where to look for results or leaves something beside them, would else have
another key as soon as the sweep has written its first file.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

HOLDS_NO_ARITHMETIC = True

WRITTEN = ("audits", "logs", "reports", "rows", "store", "studies", "sweeps", "tracking")
"""Folders in it that sweeps write to. Others, such as data or what a user put there, count as any folder does."""


@cache
def _folders() -> set[Path]:
    """Those of this process, which only grow; no variable of the module, for what a task does to these is undone."""
    return set()


def leave_out(folder: Path) -> bool:
    """Leave this output folder out of every digest from now on; whether that is new to this process."""
    found = folder.expanduser().resolve()
    is_new = found not in _folders()
    _folders().add(found)
    return is_new


def is_written(path: Path) -> bool:
    """Whether this is such an output folder, or one in it that sweeps write to."""
    if not _folders() or not path.is_dir():
        return False
    found = path.expanduser().resolve()
    return found in _folders() or (found.parent in _folders() and found.name in WRITTEN)


def results_below(folder: Path) -> list[Path]:
    """Where such output folders lie below this one, relative to it."""
    found = folder.resolve() if _folders() else folder
    return [one.relative_to(found) for one in _folders() if found in one.parents]
