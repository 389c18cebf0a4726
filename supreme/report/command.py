"""`supreme report`: the table of a sweep, or of the methods there are, on the terminal or in files."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from rich.console import Console, RenderableType

from supreme.core import SupremeError
from supreme.report.catalogue.listings import LISTINGS, listing
from supreme.report.figures.figure_files import write_figures
from supreme.report.page.page import html
from supreme.report.rows.columns import TableColumn, column_of, declared_in, found_columns, refuse_unknown
from supreme.report.rows.endpoints import ENDPOINTS, Endpoints, parse_endpoints
from supreme.report.rows.load import load
from supreme.report.rows.selection import select
from supreme.report.statistics.aggregate import summary
from supreme.report.tables.audits import audits_among, render_audits
from supreme.report.tables.latex import standalone
from supreme.report.tables.output import markdown, put, write
from supreme.report.tables.published_comparison import against, nothing_matches, published
from supreme.report.tables.published_tables import render_against
from supreme.report.tables.tables import render
from supreme.report.tables.terminal import WIDTH, plain

__all__ = ["FORMATS", "Choices", "main", "write"]


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What the command line says of a report, beside its rows."""

    directory: Path
    columns: Sequence[TableColumn] | None
    endpoints: Endpoints
    standalone: bool
    width: int


def main(argv: Sequence[str]) -> int:
    """Print or write the report of one output directory; the exit status."""
    if argv and argv[0] in LISTINGS:
        return listing(argv[0], argv[1:])
    arguments = _parser().parse_args(argv)
    to_terminal = arguments.output is None and sys.stdout.isatty()
    try:
        _refuse_idle(arguments)
        frame = load(arguments.directory)
        if arguments.filter is not None:
            frame = select(frame, arguments.filter)
        if arguments.figures:
            written = write_figures(arguments.directory, frame)
            sys.stdout.write("".join(f"{folder}\n" for folder in sorted({str(path.parent) for path in written})))
            return 0
        if arguments.against is not None:
            put(_against(frame, arguments.format, to_terminal), arguments.output)
            return 0
        metrics = list(frame["metric"].unique())
        choices = Choices(
            directory=Path(arguments.directory),
            columns=None if arguments.metrics is None else _columns(arguments.metrics, frame),
            endpoints=ENDPOINTS if arguments.endpoints is None else parse_endpoints(arguments.endpoints, metrics),
            standalone=arguments.standalone,
            width=Console().width if to_terminal else WIDTH,
        )
        if arguments.format == "terminal" and to_terminal:
            Console().print(*_terminal(frame, choices), sep="\n")
        else:
            put(FORMATS[arguments.format](frame, choices), arguments.output)
    except SupremeError as error:
        sys.stderr.write(f"supreme report: {error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="supreme report",
        description="Make the tables of a sweep from its rows.",
        epilog=f"`supreme report {'|'.join(LISTINGS)}` makes a table of them all; such a directory is ./NAME.",
    )
    parser.add_argument("directory", nargs="?", default="outputs", help="the output directory of the sweep (outputs)")
    parser.add_argument("--format", choices=tuple(FORMATS), default="terminal")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write there instead of printing")
    parser.add_argument(
        "--filter",
        metavar="CONDITION",
        help='of which rows, as in \'data == "digits" and seed < 5 and method == "ssd" and variant == ""\'; `variant` '
        "tells what a row has otherwise than its method's YAML (alpha=5), `setting` than the others (recipe.epochs=1)",
    )
    parser.add_argument("--metrics", metavar="NAMES", help="which columns, as in accuracy/forget,loss/forget")
    parser.add_argument(
        "--endpoints",
        metavar="MARGINS",
        help="the metrics that claims are made of, with their margins of equivalence, as in "
        "accuracy/forget=0.02,membership/auc=0.02, instead of "
        + ", ".join(
            f"{name}={margin:g}{' (or 1 SD of the reference)' if at_least_one_sd else ''}"
            for name, (margin, at_least_one_sd) in ENDPOINTS.items()
        ),
    )
    parser.add_argument(
        "--against",
        choices=("published",),
        help="instead of the tables, ours beside the numbers that SUPREME (arXiv 2606.00380) published: terminal, "
        "markdown or csv",
    )
    parser.add_argument("--figures", action="store_true", help="write every figure to reports/figures instead")
    parser.add_argument("--standalone", action="store_true", help="latex: a whole document, not a part to \\input")
    return parser


