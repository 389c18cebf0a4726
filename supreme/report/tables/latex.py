r"""Tables for a paper of one or two columns, which need no package; with booktabs their rules are finer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from supreme.report.tables.blocks import Block, Line
from supreme.report.tables.cells import Cell
from supreme.report.tables.hyphens import wrapped
from supreme.report.tables.latex_text import ems, escaped

COLUMN, PAGE = 200, 395
"""Points of a line in the narrowest usual column, and of one over both columns; on a narrower page the font shrinks."""

SIZES = (8.5, 8.0)
"""Points of a unit of `ems` in \\footnotesize and \\scriptsize, whose letters are wide for their height."""

LINES, WIDE_LINES = 44, 22
"""Methods that fit on a page with notes below, where each has one line or two."""

_SEPARATION = 2
"""Points on either side of a column."""

_RULES = (
    "\\providecommand{\\toprule}{\\hline\\noalign{\\vskip 2pt}}\n"
    "\\providecommand{\\midrule}{\\hline\\noalign{\\vskip 2pt}}\n"
    "\\providecommand{\\bottomrule}{\\hline}\n"
)
"""What stands in for booktabs where a paper does not load it."""


@dataclass(frozen=True)
class _Column:
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


def latex(blocks: Sequence[Block], *, wide: bool = False, notes: bool = False, before: Sequence[str] = ()) -> str:
    r"""Floats to `\input` into a paper: one for each block, several where it is too wide or too long for a page.

    Args:
        wide: with the gaps and their intervals, in two lines for each method.
        notes: all of them, not only those that always matter.
        before: other floats, put first.
    """
    first = "% Made by `supreme report --format latex`; \\usepackage{booktabs} makes its rules finer.\n" + _RULES
    return "\n".join([first, *before, *(_floats(block, wide=wide, notes=notes) for block in blocks)])


def standalone(tables: str) -> str:
    """A document of nothing but these tables."""
    head = "\\documentclass{article}\n\\IfFileExists{booktabs.sty}{\\usepackage{booktabs}}{}\n\\begin{document}\n"
    return f"{head}\n{tables}\n\\end{{document}}\n"


def _floats(block: Block, *, wide: bool, notes: bool) -> str:
    names = _names(block)
    how = ("wide",) if wide else ("short", "shortest")
    columns, (star, size) = [], ("*", 1)
    for one in how:
        columns = [_column(block, place, one) for place in range(len(block.columns))]
        star, size = _fitting(names, columns)
        if size >= len(columns):
            break
    most = WIDE_LINES if wide else LINES
    long = max(1, math.ceil(len(block.lines) / most))
    height = max(1, math.ceil(len(block.lines) / long))
    places = [
        (column, line)
        for column in range(0, max(1, len(columns)), size)
        for line in range(0, max(1, len(block.lines)), height)
    ]
    told = block.notes.every if notes else block.notes.short
    floats = []
    for place, (column, line) in enumerate(places):
        continued = f" (continued, {place + 1} of {len(places)})" if place else ""
        label = f"\\label{{tab:supreme-{block.name}}}" if not place else ""
        tabular = _tabular(block, names, columns[column : column + size], slice(line, line + height), wide=wide)
        floats.append(
            "\n".join(
                [
                    f"\\begin{{table{star}}}[tbp]",
                    f"\\caption{{{escaped(block.title + continued)}}}{label}",
                    *set_small(tabular),
                    *(_notes(told) if place == len(places) - 1 else ()),
                    f"\\end{{table{star}}}\n",
                ]
            )
        )
    return "\n".join(floats)


def _fitting(names: Sequence[_Column], columns: Sequence[_Column]) -> tuple[str, int]:
    """Whether over both columns of a paper (`*`), and with how many columns side by side.

    The narrow table if it holds everything, else the wide one; where none does, evenly spread over several wide ones.
    """

    def fits(some: Sequence[_Column], room: float) -> bool:
        parts = [*names, *some]
        blank = 2 * _SEPARATION * len(parts)
        return any(sum(column.ems for column in parts) * size + blank <= room for size in SIZES)

    if fits(columns, COLUMN):
        return "", max(1, len(columns))
    for count in range(1, len(columns) + 1):
        each = math.ceil(len(columns) / count)
        if all(fits(columns[start : start + each], PAGE) for start in range(0, len(columns), each)):
            return "*", each
    return "*", 1


def set_small(tabular: Sequence[str]) -> list[str]:
    """The lines of a tabular in the largest of three fonts in which it is no wider than the line."""
    fonts = ("\\scriptsize", "\\fontsize{6}{7}\\selectfont")
    return [
        "\\centering",
        f"\\setlength{{\\tabcolsep}}{{{_SEPARATION}pt}}",
        "\\def\\supremetable{%",
        *tabular,
        "}%",
        "\\sbox0{\\footnotesize\\supremetable}%",
        *(f"\\ifdim\\wd0>\\linewidth\\sbox0{{{font}\\supremetable}}\\fi" for font in fonts),
        "\\usebox0",
    ]


def _names(block: Block) -> list[_Column]:
    texts = [block.names(line, roles=False) for line in block.lines]
    names = [_plain(head, [own[place] for own in texts]) for place, head in enumerate(block.heads)]
    if block.judged:
        names.append(_plain("% removed", [line.headline.told if line.headline else "" for line in block.lines]))
    return names


def _plain(head: str, texts: Sequence[str]) -> _Column:
    return _Column(head, [(text, "") for text in texts], [(escaped(text), "") for text in texts])


def _column(block: Block, place: int, how: str) -> _Column:
    """The column at this place, with its values wide, short or shortest."""
    cells = [line.cells[place] if line.cells else None for line in block.lines]
    return _Column(
        block.columns[place].title,
        [("", "") if cell is None else (_widest(cell, how), cell.letter) for cell in cells],
        [("", "") if cell is None else (_value(cell, how), escaped(cell.letter)) for cell in cells],
    )


def _text(cell: Cell, how: str) -> str:
    return {"wide": cell.value, "short": str(cell.short), "shortest": str(cell.shortest)}[how]


def _widest(cell: Cell, how: str) -> str:
    return max(_text(cell, how), cell.gap if how == "wide" else "", key=ems).replace(" ± ", "±")


def _tabular(
    block: Block, names: Sequence[_Column], columns: Sequence[_Column], lines: slice, *, wide: bool
) -> list[str]:
    spans = [2 if column.lettered else 1 for column in columns]
    total = len(names) + sum(spans) + (not columns)
    rows = []
    for place in range(len(block.lines))[lines]:
        line = block.lines[place]
        first = [column.shown[place][0] for column in names]
        if not line.cells:
            told = escaped(line.failed.told if line.failed else "")
            rows.append(" & ".join([*first, f"\\multicolumn{{{total - len(names)}}}{{l}}{{{told}}}"]) + r" \\")
            continue
        cells = [part for column in columns for part in column.shown[place][: 2 if column.lettered else 1]]
        rows.append(" & ".join([*first, *cells]) + r" \\")
        rows += _below(line, block, names, columns, total, wide=wide)
    return [
        f"\\begin{{tabular}}{{@{{}}{'l' * len(names)}{_specification(spans, columns)}@{{}}}}",
        "\\toprule",
        " & ".join([*(_head(column, 1) for column in names), *map(_head, columns, spans)]) + r" \\",
        "\\midrule",
        *rows,
        "\\bottomrule",
        "\\end{tabular}",
    ]


def _specification(spans: Sequence[int], columns: Sequence[_Column]) -> str:
    return "".join("r@{\\,}l" if span == 2 else "r" for span in spans) if columns else "l"


def _below(
    line: Line, block: Block, names: Sequence[_Column], columns: Sequence[_Column], total: int, *, wide: bool
) -> list[str]:
    """What stands below a line of a method: its gaps in a wide table, and which of its runs failed."""
    rows = []
    if wide and any(cell.gap for cell in line.cells):
        shown = {column.title: cell for column, cell in zip(block.columns, line.cells, strict=True)}
        gaps = [[_gap(shown[column.head]), ""][: 2 if column.lettered else 1] for column in columns]
        rows.append(" & ".join([*("" for _ in names), *(part for gap in gaps for part in gap)]) + r" \\[1pt]")
    if line.failed:
        rows.append(f"\\multicolumn{{{total}}}{{@{{}}l@{{}}}}{{\\quad {escaped(line.failed.told)}}} \\\\")
    return rows


def _head(column: _Column, span: int) -> str:
    words = [escaped(word) for word in wrapped(column.head, 8, hyphens=False)]
    text = words[0] if len(words) == 1 else "\\shortstack{" + r"\\".join(words) + "}"
    return f"\\multicolumn{{2}}{{c}}{{{text}}}" if span == 2 else text


def _value(cell: Cell, how: str) -> str:
    text = _text(cell, how)
    if " ± " not in text:
        return f"\\textbf{{{escaped(text)}}}" if cell.best else escaped(text)
    mean, spread = ("\\mbox{n/a}" if part == "n/a" else part for part in text.split(" ± "))
    inner = f"{mean}{{\\pm}}{spread}"
    return f"$\\mathbf{{{inner}}}$" if cell.best else f"${inner}$"


def _gap(cell: Cell) -> str:
    if not cell.gap:
        return ""
    gap, _, interval = cell.gap.partition(" ")
    # Braces around a sign keep it close to its number.
    numbers = [f"{{{number[0]}}}{number[1:]}" for number in (gap, *interval.strip("[]").split(", ")) if number != "n/a"]
    told = ", ".join(numbers[1:]) or "\\mbox{n/a}"
    return f"${numbers[0]}\\;[{told}]$"


def _notes(notes: Sequence[str]) -> list[str]:
    """One paragraph, as papers have it."""
    text = " ".join(map(escaped, notes))
    return ["", "\\smallskip", f"\\parbox{{\\linewidth}}{{\\scriptsize\\raggedright {text}}}"] if notes else []
