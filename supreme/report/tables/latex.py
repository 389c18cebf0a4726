r"""Tables for a paper of one or two columns, which need no package; with booktabs their rules are finer."""

from __future__ import annotations

import math
from collections.abc import Sequence

from supreme.report.tables.blocks import Block, Line
from supreme.report.tables.hyphens import wrapped
from supreme.report.tables.latex_columns import SEPARATION, Column, fitting, gap, name_columns, value_column
from supreme.report.tables.latex_text import escaped

LINES, WIDE_LINES = 44, 22
"""Methods that fit on a page with notes below, where each has one line or two."""

_RULES = (
    "\\providecommand{\\toprule}{\\hline\\noalign{\\vskip 2pt}}\n"
    "\\providecommand{\\midrule}{\\hline\\noalign{\\vskip 2pt}}\n"
    "\\providecommand{\\bottomrule}{\\hline}\n"
)
"""What stands in for booktabs where a paper does not load it."""


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
    names = name_columns(block)
    how = ("wide",) if wide else ("short", "shortest")
    columns, (star, size) = [], ("*", 1)
    for one in how:
        columns = [value_column(block, place, one) for place in range(len(block.columns))]
        star, size = fitting(names, columns)
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


def set_small(tabular: Sequence[str]) -> list[str]:
    """The lines of a tabular in the largest font in which it is no wider than the line."""
    fonts = ("\\scriptsize", "\\fontsize{6}{7}\\selectfont", "\\fontsize{6}{7}\\selectfont\\tabcolsep=1pt")
    fonts += ("\\tiny\\tabcolsep=1pt",)
    return [
        "\\centering",
        f"\\setlength{{\\tabcolsep}}{{{SEPARATION}pt}}",
        "\\def\\supremetable{%",
        *tabular,
        "}%",
        "\\sbox0{\\footnotesize\\supremetable}%",
        *(f"\\ifdim\\wd0>\\linewidth\\sbox0{{{font}\\supremetable}}\\fi" for font in fonts),
        "\\usebox0",
    ]


def _tabular(
    block: Block, names: Sequence[Column], columns: Sequence[Column], lines: slice, *, wide: bool
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


def _specification(spans: Sequence[int], columns: Sequence[Column]) -> str:
    return "".join("r@{\\,}l" if span == 2 else "r" for span in spans) if columns else "l"


def _below(
    line: Line, block: Block, names: Sequence[Column], columns: Sequence[Column], total: int, *, wide: bool
) -> list[str]:
    """What stands below a line of a method: its gaps in a wide table, and which of its runs failed."""
    rows = []
    if wide and any(cell.gap for cell in line.cells):
        shown = {column.title: cell for column, cell in zip(block.columns, line.cells, strict=True)}
        gaps = [[gap(shown[column.head]), ""][: 2 if column.lettered else 1] for column in columns]
        rows.append(" & ".join([*("" for _ in names), *(part for gap in gaps for part in gap)]) + r" \\[1pt]")
    if line.failed:
        rows.append(f"\\multicolumn{{{total}}}{{@{{}}l@{{}}}}{{\\quad {escaped(line.failed.told)}}} \\\\")
    return rows


def _head(column: Column, span: int) -> str:
    words = [escaped(word) for word in wrapped(column.head, 8, hyphens=False)]
    text = words[0] if len(words) == 1 else "\\shortstack{" + r"\\".join(words) + "}"
    return f"\\multicolumn{{2}}{{c}}{{{text}}}" if span == 2 else text


def _notes(notes: Sequence[str]) -> list[str]:
    """One paragraph, as papers have it."""
    text = " ".join(map(escaped, notes))
    return ["", "\\smallskip", f"\\parbox{{\\linewidth}}{{\\scriptsize\\raggedright {text}}}"] if notes else []
