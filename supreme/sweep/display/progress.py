"""What people see of a sweep while it runs: a live display on a terminal, else lines; a file for `supreme status`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType, TracebackType

from rich.console import Console
from rich.live import Live
from rich.text import Text

from supreme.core.console import console as console_of
from supreme.core.output import STDERR, wrapped
from supreme.core.text import one_line as in_one_line
from supreme.core.text import printable
from supreme.pipeline.activity import clear_all, put
from supreme.sweep.display.display import Display, duration, one_line
from supreme.sweep.display.snapshot import Snapshot, path_of, prune
from supreme.sweep.display.watch import Watch
from supreme.sweep.schedule.tasks import Event, Outcome, Task

__all__ = ["Progress", "duration"]

TICK_SECONDS = 1.0
"""Between two looks at what the workers say."""
FILES_PER_SECOND = 50
"""Of workers, perhaps on a network file system."""
SHARE = 0.02
"""Of a core, at most, which a sweep of many thousand tasks may need: looks are rarer then."""


class Progress:
    """Give it to whoever runs the tasks as `on_event`, inside `with`.

    Args:
        output_dir: where `supreme status` finds this sweep; None: nowhere.
        expected: by the keys of tasks, the seconds that each should take, as far as stored ones tell.
        console: of standard error; live where it is a terminal.
        clock: monotonic.
        heartbeat: after so many seconds without a line, one tells what runs, where no terminal shows it.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        *,
        output_dir: Path | None = None,
        expected: Mapping[str, float] = MappingProxyType({}),
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
        heartbeat: float = 60.0,
    ) -> None:
        self._watch = Watch(tasks, expected, clock)
        self._console = console or console_of(stderr=True, force_terminal=STDERR.isatty())
        self._clock = clock
        self._heartbeat = heartbeat
        self._said = clock()
        self._output_dir = output_dir
        self._live: Live | None = None
        self._inside = ExitStack()
        self._over = threading.Event()
        self._ticker = threading.Thread(target=self._tick, name="progress", daemon=True)

    def __enter__(self) -> Progress:
        if self._output_dir is not None:
            prune(self._output_dir)
            clear_all(self._output_dir / "logs")
        if self._console.is_interactive:
            self._live = self._inside.enter_context(
                Live(console=self._console, auto_refresh=False, transient=True, vertical_overflow="crop")
            )
        self._show(self._watch.snapshot())
        self._ticker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._ticker.join()
        self._inside.close()
        self._live = None
        self._write(self._watch.snapshot(ended=_ending(error)))

    def __call__(self, event: Event) -> None:
        line = self._watch.take_in(event)
        is_shown = self._live is not None and isinstance(event, Outcome) and event.status == "done"
        if line and not is_shown:
            self._say(line)

    def snapshot(self) -> Snapshot:
        """The sweep as it is now."""
        return self._watch.snapshot()

    def _tick(self) -> None:
        spent = 0.0
        while not self._over.wait(max(TICK_SECONDS, self._watch.busy / FILES_PER_SECOND, spent / SHARE)):
            began = time.thread_time()
            self._watch.look()
            self._show(self._watch.snapshot())
            spent = time.thread_time() - began

    def _show(self, snapshot: Snapshot) -> None:
        self._write(snapshot)
        if self._live is not None:
            self._live.update(Display(snapshot, failures=0), refresh=True)  # each was told in a line above
        elif self._clock() - self._said >= self._heartbeat:
            self._say(one_line(snapshot))

    def _say(self, line: str) -> None:
        self._said = self._clock()
        line = printable(line)
        if self._console.is_terminal:
            line = wrapped(line, self._console.width)
        self._console.print(Text(line), soft_wrap=True)

    def _write(self, snapshot: Snapshot) -> None:
        if self._output_dir is not None:
            put(path_of(self._output_dir, snapshot.began, snapshot.process.pid), snapshot.to_json())


def _ending(error: BaseException | None) -> str:
    if error is None:
        return "finished"
    if isinstance(error, KeyboardInterrupt):
        return f"stopped by {error}" if str(error) else "stopped by SIGINT"
    return in_one_line(f"broke off: {type(error).__name__}: {error}")
