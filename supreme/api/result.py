"""What an evaluation gives back: rows, which print as the compact table and can be had in every form of a report."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console, RenderableType

from supreme.core import SupremeError
from supreme.report.page.page import write_page
from supreme.report.rows.columns import columns_named
from supreme.report.rows.load import frame_of
from supreme.report.rows.reading import Reader
from supreme.report.statistics.aggregate import summary
from supreme.report.tables.latex import standalone as with_preamble
from supreme.report.tables.output import write, write_file
from supreme.report.tables.tables import render
from supreme.report.tables.terminal import WIDTH, note_line, plain
from supreme.store.files import write_json


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """The rows of an evaluation.

    Printed, it is the compact table of a sweep, in a notebook too: one line for each method, with the mean over
    training seeds, their standard deviation and, from three seeds on, a letter for the gap to the reference.
    """

    rows: Sequence[Mapping[str, Any]]
    """One for each unlearned model, as a sweep stores them."""
    notes: Sequence[str] = ()
    """What is to be said of what was given, and which metrics are left out for what reason."""

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One line for each model and metric column, as `supreme.load` gives it."""
        reader = Reader()
        frame = frame_of([reader.parsed(Path(f"{row['cell']}.json"), row) for row in self.rows])  # type: ignore[arg-type]
        frame.attrs["evaluated"] = True
        return frame

    @cached_property
    def summary(self) -> pd.DataFrame:
        """Every number of the tables: means, gaps to the reference with their intervals, and claims."""
        return summary(self.frame)

    def table(self, metrics: Iterable[str] | None = None, *, wide: bool = False, width: int = WIDTH) -> str:
        """The table as text.

        Args:
            metrics: columns to show, as in `["accuracy/forget", "loss/forget"]`; None: the usual ones.
            wide: with the gaps to the reference and their 95 % intervals.
            width: in characters.
        """
        return plain(self._parts(metrics, wide=wide, width=width), width)

    def markdown(self) -> str:
        """The table for a Markdown file, with every note."""
        table = render(self.frame, "markdown", table=self.summary, notes=True)
        return "\n".join([table, *map("- {}".format, self.notes)])

    def latex(self, *, standalone: bool = False) -> str:
        """The table for LaTeX, to `\\input`, or a document of its own; it needs no package."""
        text = render(self.frame, "latex", table=self.summary)
        return with_preamble(text) if standalone else text

    def to_csv(self, path: str | Path | None = None) -> str | None:
        """Every value of every row, as CSV: as text, or into this file."""
        text = render(self.frame, "csv")
        if path is None:
            return text
        write_file(Path(path), text)
        return None

    def write(self, folder: str | Path) -> Path:
        """Write the rows and all reports of a sweep into this folder; the path of its page.

        `supreme report <folder>` and `supreme.load(folder)` read it like the output folder of a sweep.

        Raises:
            SupremeError: it has rows of something else, or cannot be written.
        """
        rows = Path(folder, "rows")
        own = {f"{row['cell']}.json" for row in self.rows}
        if others := [path.name for path in rows.glob("*.json") if path.name not in own]:
            raise SupremeError(f"{rows} has rows of something else ({others[0]}): name an empty folder")
        try:
            rows.mkdir(parents=True, exist_ok=True)
            for row in self.rows:
                write_json(rows / f"{row['cell']}.json", dict(row))
        except OSError as error:
            raise SupremeError(f"{rows} cannot be written ({error.strerror}): name another folder") from error
        write(folder, self.frame, self.summary)
        return write_page(folder, self.frame, self.summary)

    def _parts(
        self, metrics: Iterable[str] | None = None, *, wide: bool = False, width: int = WIDTH
    ) -> list[RenderableType]:
        columns = None if metrics is None else columns_named(metrics, self.frame)
        tables = render(self.frame, "terminal", columns, width=width, table=self.summary, wide=wide, notes=True)
        return [*tables[:-1], *map(note_line, self.notes)]

    def __str__(self) -> str:
        return self.table()

    __repr__ = __str__

    def __rich_console__(self, console: Console, options: Any) -> Iterable[RenderableType]:
        yield from self._parts(width=options.max_width)

    def _repr_html_(self) -> str:
        console = Console(file=io.StringIO(), record=True, width=WIDTH, force_jupyter=False)
        console.print(*self._parts(), sep="\n")
        frame = '<pre style="line-height:1.25;font-family:monospace;white-space:pre">{code}</pre>'
        return console.export_html(inline_styles=True, code_format=frame)
