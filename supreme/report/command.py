"""`supreme report`: the table of a sweep, or of the methods or metrics there are, on the terminal or in files."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console, RenderableType

from supreme.core import SupremeError
from supreme.report.audits import load_audits, render_audits
from supreme.report.load import load
from supreme.report.methods import BEGIN, END, method_entries, methods_markdown, methods_table, with_methods
from supreme.report.metrics import METRIC_MARKERS, metric_entries, metrics_markdown, metrics_table
from supreme.report.tables import render

_WIDTH = 100
"""Of a table that goes to a file or a pipe, in characters."""

_LISTINGS: dict[str, tuple[Any, Any, Any, tuple[str, str]]] = {
    "methods": (method_entries, methods_table, methods_markdown, (BEGIN, END)),
    "metrics": (metric_entries, metrics_table, metrics_markdown, METRIC_MARKERS),
}
"""Of each kind: how its entries are found, made a table for a terminal, and Markdown, and between what this goes."""


def main(argv: Sequence[str]) -> int:
    """Print or write the tables of one output directory; the exit status."""
    if argv and argv[0] in _LISTINGS:
        return _listing(argv[0], argv[1:])
    parser = argparse.ArgumentParser(
        prog="supreme report",
        description="Make the tables of a sweep from its rows.",
        epilog="`supreme report methods` makes the table of all methods, `supreme report metrics` that of all metrics "
        "(of directories of these names: ./methods).",
    )
    parser.add_argument("directory", nargs="?", default="outputs", help="the output directory of the sweep (outputs)")
    parser.add_argument("--format", choices=("terminal", "markdown", "csv"), default="terminal")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write there instead of printing")
    arguments = parser.parse_args(argv)
    try:
        frame = load(arguments.directory)
        audits = load_audits(arguments.directory, rows=frame)
        if arguments.format != "terminal":
            text = _markdown(frame, audits) if arguments.format == "markdown" else render(frame, arguments.format)
        elif arguments.output is None:
            console = Console() if sys.stdout.isatty() else Console(width=_WIDTH)
            console.print(*render(frame, "terminal", width=console.width), *render_audits(audits, "terminal"), sep="\n")
            return 0
        else:
            text = _plain([*render(frame, "terminal", width=_WIDTH), *render_audits(audits, "terminal")])
        _put(text, arguments.output)
    except SupremeError as error:
        sys.stderr.write(f"supreme report: {error}\n")
        return 1
    return 0


def _listing(what: str, argv: Sequence[str]) -> int:
    """Print or write the table of everything there is of this kind; the exit status."""
    find, table, markdown, (begin, end) = _LISTINGS[what]
    parser = argparse.ArgumentParser(prog=f"supreme report {what}", description=f"Make the table of all {what}.")
    parser.add_argument("--format", choices=("terminal", "markdown"), default="terminal")
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--output", type=Path, metavar="FILE", help="write there instead of printing")
    place.add_argument(
        "--into", type=Path, metavar="FILE", help=f"write it, as Markdown, between {begin} and {end} of this file"
    )
    arguments = parser.parse_args(argv)
    try:
        entries = find()
        if arguments.into is not None:
            _write(
                arguments.into, with_methods(arguments.into.read_text(encoding="utf-8"), markdown(entries), begin, end)
            )
        elif arguments.format == "markdown":
            _put(markdown(entries), arguments.output)
        elif arguments.output is None and sys.stdout.isatty():
            Console().print(table(entries))
        else:
            _put(_plain([table(entries)]), arguments.output)
    except (SupremeError, OSError) as error:
        sys.stderr.write(f"supreme report: {error}\n")
        return 1
    return 0


def write(directory: str | Path = "outputs") -> list[Path]:
    """Write `table.md`, `results.csv` and, of audits, `audits.csv` to this directory's `reports`; their paths."""
    frame = load(directory)
    audits = load_audits(directory, rows=frame)
    texts = {"table.md": _markdown(frame, audits), "results.csv": render(frame, "csv")}
    if len(audits):
        texts["audits.csv"] = render_audits(audits, "csv")
    return [_write(Path(directory, "reports", name), text) for name, text in texts.items()]


def _markdown(frame: pd.DataFrame, audits: pd.DataFrame) -> str:
    return "\n".join(filter(None, [render(frame, "markdown"), render_audits(audits, "markdown")]))


def _plain(tables: Sequence[RenderableType]) -> str:
    console = Console(file=io.StringIO(), width=_WIDTH)
    with console.capture() as capture:
        console.print(*tables, sep="\n")
    return capture.get()


def _put(text: str, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(text)
    else:
        _write(output, text)


def _write(path: Path, text: str) -> Path:
    """Whole or not at all: somebody may be reading it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("w", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise SupremeError(f"{path} cannot be written ({error.strerror}); make room or name another place") from error
    return path
