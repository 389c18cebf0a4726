"""Tables for a terminal."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterable

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from supreme.report.tables.blocks import Block, Cell

WIDTH = 100
"""Of a table that goes to a file or a pipe, in characters."""

_LABEL_WIDTH = 26


def panels(block: Block, width: int) -> list[RenderableType]:
    """The block in as few tables as fit the width, their columns spread evenly; then its notes."""
    measure = Console(width=10_000)
    tables: list[Table] = []
    for count in range(1, max(1, len(block.columns)) + 1):
        ends = [len(block.columns) * part // count for part in range(count + 1)]
        tables = [_panel(block, start, stop) for start, stop in itertools.pairwise(ends)]
        if all(measure.measure(table).maximum <= width for table in tables):
            break
    return [*tables, *(_note(note) for note in block.notes), ""]


def plain(renderables: Iterable[RenderableType], width: int = WIDTH) -> str:
    """As text, for a file or a pipe."""
    console = Console(file=io.StringIO(), width=width)
    with console.capture() as capture:
        console.print(*renderables, sep="\n")
    return capture.get()


def _panel(block: Block, start: int, stop: int) -> Table:
    title = Text(block.title if start == 0 else f"{block.title} (continued)", style="bold")
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, show_lines=False)
    for head in block.heads:
        table.add_column(head, max_width=_LABEL_WIDTH, overflow="fold")
    for column in block.columns[start:stop]:
        table.add_column(Text(column.title), justify="right")
    for line in block.lines:
        table.add_row(*map(Text, block.names(line)), *map(_text, line.cells[start:stop]))
    return table


def _text(cell: Cell) -> Text:
    gap = f"{cell.gap} {cell.letter}".rstrip()
    return Text(f"{cell.value}\n{gap}" if gap else cell.value, style="bold" if cell.best else "")


def _note(note: str) -> Table:
    """Indented where it goes over several lines."""
    grid = Table.grid(padding=(0, 1))
    grid.add_row("-", Text(note), style="dim")
    return grid
