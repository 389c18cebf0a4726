"""`supreme report`: the table of a sweep, or of the methods there are, on the terminal or in files."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from supreme.core import SupremeError
from supreme.report.figure_files import write_figures
from supreme.report.load import load
from supreme.report.methods import BEGIN, END, method_entries, methods_markdown, methods_table, with_methods
from supreme.report.tables import render
from supreme.report.writing import put

_WIDTH = 100
"""Of a table that goes to a file or a pipe, in characters."""


def main(argv: Sequence[str]) -> int:
    """Print or write the tables of one output directory; the exit status."""
    if argv[:1] == ["methods"]:
        return _methods(argv[1:])
    parser = argparse.ArgumentParser(
        prog="supreme report",
        description="Make the tables of a sweep from its rows.",
        epilog="`supreme report methods` makes the table of all methods (of a directory of this name: ./methods).",
    )
    parser.add_argument("directory", nargs="?", default="outputs", help="the output directory of the sweep (outputs)")
    parser.add_argument("--format", choices=("terminal", "markdown", "csv"), default="terminal")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write there instead of printing")
    parser.add_argument("--figures", action="store_true", help="write every figure to reports/figures instead")
    arguments = parser.parse_args(argv)
    try:
        if arguments.figures:
            written = write_figures(arguments.directory)
            sys.stdout.write("".join(f"{folder}\n" for folder in sorted({str(path.parent) for path in written})))
            return 0
        frame = load(arguments.directory)
        if arguments.format != "terminal":
            text = render(frame, arguments.format)
        elif arguments.output is None:
            console = Console() if sys.stdout.isatty() else Console(width=_WIDTH)
            console.print(*render(frame, "terminal", width=console.width), sep="\n")
            return 0
        else:
            text = _plain(render(frame, "terminal", width=_WIDTH))
        _put(text, arguments.output)
    except SupremeError as error:
        sys.stderr.write(f"supreme report: {error}\n")
        return 1
    return 0


def _methods(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="supreme report methods", description="Make the table of all methods.")
    parser.add_argument("--format", choices=("terminal", "markdown"), default="terminal")
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--output", type=Path, metavar="FILE", help="write there instead of printing")
    place.add_argument(
        "--into", type=Path, metavar="FILE", help=f"write it, as Markdown, between {BEGIN} and {END} of this file"
    )
    arguments = parser.parse_args(argv)
    try:
        entries = method_entries()
        if arguments.into is not None:
            text = with_methods(arguments.into.read_text(encoding="utf-8"), methods_markdown(entries))
            _write(arguments.into, text)
        elif arguments.format == "markdown":
            _put(methods_markdown(entries), arguments.output)
        elif arguments.output is None and sys.stdout.isatty():
            Console().print(methods_table(entries))
        else:
            _put(_plain([methods_table(entries)]), arguments.output)
    except (SupremeError, OSError) as error:
        sys.stderr.write(f"supreme report: {error}\n")
        return 1
    return 0


def write(directory: str | Path = "outputs") -> list[Path]:
    """Write `reports/table.md` and `reports/results.csv` of this output directory, each at once; their paths."""
    frame = load(directory)
    written = []
    for name, text in (("table.md", render(frame, "markdown")), ("results.csv", render(frame, "csv"))):
        written.append(_write(Path(directory, "reports", name), text))
    return written


def _plain(tables: Sequence[Table]) -> str:
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
    return put(path, text.encode())
