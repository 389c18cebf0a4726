r"""Tables for a paper, which need `\usepackage{booktabs}` and nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence

from supreme.report.tables.blocks import Block, Cell

WIDTH = 345
"""Points of a line in the narrowest usual page."""

LINES = 24
"""Methods that fit on a page, each two lines high, with notes below."""

_SEPARATION = 3
"""Points on either side of a column."""

_POINTS = {"+": 6.3, "-": 6.3, "±": 6.3, ".": 2.3, ",": 2.3, "[": 2.3, "]": 2.3, " ": 2.3}
"""Widths in the font of 7 points; of anything else, that of a digit, 4."""

_ESCAPES = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "±": r"$\pm$",
    "·": r"$\cdot$",
    "\u00d7": r"$\times$",
    "\u2212": "$-$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "Δ": r"$\Delta$",
    "†": r"$\dagger$",
    "\n": " ",
    "…": r"\dots{}",
    "[": "{[}",
    "]": "{]}",  # brackets would be options after \\
}


def latex(blocks: Sequence[Block]) -> str:
    r"""Floats to `\input` into a paper; a wide or long block becomes several."""
    parts = ["% Made by `supreme report --format latex`; needs \\usepackage{booktabs}.\n"]
    return "\n".join(parts + list(map(_floats, blocks)))


def standalone(tables: str) -> str:
    """A document of nothing but these tables."""
    head = "\\documentclass{article}\n\\usepackage{booktabs}\n\\begin{document}\n"
    return f"{head}\n{tables}\n\\end{{document}}\n"


def escaped(text: str) -> str:
    """Text as LaTeX prints it; runs of hyphens stay hyphens."""
    return "".join(_ESCAPES.get(character, character) for character in text).replace("--", "-{}-")


def _floats(block: Block) -> str:
    size = _columns_that_fit(block)
    long = max(1, math.ceil(len(block.lines) / LINES))
    height = max(1, math.ceil(len(block.lines) / long))
    places = [
        (column, line)
        for column in range(0, max(1, len(block.columns)), size)
        for line in range(0, max(1, len(block.lines)), height)
    ]
    floats = []
    for place, (column, line) in enumerate(places):
        continued = f" (continued, {place + 1} of {len(places)})" if place else ""
        label = f"\\label{{tab:supreme-{block.name}}}" if not place else ""
        lines = [
            "\\begin{table}[tbp]",
            f"\\caption{{{escaped(block.title + continued)}}}{label}",
            "\\centering\\scriptsize\\setlength{\\tabcolsep}{" + f"{_SEPARATION}pt}}",
            *_tabular(block, slice(column, column + size), slice(line, line + height)),
            *(_notes(block.notes) if place == len(places) - 1 else ()),
            "\\end{table}\n",
        ]
        floats.append("\n".join(lines))
    return "\n".join(floats)


def _columns_that_fit(block: Block) -> int:
    """How many columns side by side, spread evenly over as few tables as will do."""
    label = sum(max(map(_points, texts)) for texts in zip(block.heads, *map(block.names, block.lines), strict=True))
    label += 2 * _SEPARATION * (len(block.heads) - 1)
    widths = [_points(column.title) for column in block.columns]
    for line in block.lines:
        needed = (max(_points(cell.value), _points(cell.gap + cell.letter)) for cell in line.cells)
        widths = list(map(max, widths, needed))
    for count in range(1, len(widths) + 1):
        size = math.ceil(len(widths) / count)
        groups = [widths[start : start + size] for start in range(0, len(widths), size)]
        if all(label + sum(group) + 2 * _SEPARATION * len(group) <= WIDTH for group in groups):
            return size
    return 1


def _points(text: str) -> float:
    return sum(_POINTS.get(character, 4) for character in text)


def _tabular(block: Block, columns: slice, lines: slice) -> list[str]:
    shown = block.columns[columns]
    rows = []
    for line in block.lines[lines]:
        cells = line.cells[columns]
        rows.append(" & ".join([*map(escaped, block.names(line)), *map(_value, cells)]) + r" \\")
        if any(cell.gap for cell in cells):
            rows.append(" & ".join([*("" for _ in block.heads), *map(_gap, cells)]) + r" \\[1pt]")
    return [
        f"\\begin{{tabular}}{{@{{}}l{'l' * (len(block.heads) - 1)}{'r' * len(shown)}@{{}}}}",
        "\\toprule",
        " & ".join([*block.heads, *(escaped(column.title) for column in shown)]) + r" \\",
        "\\midrule",
        *rows,
        "\\bottomrule",
        "\\end{tabular}",
    ]


def _value(cell: Cell) -> str:
    if "±" not in cell.value:
        text = escaped(cell.value)
        return f"\\textbf{{{text}}}" if cell.best else text
    mean, spread = (part if part != "n/a" else "\\mbox{n/a}" for part in cell.value.split(" ± "))
    return f"$\\mathbf{{{mean} \\pm {spread}}}$" if cell.best else f"${mean} \\pm {spread}$"


def _gap(cell: Cell) -> str:
    if not cell.gap:
        return ""
    gap, _, interval = cell.gap.partition(" ")
    letter = f"^{{\\mathrm{{{cell.letter}}}}}" if cell.letter else ""
    # Braces around a sign keep it close to its number.
    numbers = [f"{{{number[0]}}}{number[1:]}" for number in (gap, *interval.strip("[]").split(", ")) if number != "n/a"]
    told = ", ".join(numbers[1:]) or "\\mbox{n/a}"
    return f"${numbers[0]}\\;[{told}]{letter}$"


def _notes(notes: Sequence[str]) -> list[str]:
    text = [f"{escaped(note)}\\\\" for note in notes]
    return ["", "\\medskip", "\\parbox{\\linewidth}{\\raggedright", *text, "}"] if notes else []
