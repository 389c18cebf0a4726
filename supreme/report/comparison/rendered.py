"""A comparison on a terminal, in Markdown, in LaTeX, and as CSV."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from supreme.report.comparison.parts import HEADS, Comparison, Group, Table
from supreme.report.tables.latex import LINES, latex, set_small
from supreme.report.tables.latex_text import escaped
from supreme.report.tables.markdown import row
from supreme.report.tables.terminal import note_line

_INDENT, _BETWEEN = "  ", "  "
_NARROWEST = 12
"""Characters for a name; a longer one that has no room stands on a line of its own."""


def on_terminal(shown: Comparison, width: int) -> list[RenderableType]:
    """What rich prints, no wider than this where 80 columns are given."""
    parts: list[RenderableType] = [*map(Text, shown.head), ""]
    for table in shown.tables:
        parts += [Text(table.title, style="bold"), *_lines(table, width), ""]
        parts += [Text(f"{table.equality}."), ""] if table.equality else []
        parts += [*map(note_line, table.notes), ""]
    return [*parts, *map(note_line, shown.notes)]


def _lines(table: Table, width: int) -> list[Text]:
    lines = [line for group in table.groups for line in group.lines]
    if not lines:
        return [
            Text(text) for group in table.groups for text in _wrapped(f"{group.title}, {group.equality}", width, "")
        ]
    columns = [max(map(len, cells)) for cells in zip(HEADS[1:], *(line.cells[1:] for line in lines), strict=True)]
    room = max(_NARROWEST, width - sum(columns) - len(_BETWEEN) * len(columns))
    names = min(room, max(len(_INDENT + line.name) for line in lines))

    def one(name: str, cells: Sequence[str], style: str = "") -> list[Text]:
        *right, last = cells
        numbers = _BETWEEN.join([*(f"{cell:>{size}}" for cell, size in zip(right, columns[:-1], strict=True)), last])
        first = [] if len(name) <= names else [Text(text) for text in _wrapped(name, width, _INDENT * 2)]
        return [*first, Text(f"{'' if first else name:<{names}}{_BETWEEN}{numbers}".rstrip(), style=style)]

    head = one(HEADS[0], HEADS[1:])
    found = [*head, Text("─" * len(head[0]), style="dim")]
    for group in table.groups:
        found.append(Text(group.title, style="bold"))
        for line in group.lines:
            found += one(_INDENT + line.name, line.cells[1:])
        if group.equality:
            found += [Text(text, style="dim") for text in _wrapped(_INDENT + group.equality, width, _INDENT * 2)]
    return found


def _wrapped(text: str, width: int, indent: str) -> list[str]:
    return textwrap.wrap(text, width, subsequent_indent=indent, break_on_hyphens=False, drop_whitespace=True)


def as_markdown(shown: Comparison) -> str:
    """One table for each block, with the metric in its first column."""
    parts = ["# B against A", "", *(f"- {line}" for line in shown.head), ""]
    for table in shown.tables:
        parts += [
            f"## {table.title}",
            "",
            row(["metric", "method", *HEADS[1:]]),
            row([":--", ":--", *["--:"] * 4, ":--"]),
        ]
        for group in table.groups:
            parts += [row([group.title, *line.cells]) for line in group.lines]
            parts += [row([group.title, group.equality, *[""] * 5])] if group.equal else []
        parts += ["", *(f"- {note}" for note in table.notes), ""]
    return "\n".join([*parts, *(f"- {note}" for note in shown.notes), ""])


def as_csv(shown: Comparison) -> str:
    """Every number, of every metric, in full precision."""
    return shown.differences.to_csv(index=False, lineterminator="\n")


def as_latex(shown: Comparison) -> str:
    r"""Floats to `\input` into a paper, of as many metrics as fit a page; they need no package."""
    floats = []
    for table in shown.tables:
        pages = _pages(table.groups)
        for place, groups in enumerate(pages):
            told = f"{table.title}: B against A" + (f" (continued, {place + 1} of {len(pages)})" if place else "")
            equality = [f"{table.equality}."] if table.equal else []
            notes = [*(f"{line}." for line in shown.head), *equality, *table.notes, *shown.notes]
            floats.append(_float(told, groups, notes if place == len(pages) - 1 else []))
    return latex([], before=floats)


def _pages(groups: Sequence[Group]) -> list[list[Group]]:
    pages: list[list[Group]] = [[]]
    for group in groups:
        if pages[-1] and sum(map(_height, [*pages[-1], group])) > LINES:
            pages.append([])
        pages[-1].append(group)
    return pages


def _height(group: Group) -> int:
    return len(group.lines) + 1 + bool(group.equal)


def _float(title: str, groups: Sequence[Group], notes: Sequence[str]) -> str:
    lines = []
    for group in groups:
        lines.append(f"\\multicolumn{{6}}{{@{{}}l@{{}}}}{{{escaped(group.title)}}} \\\\")
        lines += [
            " & ".join(["\\quad " + escaped(line.name), *map(escaped, line.cells[1:])]) + r" \\" for line in group.lines
        ]
        if group.equal:
            text = f"\\parbox[t]{{20em}}{{\\raggedright {escaped(group.equality)}}}"
            lines.append(f"\\multicolumn{{6}}{{@{{}}l@{{}}}}{{\\quad {text}}} \\\\")
    told = " ".join(map(escaped, notes))
    return "\n".join(
        [
            "\\begin{table}[tbp]",
            f"\\caption{{{escaped(title)}}}",
            *set_small(
                [
                    "\\begin{tabular}{@{}lrrrrl@{}}",
                    "\\toprule",
                    " & ".join(map(escaped, HEADS)) + r" \\",
                    "\\midrule",
                    *lines,
                    "\\bottomrule",
                    "\\end{tabular}",
                ]
            ),
            *(["", "\\smallskip", f"\\parbox{{\\linewidth}}{{\\scriptsize\\raggedright {told}}}"] if told else []),
            "\\end{table}\n",
        ]
    )
