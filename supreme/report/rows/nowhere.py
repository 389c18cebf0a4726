"""What is said of a place in which there is no result: what it is, and which one was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path

from supreme.core import SupremeError

_NEVER = ("rows", "failures", "reports", "store", "logs", "audits", "sweeps")
"""Folders inside an output directory, which is what was meant where one of them was named."""

_LOOKED_AT = 1_000
"""Neighbours of a folder that is not there, of which the nearest name is told."""


def no_results(directory: str | Path, left_out: Sequence[str]) -> SupremeError:
    """What to raise for an output directory without a readable row or failure.

    Args:
        left_out: what is to be said of files that could not be read.
    """
    path = Path(directory)
    if path.exists() and not path.is_dir():
        what = f"{directory} is a file"
    else:
        what = f"no results in {path / 'rows'}: {' '.join(left_out).rstrip('.') or 'it is empty or missing'}"
    if meant := _meant(path):
        return SupremeError(f"{what}; did you mean {meant}?")
    return SupremeError(f"{what}; name the output directory of a sweep, as in `supreme report outputs`")


def _meant(path: Path) -> Path | None:
    """An output directory that is named nearly like this path, or has it inside."""
    if path.name in _NEVER and _has_results(path.parent):
        return path.parent
    if _has_results(path.parent.parent) and path.parent.name in _NEVER:  # a row itself
        return path.parent.parent
    if path.exists():
        inside = [one for one in _folders(path) if _has_results(one)]
        return inside[0] if len(inside) == 1 else None
    near = {one.name: one for one in _folders(path.parent) if _has_results(one)}
    found = difflib.get_close_matches(path.name, near, 1, cutoff=0.7)
    return near[found[0]] if found else None


def _folders(path: Path) -> Iterable[Path]:
    try:
        return [one for one, _ in zip(sorted(path.iterdir()), range(_LOOKED_AT), strict=False) if one.is_dir()]
    except OSError:
        return []


def _has_results(path: Path) -> bool:
    return any((path / "rows").glob("*.json"))
