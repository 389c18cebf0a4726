"""Bytes and times as people read them, and a bar for what takes long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from supreme.core.console import console

T = TypeVar("T")


def in_bytes(count: float) -> str:
    """812 B, 1.5 kB, 2.3 GB; powers of 1000."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.0f} B" if unit == "B" else f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.4g} TB"


def age(seconds: float) -> str:
    """In its largest unit: 40 s, 5 min, 3 h, 12 d."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def counted(number: int, thing: str) -> str:
    """1 row, 2 rows."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def tracked(items: Iterable[T], total: int, what: str) -> Iterator[T]:
    """The items one by one, with a bar on standard error where that is a terminal."""
    own = console(stderr=True)
    bar = Progress(
        TextColumn(what),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeRemainingColumn(),
        console=own,
        transient=True,
        disable=not own.is_terminal,
    )
    with bar:
        yield from bar.track(items, total=total)
