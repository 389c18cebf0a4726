"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable

from supreme.report.tables.blocks import Block, Line
from supreme.report.tables.cells import Cell


def markdown(block: Block, *, wide: bool, notes: bool) -> str:
    """The block as one table, then its notes; see `supreme.report.tables.terminal.panels`."""
    columns = [column.title for column in block.columns] or [""]
    judged = ["verdict, % removed"] if block.judged else []
    return "\n".join(
        [
            f"## {block.title}",
            "",
            row([*block.heads, *judged, *columns]),
            row([*(":--" for _ in block.heads), *(":--" for _ in judged), *("--:" for _ in columns)]),
            *(row(_cells(block, line, len(columns), wide)) for line in block.lines),
            "",
            *(f"- {note}" for note in block.notes.told(everything=notes, wide=wide)),
            "",
        ]
    )


def row(cells: Iterable[str]) -> str:
    """One line of a table."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _cells(block: Block, line: Line, columns: int, wide: bool) -> list[str]:
    first, *others = block.names(line)
    failed = line.failed.told if line.failed else ""
    names = [f"{first}<br>{failed}" if failed and line.cells else first, *others]
    judged = [line.headline.told if line.headline else ""] if block.judged else []
    values = [_wide(cell) if wide else _short(cell) for cell in line.cells] or [failed, *[""] * (columns - 1)]
    return [*names, *judged, *values]


def _short(cell: Cell) -> str:
    value = f"**{cell.short}**" if cell.best else str(cell.short)
    return f"{value} {cell.letter}".rstrip()


def _wide(cell: Cell) -> str:
    value = f"**{cell.value}**" if cell.best else cell.value
    return f"{value}<br>{cell.gap} {cell.letter}".rstrip() if cell.gap else value
