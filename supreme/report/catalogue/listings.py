"""`supreme report methods` and `supreme report metrics`: what there is, told by the components themselves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from supreme.core import SupremeError
from supreme.core.arguments import Parser
from supreme.core.console import console
from supreme.core.output import err
from supreme.report.catalogue.methods import BEGIN, END, method_entries, methods_markdown, methods_table, with_methods
from supreme.report.catalogue.metrics import METRIC_MARKERS, metric_entries, metrics_markdown, metrics_table
from supreme.report.tables.output import put, write_file
from supreme.report.tables.terminal import plain

LISTINGS: dict[str, tuple[Any, Any, Any, tuple[str, str]]] = {
    "methods": (method_entries, methods_table, methods_markdown, (BEGIN, END)),
    "metrics": (metric_entries, metrics_table, metrics_markdown, METRIC_MARKERS),
}
"""Of each kind: how its entries are found, made a table for a terminal, and Markdown, and between what this goes."""

CHANGED = {
    "methods": "Values that a sweep sets otherwise stand in the column `variant` of its results, as alpha=5.",
    "metrics": "A value that a sweep sets otherwise stands behind the metric's name in its results, as "
    "js_divergence/forget (base=10).",
}
"""What becomes of the names of each kind in results."""


def listing(what: str, argv: Sequence[str]) -> int:
    """Print or write the table of everything there is of this kind; the exit status."""
    find, table, as_markdown, (begin, end) = LISTINGS[what]
    parser = Parser(prog=f"supreme report {what}", description=f"Make the table of all {what}. {CHANGED[what]}")
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
            text = arguments.into.read_text(encoding="utf-8")
            write_file(arguments.into, with_methods(text, as_markdown(entries), begin, end))
        elif arguments.format == "markdown":
            put(as_markdown(entries), arguments.output)
        elif arguments.output is None:
            console().print(table(entries))
        else:
            put(plain([table(entries)]), arguments.output)
    except (SupremeError, OSError) as error:
        err(f"supreme report: {error}\n")
        return 1
    return 0
