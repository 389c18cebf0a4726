"""A table of one line per method, as narrow as the terminal asks for: as few of its liberties as will do."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rich.text import Text

from supreme.report.tables.blocks import Block
from supreme.report.tables.cells import Cell
from supreme.report.tables.hyphens import wrapped


@dataclass(frozen=True, kw_only=True)
class Spacing:
    """How much room the text of a table takes."""

    between: int
    """Blanks between columns."""
    sign: str
    """Between a mean and its spread."""
    zeros: bool = True
    """Whether a fraction has its leading zero."""
    aligned: bool = True
    """Whether the signs of a column stand below one another."""
    shortest: bool = False
    """Whether a spread has one digit."""
    hyphens: bool = False
    """Whether words of heads are parted."""


SPACINGS = (
    Spacing(between=3, sign=" ± "),
    Spacing(between=2, sign=" ± "),
    Spacing(between=2, sign="±"),
    Spacing(between=2, sign="±", zeros=False),
    Spacing(between=1, sign="±", zeros=False),
    Spacing(between=1, sign="±", zeros=False, hyphens=True),
    Spacing(between=1, sign="±", zeros=False, hyphens=True, shortest=True),
    Spacing(between=1, sign="±", zeros=False, hyphens=True, shortest=True, aligned=False),
)
"""The roomiest first."""

HEADLINE = "% removed"
"""Head of the first column of numbers, which has the letter of the verdict too."""


@dataclass(frozen=True)
class Column:
    """The head of a column and its cells, each as wide as the column."""

    head: Sequence[str]
    """Its lines, all columns as many."""
    cells: Sequence[str]
    bold: Sequence[bool]

    @property
    def width(self) -> int:
        return max(map(len, (*self.head, *self.cells)), default=0)


def compact(block: Block, width: int, sign: str = "±") -> list[Text]:
    """The block in as few tables as fit the width, each with its title, the lines and the first columns of all.

    Args:
        sign: between a mean and its spread.
    """
    spacings = [replace(spacing, sign=spacing.sign.replace("±", sign)) for spacing in SPACINGS]
    tables: list[list[Text]] = []
    for count in range(1, max(1, len(block.columns)) + 1):
        ends = [len(block.columns) * part // count for part in range(count + 1)]
        tables = [_narrowest(block, start, stop, width, spacings) for start, stop in itertools.pairwise(ends)]
        if all(len(line) <= width for table in tables for line in table):
            break
    titles = [block.title, *[f"{block.title} (continued)"] * (len(tables) - 1)]
    return [
        Text("\n").join([Text(title, style="bold"), *table, Text("")])
        for title, table in zip(titles, tables, strict=True)
    ]


def _narrowest(block: Block, start: int, stop: int, width: int, spacings: Sequence[Spacing]) -> list[Text]:
    """These columns in the roomiest spacing that fits; in the narrowest one where none does."""
    lines: list[Text] = []
    for spacing in spacings:
        lines = _lines(block, start, stop, spacing)
        if all(len(line) <= width for line in lines):
            break
    return lines


def _lines(block: Block, start: int, stop: int, spacing: Spacing) -> list[Text]:
    shown = [line for line in block.lines if line.cells]
    names = _columns_of_names(block, spacing)
    columns = [
        _column(column.title, [line.cells[start + place] for line in shown], spacing)
        for place, column in enumerate(block.columns[start:stop])
    ]
    gap = " " * spacing.between
    height = max(len(column.head) for column in (*names, *columns))
    heads = [
        gap.join(
            [
                *(_head(column, row, height).ljust(column.width) for column in names),
                *(_head(column, row, height).rjust(column.width) for column in columns),
            ]
        )
        for row in range(height)
    ]
    lines = [Text(head.rstrip()) for head in heads]
    lines.append(Text("─" * max(len(head) for head in heads), style="dim"))
    place = 0
    for number, line in enumerate(block.lines):
        own = gap.join(column.cells[number].ljust(column.width) for column in names)
        if not line.cells:
            lines.append(Text(f"{own}{gap}{line.failed.told if line.failed else ''}"))
            continue
        text = Text(own)
        for column in columns:
            text.append(gap)
            text.append(column.cells[place].rjust(column.width), style="bold" if column.bold[place] else "")
        text.rstrip()
        lines.append(text)
        if line.failed:
            lines.append(Text(f"  {line.failed.told}"))
        place += 1
    return lines


def _head(column: Column, row: int, height: int) -> str:
    """Its text in this line of the head, whose last lines are those that are filled."""
    place = row - (height - len(column.head))
    return column.head[place] if place >= 0 else ""


def _columns_of_names(block: Block, spacing: Spacing) -> list[Column]:
    texts = [block.names(line, roles=False) for line in block.lines]
    plain = [False] * len(texts)
    names = [Column([head], [own[place] for own in texts], plain) for place, head in enumerate(block.heads)]
    if block.judged:
        told = [line.headline.told if line.headline else "" for line in block.lines]
        names.insert(1, Column(wrapped(HEADLINE, max(map(len, told)), hyphens=spacing.hyphens), told, plain))
    return names


def _column(title: str, cells: Sequence[Cell], spacing: Spacing) -> Column:
    shorts = [cell.shortest if spacing.shortest else cell.short for cell in cells]
    parts = [(_plain(short.mean, spacing), _plain(short.spread, spacing)) for short in shorts]
    letters = [cell.letter for cell in cells]
    if spacing.aligned:
        first, second, last = (max(map(len, texts), default=0) for texts in (*zip(*parts, strict=True), letters))
        blank = " " * len(spacing.sign)
        texts = [
            f"{mean:>{first}}{spacing.sign if spread else blank * bool(second)}{spread:<{second}}"
            + (f"{' ' * (spacing.sign[0] == ' ')}{letter:<{last}}" if last else "")
            for (mean, spread), letter in zip(parts, letters, strict=True)
        ]
    else:
        texts = [
            f"{mean}{spacing.sign if spread else ''}{spread}{letter}"
            for (mean, spread), letter in zip(parts, letters, strict=True)
        ]
    texts = [text if text.strip() else "" for text in texts]
    head = wrapped(title, max(map(len, texts), default=0), hyphens=spacing.hyphens)
    return Column(head, texts, [cell.best for cell in cells])


def _plain(text: str, spacing: Spacing) -> str:
    return text if spacing.zeros else text.replace("0.", ".", 1) if text.lstrip("-").startswith("0.") else text
