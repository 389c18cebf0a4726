"""How far a long call is: a bar in a terminal or in a notebook, nothing in a log."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from supreme.core.console import console
from supreme.core.output import STDERR

Told = Callable[[int], None]
"""Called with what has been done since the last call."""


@contextmanager
def progress(what: str, total: int, shown: bool | None = None) -> Iterator[Told]:
    """A bar that goes away at the end.

    Args:
        what: is being done, as in "evaluating".
        total: how much there is to do.
        shown: None: in a terminal and in a notebook.
    """
    display = _notebook() if shown is not False else None
    if display is not None:
        yield from _in_notebook(display, what, total)
    elif shown or (shown is None and STDERR.isatty()):
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        with Progress(*columns, console=console(stderr=True), transient=True) as bar:
            task = bar.add_task(what, total=total)
            yield lambda done: bar.advance(task, done)
    else:
        yield lambda done: None


def _in_notebook(display: Any, what: str, total: int) -> Iterator[Told]:
    handle, done, told = display(_Bar(what, 0, total), display_id=True), 0, -1

    def advance(more: int) -> None:
        nonlocal done, told
        done += more
        if (per_cent := 100 * done // max(1, total)) > told:  # a message for each batch would slow a notebook down
            told = per_cent
            handle.update(_Bar(what, done, total))

    yield advance
    handle.update(_Bar("", 0, 0))


class _Bar:
    def __init__(self, what: str, done: int, total: int) -> None:
        self.what, self.done, self.total = what, done, total

    def __repr__(self) -> str:
        return f"{self.what} {self.done}/{self.total}" if self.total else ""

    def _repr_html_(self) -> str:
        if not self.total:
            return ""
        bar = f'<progress value="{self.done}" max="{self.total}"></progress>'
        return f"{escape(self.what)} {bar} {self.done}/{self.total}"


def _notebook() -> Any:
    """IPython's `display`, where the process is a notebook's."""
    if "ipykernel" not in sys.modules or "IPython" not in sys.modules:
        return None
    from IPython import get_ipython  # type: ignore[import-not-found,import-untyped,unused-ignore]
    from IPython.display import display  # type: ignore[import-not-found,import-untyped,unused-ignore]

    shell = get_ipython()
    return display if shell is not None and type(shell).__name__ == "ZMQInteractiveShell" else None
