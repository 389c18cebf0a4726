"""`supreme report`: the table of a sweep, or of the methods there are, on the terminal or in files."""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd
from rich.console import RenderableType

from supreme.core import SupremeError
from supreme.core.console import console
from supreme.core.endpoints import Endpoints
from supreme.core.output import err, out
from supreme.report.browser import show_file
from supreme.report.catalogue.listings import LISTINGS, listing
from supreme.report.comparison.command import Asked, compared
from supreme.report.figures.files import write_figures
from supreme.report.live.command import serve
from supreme.report.margins import margins
from supreme.report.options import parse, refuse_idle
from supreme.report.page.page import PLACE, html
from supreme.report.published.check_command import VERB, check_published
from supreme.report.published.comparison import against
from supreme.report.published.files import chosen
from supreme.report.published.left_out import nothing_matches
from supreme.report.published.tables import render_against
from supreme.report.rows.columns import TableColumn, columns_asked, found_columns
from supreme.report.rows.endpoints import parse_endpoints
from supreme.report.rows.load import frame_of, load, read_results
from supreme.report.rows.selection import select
from supreme.report.tables.audits import audits_among, render_audits
from supreme.report.tables.frontiers import render_frontiers
from supreme.report.tables.latex import standalone
from supreme.report.tables.output import markdown, put, write
from supreme.report.tables.tables import render
from supreme.report.tables.terminal import WIDTH, plain

__all__ = ["FORMATS", "Choices", "main", "write"]


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What the command line says of a report, beside its rows."""

    directory: Path
    columns: Sequence[TableColumn] | None
    endpoints: Endpoints | None
    standalone: bool
    width: int
    encoding: str
    wide: bool
    notes: bool
    samples: bool


def main(argv: Sequence[str]) -> int:
    """Print or write the report of one output directory; the exit status."""
    if argv and argv[0] in LISTINGS:
        return listing(argv[0], argv[1:])
    if argv and argv[0] == "margins":
        return margins(argv[1:])
    if argv and argv[0] == VERB:
        return check_published(argv[1:])
    arguments = parse(argv, tuple(FORMATS))
    try:
        refuse_idle(arguments)
        if len(arguments.directories) > 1 or arguments.commits is not None:
            return _compare(arguments)
        if arguments.serve is not None:
            return serve(arguments)
        if arguments.against is not None:
            return _put_against(arguments)
        frame = load(arguments.directory)
        if arguments.filter is not None:
            frame = select(frame, arguments.filter)
        if arguments.figures:
            _refuse_without_rows(frame, arguments.directory)
            written = write_figures(arguments.directory, frame)
            out("".join(f"{folder}\n" for folder in sorted({str(path.parent) for path in written})))
            return 0
        choices = Choices(
            directory=Path(arguments.directory),
            columns=None if arguments.metrics is None else columns_asked(arguments.metrics, frame),
            endpoints=None if arguments.endpoints is None else parse_endpoints(arguments.endpoints, frame),
            standalone=arguments.standalone,
            width=WIDTH if arguments.output else console().width,
            encoding="utf-8" if arguments.output else console().encoding,
            wide=arguments.wide,
            notes=arguments.notes,
            samples=not arguments.no_samples,
        )
        if arguments.open:
            place = Path(arguments.output or choices.directory / PLACE)
            return show_file(place, _html(frame, choices), arguments.directory)
        if arguments.format == "terminal" and arguments.output is None:
            console().print(*_terminal(frame, choices), sep="\n")
        else:
            put(FORMATS[arguments.format](frame, choices), arguments.output)
    except SupremeError as error:
        err(f"supreme report: {error}\n")
        return 1
    return 0


def _compare(arguments: argparse.Namespace) -> int:
    """Print, write or show what differs between two sweeps; the exit status."""
    asked = Asked(
        directories=arguments.directories,
        commits=arguments.commits,
        condition=arguments.filter,
        metrics=arguments.metrics,
        endpoints=arguments.endpoints,
        standalone=arguments.standalone,
        width=WIDTH if arguments.output else console().width,
    )
    if arguments.open:
        return show_file(Path(arguments.output or asked.place), compared(asked, "html"))
    text = compared(asked, arguments.format)
    if arguments.format == "terminal" and arguments.output is None:
        out(text)
    else:
        put(text, arguments.output)
    return 0


def _refuse_without_rows(frame: pd.DataFrame, directory: str) -> None:
    if not len(frame):
        raise SupremeError(
            f"every cell in {directory} failed, so there is nothing to draw or to compare; "
            f"`supreme report {directory}` says why"
        )


def _put_against(arguments: argparse.Namespace) -> int:
    """Ours beside what was published, or one sentence where nothing matches; the exit status."""
    theirs = chosen(arguments.against)
    rows, failed, _ = read_results(arguments.directory)
    frame = frame_of(rows, failed)
    if arguments.filter is not None:
        frame = select(frame, arguments.filter)
    _refuse_without_rows(frame, arguments.directory)
    rows = [row for row in rows if row.cell in {*frame["cell"]}]
    found = against(rows, theirs, frame)
    rendered = render_against(found, arguments.format)
    if not len(found) and not (arguments.format == "csv" and isinstance(rendered, str)):
        rendered = " ".join([nothing_matches(rows, theirs), *found.attrs["left_out"], "\n"])
    if isinstance(rendered, str):
        put(rendered, arguments.output)
    elif arguments.output is not None:
        put(plain(rendered), arguments.output)
    else:
        console().print(*rendered, sep="\n")
    return 0


def _terminal(frame: pd.DataFrame, choices: Choices) -> list[RenderableType]:
    tables = render(
        frame,
        "terminal",
        choices.columns,
        width=choices.width,
        encoding=choices.encoding,
        endpoints=choices.endpoints,
        wide=choices.wide,
        notes=choices.notes,
    )
    return [*tables, *render_frontiers(frame), *render_audits(audits_among(choices.directory, frame), "terminal")]


def _written(frame: pd.DataFrame, choices: Choices, form: Literal["markdown", "latex"]) -> str:
    return render(frame, form, choices.columns, endpoints=choices.endpoints, wide=choices.wide, notes=choices.notes)


def _markdown(frame: pd.DataFrame, choices: Choices) -> str:
    return markdown(_written(frame, choices, "markdown"), frame, audits_among(choices.directory, frame))


def _latex(frame: pd.DataFrame, choices: Choices) -> str:
    text = _written(frame, choices, "latex")
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


def _html(frame: pd.DataFrame, choices: Choices) -> str:
    _refuse_without_rows(frame, str(choices.directory))
    return html(choices.directory, frame, endpoints=choices.endpoints, samples=choices.samples)


FORMATS: Mapping[str, Callable[[pd.DataFrame, Choices], str | bytes]] = {
    "terminal": lambda frame, choices: plain(_terminal(frame, choices)),
    "markdown": _markdown,
    "csv": lambda frame, choices: render(_chosen(frame, choices), "csv"),
    "parquet": _parquet,
    "latex": _latex,
    "html": _html,
}
"""What makes a report of each format from the tidy frame."""
