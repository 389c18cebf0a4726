"""The columns of a table in LaTeX: what they show, how wide they are, how many fit a page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from supreme.report.tables.blocks import Block
from supreme.report.tables.cells import Cell
from supreme.report.tables.headline import Headline
from supreme.report.tables.hyphens import wrapped
from supreme.report.tables.latex_text import ems, escaped

COLUMN, PAGE = 200, 420
"""Points of a line in the narrowest usual column, and of one over both columns; on a narrower page the font shrinks."""

SIZES = (8.5, 8.0)
"""Points of a unit of `ems` in \\footnotesize and \\scriptsize, whose letters are wide for their height."""

SEPARATION = 2
"""Points on either side of a column."""


@dataclass(frozen=True)
class Column:
    """A column as it will be set: its head, and for each line of the block the parts of its cell."""

    head: str
    cells: Sequence[tuple[str, str]]
    """What is seen: the number and its letter."""
    shown: Sequence[tuple[str, str]]
    """The same as LaTeX."""

    @property
    def lettered(self) -> bool:
        return any(letter for _, letter in self.cells)

    @property
    def ems(self) -> float:
        parts = [max((ems(cell[place]) for cell in self.cells), default=0) for place in (0, 1)]
        words = max(map(ems, wrapped(self.head, 8, hyphens=False)), default=0)
        return max(words, parts[0] + parts[1] + 0.2 * self.lettered)


def fitting(names: Sequence[Column], columns: Sequence[Column]) -> tuple[str, int]:
    """Whether over both columns of a paper (`*`), and with how many columns side by side.

    The narrow table if it holds everything, else the wide one; where none does, evenly spread over several wide ones.
    """

    def fits(some: Sequence[Column], room: float) -> bool:
        parts = [*names, *some]
        blank = 2 * SEPARATION * len(parts)
        return any(sum(column.ems for column in parts) * size + blank <= room for size in SIZES)

    if fits(columns, COLUMN):
        return "", max(1, len(columns))
    for count in range(1, len(columns) + 1):
        each = math.ceil(len(columns) / count)
        if all(fits(columns[start : start + each], PAGE) for start in range(0, len(columns), each)):
            return "*", each
    return "*", 1


def name_columns(block: Block) -> list[Column]:
    """The columns that say what a line is, and the verdict where there is one."""
    texts = [block.names(line, roles=False) for line in block.lines]
    names = [_plain(head, [own[place] for own in texts]) for place, head in enumerate(block.heads)]
    if block.judged:
        told = [line.headline for line in block.lines]
        short = [("" if one is None else one.told, "") for one in told]
        names.append(Column("% removed", short, [("" if one is None else _apart(one), "") for one in told]))
    return names


def _apart(one: Headline) -> str:
    """The letters of a column below one another on the left, the numbers on the right."""
    return f"{escaped(one.letter)}\\ \\hfill {escaped(one.removed)}\\enspace"


def _plain(head: str, texts: Sequence[str]) -> Column:
    return Column(head, [(text, "") for text in texts], [(escaped(text), "") for text in texts])


def value_column(block: Block, place: int, how: str) -> Column:
    """The column at this place, with its values wide, short or shortest."""
    cells = [line.cells[place] if line.cells else None for line in block.lines]
    return Column(
        block.columns[place].title,
        [("", "") if cell is None else (_widest(cell, how), cell.letter) for cell in cells],
        [("", "") if cell is None else (_value(cell, how), escaped(cell.letter)) for cell in cells],
    )


def _text(cell: Cell, how: str) -> str:
    return {"wide": cell.value, "short": str(cell.short), "shortest": str(cell.shortest)}[how]


def _widest(cell: Cell, how: str) -> str:
    return max(_text(cell, how), cell.gap if how == "wide" else "", key=ems).replace(" ± ", "±")


def _value(cell: Cell, how: str) -> str:
    text = _text(cell, how)
    if " ± " not in text:
        return f"\\textbf{{{escaped(text)}}}" if cell.best else escaped(text)
    mean, spread = ("\\mbox{n/a}" if part == "n/a" else part for part in text.split(" ± "))
    inner = f"{mean}{{\\pm}}{spread}"
    return f"$\\mathbf{{{inner}}}$" if cell.best else f"${inner}$"


def gap(cell: Cell) -> str:
    """Its gap and interval, as LaTeX."""
    if not cell.gap:
        return ""
    gap, _, interval = cell.gap.partition(" ")
    # Braces around a sign keep it close to its number.
    numbers = [f"{{{number[0]}}}{number[1:]}" for number in (gap, *interval.strip("[]").split(", ")) if number != "n/a"]
    told = ", ".join(numbers[1:]) or "\\mbox{n/a}"
    return f"${numbers[0]}\\;[{told}]$"
