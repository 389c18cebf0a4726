"""The tables that people read: one per data, model, recipe and scenario, with a line for each method."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, overload

import pandas as pd
from rich.console import RenderableType

from supreme.core import SupremeError
from supreme.core.endpoints import Endpoints
from supreme.report.statistics.aggregate import summary
from supreme.report.tables.blocks import Block, Cell, blocks
from supreme.report.tables.latex import latex
from supreme.report.tables.terminal import WIDTH, panels

_Columns = Iterable[tuple[str, str, str]] | None


@overload
def render(
    frame: pd.DataFrame,
    format: Literal["terminal"],
    columns: _Columns = ...,
    width: int = ...,
    endpoints: Endpoints | None = ...,
    table: pd.DataFrame | None = ...,
) -> list[RenderableType]: ...
@overload
def render(
    frame: pd.DataFrame,
    format: Literal["markdown", "latex", "csv"],
    columns: _Columns = ...,
    width: int = ...,
    endpoints: Endpoints | None = ...,
    table: pd.DataFrame | None = ...,
) -> str: ...
def render(
    frame: pd.DataFrame,
    format: str,  # noqa: A002
    columns: _Columns = None,
    width: int = WIDTH,
    endpoints: Endpoints | None = None,
    table: pd.DataFrame | None = None,
) -> list[RenderableType] | str:
    """What `load` gives, for people: rich tables no wider than `width`, Markdown or LaTeX; or the frame itself, as CSV.

    A cell is the mean and the standard deviation between training seeds, and below it the gap to the reference with its
    95 % interval and a letter for the verdict. A table too wide for the terminal is cut into several with the same
    lines. Every printed number is in the summary, and can be computed again from the CSV.

        >>> print(supreme.report.render(frame, "markdown", columns=[("loss/forget", "forget loss", ".3f")]))

    Args:
        frame: what `load` gives.
        format: terminal, markdown, latex or csv.
        columns: (metric, title, format) of each column, instead of those that metrics declare to be shown; see
            `TableColumn`. A table leaves out the columns in which nothing has a value, and a block without any of them
            has no table. CSV has everything.
        width: of the terminal, in characters.
        endpoints: whose equivalence is tested, and with which margins.
        table: `summary(frame, endpoints=endpoints)`, if it is at hand.

    Raises:
        SupremeError: the format is none of these, or no row has a metric that `columns` names.
    """
    if format == "csv":
        return frame.to_csv(index=False, lineterminator="\n")
    if format not in ("terminal", "markdown", "latex"):
        raise SupremeError(f"there is no format {format!r}: give terminal, markdown, latex or csv")
    found = blocks(frame, summary(frame, endpoints=endpoints) if table is None else table, columns)
    if format == "latex":
        return latex(found)
    if format == "markdown":
        return "\n".join(map(_markdown, found))
    return [renderable for block in found for renderable in panels(block, width)]


def _markdown(block: Block) -> str:
    def line(cells: Iterable[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    def text(cell: Cell) -> str:
        value = f"**{cell.value}**" if cell.best else cell.value
        return f"{value}<br>{cell.gap} {cell.letter}".rstrip() if cell.gap else value

    return "\n".join(
        [
            f"## {block.title}",
            "",
            line([*block.heads, *(column.title for column in block.columns)]),
            line([*(":--" for _ in block.heads), *("--:" for _ in block.columns)]),
            *(line([*block.names(one), *map(text, one.cells)]) for one in block.lines),
            "",
            *(f"- {note}" for note in block.notes),
            "",
        ]
    )