def _refuse_idle(arguments: argparse.Namespace) -> None:
    """An option that would do nothing is a misunderstanding."""
    given = {name for name in ("metrics", "endpoints", "output") if getattr(arguments, name) is not None}
    idle = {"metrics"} if arguments.format == "html" else set()
    what = f"--format {arguments.format}"
    if arguments.against is not None:
        idle, what = {"metrics", "endpoints"}, f"--against {arguments.against}"
        if arguments.figures:
            raise SupremeError("--against and --figures each write something else; leave one of them out")
    if arguments.figures:
        idle, what = {"metrics", "endpoints", "output"}, "--figures"
    if found := sorted(given & idle):
        raise SupremeError(f"--{found[0]} says nothing to {what}; leave one of them out")
    if arguments.standalone and arguments.format != "latex":
        raise SupremeError("--standalone is for --format latex")


def _against(frame: pd.DataFrame, form: str, to_terminal: bool) -> str:
    """Ours beside what was published, or one sentence where nothing matches."""
    theirs = published()
    found = against(frame, theirs)
    rendered = render_against(found, form)
    if not len(found):
        told = " ".join([nothing_matches(frame, theirs), *found.attrs["left_out"]])
        return rendered if form == "csv" and isinstance(rendered, str) else f"{told}\n"
    if isinstance(rendered, str):
        return rendered
    return plain(rendered, Console().width if to_terminal else WIDTH)


def _columns(names: str, frame: pd.DataFrame) -> list[TableColumn]:
    """Those of a list with commas."""
    metrics, declared = list(frame["metric"].unique()), declared_in(frame)
    columns = [column_of(name, declared) for name in filter(None, map(str.strip, names.split(",")))]
    if not columns:
        raise SupremeError(f"--metrics {names!r} names none; there is {', '.join(metrics)}")
    for column in columns:
        refuse_unknown(column.metric, metrics)
    return columns


def _terminal(frame: pd.DataFrame, choices: Choices) -> list[RenderableType]:
    tables = render(frame, "terminal", choices.columns, width=choices.width, endpoints=choices.endpoints)
    return [*tables, *render_audits(audits_among(choices.directory, frame), "terminal")]


def _markdown(frame: pd.DataFrame, choices: Choices) -> str:
    tables = render(frame, "markdown", choices.columns, endpoints=choices.endpoints)
    return markdown(tables, audits_among(choices.directory, frame))


def _latex(frame: pd.DataFrame, choices: Choices) -> str:
    text = render(frame, "latex", choices.columns, endpoints=choices.endpoints)
    return standalone(text) if choices.standalone else text


def _chosen(frame: pd.DataFrame, choices: Choices) -> pd.DataFrame:
    """The lines of the chosen metrics only."""
    if choices.columns is None:
        return frame
    metrics = [column.metric for column in found_columns(choices.columns, list(frame["metric"].unique()))]
    return frame.loc[frame["metric"].isin(metrics)]


def _parquet(frame: pd.DataFrame, choices: Choices) -> bytes:
    buffer = io.BytesIO()
    try:
        _chosen(frame, choices).to_parquet(buffer, index=False)
    except ImportError as error:
        raise SupremeError("Parquet needs the package pyarrow: pip install -e '.[parquet]' in the clone") from error
    return buffer.getvalue()


FORMATS: Mapping[str, Callable[[pd.DataFrame, Choices], str | bytes]] = {
    "terminal": lambda frame, choices: plain(_terminal(frame, choices)),
    "markdown": _markdown,
    "csv": lambda frame, choices: render(_chosen(frame, choices), "csv"),
    "parquet": _parquet,
    "latex": _latex,
    "html": lambda frame, choices: html(choices.directory, frame, summary(frame, endpoints=choices.endpoints)),
}
"""What makes a report of each format from the tidy frame."""
