"""`supreme status`: the sweeps that run in an output directory, or how the last one ended. No torch here."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.live import Live
from rich.text import Text

from supreme.core import SupremeError
from supreme.core.arguments import Parser
from supreme.core.console import console
from supreme.core.output import STDOUT, data, out
from supreme.sweep.display.display import Display, duration, one_line, plural
from supreme.sweep.display.snapshot import Snapshot, read_all

FAILURES = 10
WATCH_SECONDS = 1.0
LINE_SECONDS = 60.0
"""Between two lines of `--watch` where there is no terminal."""
OLD_SECONDS = 5.0
"""A sweep tells its state every second; one older than this says so."""


def main(argv: Sequence[str]) -> int:
    """Print the state of one output directory; the exit status is 1 when what it tells of did not end well."""
    arguments = _parser().parse_args(argv)
    directory: Path = arguments.directory
    if not directory.is_dir():
        raise SupremeError(f"there is no folder {directory}; give the output_dir of a sweep: supreme status outputs")
    if not any((directory / name).is_dir() for name in ("sweeps", "rows", "store")):
        raise SupremeError(f"{directory} is no output_dir of sweeps: it has no folder sweeps, rows or store")
    if arguments.watch and arguments.json:
        raise SupremeError("--watch and --json are not allowed together: give one of them")
    if arguments.watch:
        with suppress(KeyboardInterrupt):
            _watch(directory)
    state = _State.of(directory)
    if arguments.json:
        data(json.dumps(state.to_json(), indent=2) + "\n")
    else:
        console().print(state)
    return 0 if state.is_well else 1


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="supreme status",
        description="What the sweeps of an output directory are doing, or how the last one ended.",
    )
    parser.add_argument(
        "directory", nargs="?", type=Path, default=Path("outputs"), help="the output_dir of sweeps (default: outputs)"
    )
    parser.add_argument(
        "--watch", action="store_true", help="show it until no sweep runs there any more, or until Ctrl-C"
    )
    parser.add_argument("--json", action="store_true", help="print it as JSON")
    return parser


@dataclass(frozen=True, kw_only=True)
class _State:
    """What there is to tell of one output directory."""

    directory: Path
    rows: int
    sweeps: Mapping[Path, Snapshot]
    """Those that run; where none does, the last one; none where there was no sweep."""

    @classmethod
    def of(cls, directory: Path) -> _State:
        found = {path: snapshot.seen_from(directory) for path, snapshot in read_all(directory).items()}
        running = {path: snapshot for path, snapshot in found.items() if snapshot.state() == "running"}
        rows = sum(1 for _ in (directory / "rows").glob("*.json"))
        return cls(directory=directory, rows=rows, sweeps=running or dict(list(found.items())[-1:]))

    @property
    def runs(self) -> bool:
        return any(snapshot.state() == "running" for snapshot in self.sweeps.values())

    @property
    def is_well(self) -> bool:
        return all(
            snapshot.state() in ("running", "finished") and not snapshot.total.failed
            for snapshot in self.sweeps.values()
        )

    def to_json(self) -> dict[str, Any]:
        sweeps = [
            {"file": str(path), "state": snapshot.state(), **snapshot.to_json()}
            for path, snapshot in self.sweeps.items()
        ]
        return {"directory": str(self.directory), "rows": self.rows, "sweeps": sweeps}

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if not self.sweeps:
            yield Text(f"No sweep has run in {self.directory} yet.")
        for snapshot in self.sweeps.values():
            state = snapshot.state()
            yield Text(snapshot.command, "bold")
            yield Text(_about(snapshot, state), _style(snapshot, state))
            yield Display(snapshot, failures=FAILURES, sweeps=len(self.sweeps))
            yield Text("")
        yield Text(f"{plural(self.rows, 'row')} in {self.directory / 'rows'}")


def _about(snapshot: Snapshot, state: str) -> str:
    process = snapshot.process
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(snapshot.began))
    who = f"process {process.pid} of {snapshot.user} on {process.host}, begun {since}"
    if state == "running":
        age = time.time() - snapshot.written
        return f"running: {who}" + (f"; as of {duration(age)} ago" if age > OLD_SECONDS else "")
    if state == "finished" and snapshot.total.failed:
        state = f"finished, {snapshot.total.failed} failed"
    return f"{state}, after {duration(snapshot.seconds)}; {who}"


def _style(snapshot: Snapshot, state: str) -> str:
    return "green" if state == "running" or (state == "finished" and not snapshot.total.failed) else "red"


def _watch(directory: Path) -> None:
    """Show it until no sweep runs."""
    if not STDOUT.isatty():
        said = float("-inf")
        while (state := _State.of(directory)).runs:
            if time.monotonic() - said >= LINE_SECONDS:
                said = time.monotonic()
                for snapshot in state.sweeps.values():
                    out(f"{one_line(snapshot)}\n")
            time.sleep(WATCH_SECONDS)
        return
    with Live(console=console(), auto_refresh=False, transient=True, vertical_overflow="crop") as live:
        while (state := _State.of(directory)).runs:
            live.update(Group(state), refresh=True)
            time.sleep(WATCH_SECONDS)
