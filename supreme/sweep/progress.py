"""What people see of a sweep while it runs, on standard error: a live display on a terminal, else lines."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from supreme.sweep.tasks import Event, Outcome, Retired, Retrying, SetAside, Started, Task, Waiting


class Progress:
    """Give it to the engine as `on_event`, inside `with`."""

    def __init__(
        self,
        tasks: Sequence[Task],
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tasks = tuple(tasks)
        self._console = console or Console(stderr=True)
        self._clock = clock
        self._began = clock()
        self._outcomes: dict[str, Outcome] = {}
        self._busy: dict[str, tuple[Task, float]] = {}
        self._most_busy = 1
        self._note = ""
        self._live: Live | None = None

    def __enter__(self) -> Progress:
        self._began = self._clock()
        if self._console.is_terminal:
            self._live = Live(get_renderable=self.render, console=self._console, refresh_per_second=2, transient=True)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def __call__(self, event: Event) -> None:
        match event:
            case Started(task=task, slot=slot):
                self._busy[slot] = (task, self._clock())
                self._most_busy = max(self._most_busy, len(self._busy))
                self._note = ""
            case Retrying(task=task, slot=slot, reason=reason):
                self._busy.pop(slot, None)
                self._say(f"again: {task.label} ({slot}): {reason}")
            case SetAside(slot=slot):  # soon told again, as it starts
                self._busy.pop(slot, None)
            case Retired(slot=slot, reason=reason):
                self._say(f"{slot} is no longer used: {reason}")
            case Waiting(holders=holders):
                self._note = f"every device slot is taken; waiting for {'; '.join(holders)}"
                self._say(self._note)
            case Outcome():
                self._busy.pop(event.slot, None)
                self._outcomes[event.task.key] = event
                if self._live is None or event.status != "done":
                    self._say(self._line(event))

    def _say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _line(self, outcome: Outcome) -> str:
        begin, label = f"[{len(self._outcomes)}/{len(self._tasks)}] {outcome.status}", outcome.task.label
        if not outcome.slot:
            return f"{begin} {label}: {outcome.error}"
        line = f"{begin} {duration(outcome.seconds)} {label} ({outcome.slot})"
        return f"{line}: {outcome.error}; log: {outcome.task.log}" if outcome.error else line

    def render(self) -> RenderableType:
        """The live display as it is now."""
        done = sum(outcome.status == "done" for outcome in self._outcomes.values())
        failed = len(self._outcomes) - done
        left = len(self._tasks) - len(self._outcomes)
        to_go = self._seconds_to_go()
        words = [f"{done} done", f"{failed} failed", f"{left} left", f"{duration(self._clock() - self._began)} gone"]
        if to_go is not None:
            words.append(f"about {duration(to_go)} to go")
        slots = Table.grid(padding=(0, 2))
        for slot, (task, since) in list(self._busy.items()):
            slots.add_row(Text(slot), Text(task.kind), Text(task.label), Text(duration(self._clock() - since)))
        bar = ProgressBar(total=max(1, len(self._tasks)), completed=len(self._outcomes), width=40)
        head = Table.grid(padding=(0, 2))
        head.add_row(bar, Text(", ".join(words)))
        return Group(head, slots, *([Text(self._note)] if self._note else []))

    def _seconds_to_go(self) -> float | None:
        """From the mean time of what is done, each kind by itself, on as many slots as were ever busy."""
        times: dict[str, list[float]] = {}
        for outcome in list(self._outcomes.values()):
            if outcome.status == "done":
                times.setdefault(outcome.task.kind, []).append(outcome.seconds)
        if not times:
            return None
        means = {kind: sum(values) / len(values) for kind, values in times.items()}
        overall = sum(sum(values) for values in times.values()) / sum(map(len, times.values()))
        left = [task for task in self._tasks if task.key not in self._outcomes]
        work = sum(means.get(task.kind, overall) for task in left)
        spent = sum(
            min(self._clock() - since, means.get(task.kind, overall)) for task, since in list(self._busy.values())
        )
        return (work - spent) / self._most_busy


def duration(seconds: float) -> str:
    """12.5 s, 3 min 05 s, 2 h 07 min."""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
