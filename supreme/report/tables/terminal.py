"""Tables for a terminal."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterable

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from supreme.report.tables.blocks import Block, Line
from supreme.report.tables.cells import Cell
from supreme.report.tables.compact import compact

WIDTH = 100
"""Of a table that goes to a file or a pipe, in characters."""

_LABEL_WIDTHS = (26, 12)
"""Of a name, before it is parted: the second where one column of numbers would not fit beside the first."""

_HEADLINE_WIDTH = 14
"""Of the first column, in which the title of a metric may be parted."""


def panels(
    block: Block, width: int, *, wide: bool = False, notes: bool = False, sign: str = "±"
) -> list[RenderableType]:
    """The block in as few tables as fit the width, then its notes.

    Args:
        wide: with the gaps and their intervals, in two lines for each method.
        notes: all of them, not only those that always matter.
        sign: between a mean and its spread.
    """
    tables = _wide(block, width, sign) if wide else compact(block, width, sign)
    told = block.notes.told(everything=notes, wide=wide)
    return [*tables, *map(note_line, told), ""]


def plain(renderables: Iterable[RenderableType], width: int = WIDTH) -> str:
    """As text, for a file or a pipe, in a notebook, too, where rich would show it at once."""
    console = Console(file=io.StringIO(), width=width, force_jupyter=False, color_system=None)
    with console.capture() as capture:
        console.print(*renderables, sep="\n")
    return capture.get()


def _wide(block: Block, width: int, sign: str) -> list[Table]:
    measure = Console(width=10_000)
    tables: list[Table] = []
    for label_width, count in itertools.product(_LABEL_WIDTHS, range(1, max(1, len(block.columns)) + 1)):
        ends = [len(block.columns) * part // count for part in range(count + 1)]
        tables = [_panel(block, start, stop, label_width, sign) for start, stop in itertools.pairwise(ends)]
        if all(measure.measure(table).maximum <= width for table in tables):
            break
    return tables


def _panel(block: Block, start: int, stop: int, label_width: int, sign: str) -> Table:
    title = Text(block.title if start == 0 else f"{block.title} (continued)", style="bold")
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, show_lines=False)
    for head in block.heads:
        table.add_column(head, max_width=label_width, overflow="fold")
    if block.judged:
        table.add_column("verdict,\n% removed", max_width=_HEADLINE_WIDTH)
    for column in block.columns[start:stop] or [None]:
        table.add_column(Text(column.title if column else ""), justify="right")
    for line in block.lines:
        headline = [Text(_headline(line, titled=start == 0))] if block.judged else []
        cells = [_text(cell, sign) for cell in line.cells[start:stop]] or [
            Text(line.failed.told if line.failed else "")
        ]
        table.add_row(*map(Text, _names(block, line)), *headline, *cells)
    return table


def _names(block: Block, line: Line) -> list[str]:
    first, *others = block.names(line)
    return [f"{first}\n{line.failed.told}" if line.failed and line.cells else first, *others]


def _headline(line: Line, *, titled: bool) -> str:
    """With the title of the metric that it is about where it is read first."""
    if line.headline is None:
        return ""
    return line.headline.told + (f"\n{line.headline.metric}" if titled and line.headline.metric else "")


def _text(cell: Cell, sign: str) -> Text:
    gap, value = f"{cell.gap} {cell.letter}".rstrip(), cell.value.replace("±", sign)
    return Text(f"{value}\n{gap}" if gap else value, style="bold" if cell.best else "")


def note_line(note: str) -> Table:
    """A note below a table, indented where it goes over several lines."""
    grid = Table.grid(padding=(0, 1))
    grid.add_row("-", Text(note), style="dim")
    return grid
