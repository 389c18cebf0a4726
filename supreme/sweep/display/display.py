"""A snapshot of a sweep, for people: as a table that fits the terminal, and in one line."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from supreme.core.text import one_line as in_one_line
from supreme.sweep.display.snapshot import Running, Snapshot

WIDE = 110
"""Columns from which there is room for the names of logs."""
ERROR_CHARACTERS = 400
"""The most of why a task failed; its log has all."""
WHAT_CHARACTERS = 40
"""The most of what a method says that it counts."""
IN_ONE_LINE = 4
"""Running tasks that one line names."""


class Display:
    """A snapshot as rich draws it: whole, its lines going on between words, where the terminal has the room.

    Elsewhere each line is cut, and the tasks that have run for longest are shown.
    """

    def __init__(self, snapshot: Snapshot, *, failures: int, sweeps: int = 1) -> None:
        """`failures` are shown, the last ones; `sweeps` share the terminal's lines."""
        self._snapshot = snapshot
        self._failures = failures
        self._sweeps = sweeps

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        whole = self._parts(_whole, len(self._snapshot.running), options.max_width)
        lines = console.height // self._sweeps - 1
        if not console.is_terminal or len(console.render_lines(Group(*whole), options, pad=False)) <= lines:
            yield from whole
        else:
            rest = len(self._parts(_cut, 0, options.max_width)) - 1
            yield from self._parts(_cut, max(1, lines - rest), options.max_width)

    def _parts(self, line: Line, rows: int, width: int) -> list[Table | Text]:
        """Of a table, `rows` lines at most; each other part has one line, if `line` cuts it."""
        snapshot = self._snapshot
        note = [line(snapshot.note, "yellow")] if snapshot.note else []
        failures = _failure_lines(snapshot, self._failures, line)
        top = [_head(snapshot, width, line), _kinds(snapshot, line)]
        return [*top, *_slots(snapshot, rows, width, line), *failures, *note]


Line = Callable[[str, str], Text]
"""Makes a text, given its style, one that is cut or one that goes on in the next line."""


def _cut(text: str, style: str = "") -> Text:
    return Text(text, style, no_wrap=True, overflow="ellipsis")


def _whole(text: str, style: str = "") -> Text:
    return Text(text, style)


def _head(snapshot: Snapshot, width: int, line: Line) -> Table:
    total = snapshot.total
    bar = ProgressBar(total=max(1, total.total), completed=total.total - total.left, width=max(8, min(30, width // 6)))
    bar.complete_style = bar.finished_style = "green"
    words = f"{total.total - total.left} of {total.total}, {duration(snapshot.seconds)} gone"
    if not snapshot.ended:
        words += f", {time_to_go(snapshot)}"
    head = Table.grid(padding=(0, 2))
    head.add_row(bar, line(words, "bold"))
    return head


def _kinds(snapshot: Snapshot, line: Line) -> Text:
    """How many of each kind have come to what, then what all tasks have in common."""
    text = line("", "")
    for kind, count in snapshot.counts.items():
        text.append(f"{'  ' if text.plain else ''}{kind} {count.done}/{count.total}")
        for name in ("failed", "blocked"):
            if number := getattr(count, name):
                text.append(f" {number} {name}", "red")
    if snapshot.retries:
        text.append(f"  {snapshot.retries} tried again", "yellow")
    if snapshot.common:
        text.append(f"  {snapshot.common}", "dim")
    return text


def _slots(snapshot: Snapshot, rows: int, width: int, line: Line) -> list[Table | Text]:
    running = sorted(snapshot.running, key=lambda task: -task.seconds)
    shown = running if len(running) <= rows else running[: max(0, rows - 1)]
    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column("slot", no_wrap=True)
    table.add_column("label", ratio=1)
    table.add_column("doing", no_wrap=True)
    table.add_column("seconds", no_wrap=True, justify="right")
    for task in shown:
        cells = [line(task.slot, "cyan"), line(shortened(task.label, snapshot.common), ""), line(told(task), "")]
        log = [line(f"logs/{Path(task.log).name}", "dim")] if width >= WIDE else []
        table.add_row(*cells, line(duration(task.seconds), ""), *log)
    more = [line(f"+ {len(running) - len(shown)} more", "dim")] if len(running) > len(shown) else []
    return [table, *more] if shown else [*more]


def _failure_lines(snapshot: Snapshot, most: int, line: Line) -> list[Text]:
    if not most:
        return []
    number = snapshot.total.failed
    shown = snapshot.failures[-most:]
    lines = [line(f"+ {number - len(shown)} that failed before", "dim")] if number > len(shown) else []
    for failure in shown:
        why = in_one_line(failure.error, ERROR_CHARACTERS)
        lines.append(line(f"failed: {shortened(failure.label, snapshot.common)}: {why}", "red"))
        lines.append(line(f"  log {failure.log}", ""))
    return lines


def shortened(label: str, common: str) -> str:
    """A label without the words that all have."""
    words = set(common.split())
    return " ".join(word for word in label.split() if word not in words)


def told(task: Running) -> str:
    """What its process says of itself, in few words: unlearn epoch 3/10."""
    doing = task.doing
    if doing is None:
        return ""
    stage = "train" if doing.stage == task.kind and doing.stage != "audit" else doing.stage
    what = in_one_line(doing.what.removeprefix("training "), WHAT_CHARACTERS)
    return f"{stage} {what} {doing.done}/{doing.total}" if doing.total else stage


def time_to_go(snapshot: Snapshot) -> str:
    """Its forecast in words, and what this does not cover."""
    unknown = " and ".join(plural(number, kind) for kind, number in snapshot.unknown.items())
    if snapshot.to_go is None:
        return "no estimate yet"
    words = f"about {about(snapshot.to_go)} to go" if snapshot.to_go else "later than expected"
    if snapshot.to_go >= 600 and not unknown:
        words += f" (until {_moment(snapshot.written + snapshot.to_go)})"
    return words + (f" + {unknown} of unknown length" if unknown else "")


def one_line(snapshot: Snapshot) -> str:
    """For logs in which nothing happened for a while: what runs, and for how long."""
    total = snapshot.total
    running: Sequence[Running] = sorted(snapshot.running, key=lambda task: -task.seconds)
    named = [_in_words(task, snapshot.common) for task in running[:IN_ONE_LINE]]
    more = [f"{len(running) - IN_ONE_LINE} more"] if len(running) > IN_ONE_LINE else []
    begin = f"[{total.total - total.left}/{total.total}] {duration(snapshot.seconds)} gone, {time_to_go(snapshot)}"
    return f"{begin}; running: {'; '.join([*named, *more]) or 'nothing'}"


def _in_words(task: Running, common: str) -> str:
    words = [shortened(task.label, common), f"({task.slot})", told(task), f"for {duration(task.seconds)}"]
    return " ".join(filter(None, words))


def plural(number: int, kind: str) -> str:
    return f"{number} {kind}{'' if number == 1 else 's'}"


def about(seconds: float) -> str:
    """As exact as a forecast is: 40 s, 3 min 10 s, 25 min, 2 h 07 min."""
    if seconds < 59.5:
        return f"{max(1, round(seconds))} s"
    if seconds < 595:
        return duration(round(seconds, -1))
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else duration(60 * minutes)


def _moment(seconds: float) -> str:
    then = time.localtime(seconds)
    today = then[:3] == time.localtime()[:3]
    return time.strftime("%H:%M" if today else "%a %H:%M", then)


def duration(seconds: float) -> str:
    """12.5 s, 3 min 05 s, 2 h 07 min."""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
