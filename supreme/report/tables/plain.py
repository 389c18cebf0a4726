"""Tables of nothing but texts, as those of audits and frontiers: on a terminal, as Markdown, LaTeX and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from supreme.report.tables.latex import set_small
from supreme.report.tables.latex_text import escaped
from supreme.report.tables.markdown import row

ONE_COLUMN = 4
"""The most columns of a float as wide as one column of a paper."""


@dataclass(frozen=True, kw_only=True)
class Plain:
    """A table whose first column names its lines."""

    title: str
    heads: Sequence[str]
    lines: Sequence[Sequence[str]]
    notes: Sequence[str] = ()

    @property
    def markdown(self) -> str:
        """With its title above and its notes below."""
        rule = [":--", *("--:" for _ in self.heads[1:])]
        notes = [f"- {note}" for note in self.notes]
        return "\n".join([f"## {self.title}", "", row(self.heads), row(rule), *map(row, self.lines), "", *notes, ""])

    @property
    def panels(self) -> list[RenderableType]:
        """For a terminal."""
        table = Table(box=box.SIMPLE_HEAD)
        for number, name in enumerate(self.heads):
            table.add_column(Text(name), justify="right" if number else "left", overflow="fold")
        for line in self.lines:
            table.add_row(*map(Text, line))
        return [Text(self.title, style="bold"), table, Text("\n".join([*self.notes, ""]), style="dim")]

    @property
    def csv(self) -> str:
        """The heads and the lines."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([self.heads, *self.lines])
        return text.getvalue()

    def latex(self, label: str) -> str:
        r"""A float of one column, or of two where there are many columns; `label` is what `\ref` takes."""
        star = "*" if len(self.heads) > ONE_COLUMN else ""
        notes = " ".join(map(escaped, self.notes))
        return "\n".join(
            [
                f"\\begin{{table{star}}}[tbp]",
                f"\\caption{{{escaped(self.title)}}}\\label{{{label}}}",
                *set_small(
                    [
                        f"\\begin{{tabular}}{{@{{}}l{'r' * (len(self.heads) - 1)}@{{}}}}",
                        "\\toprule",
                        _joined(self.heads),
                        "\\midrule",
                        *map(_joined, self.lines),
                        "\\bottomrule",
                        "\\end{tabular}",
                    ]
                ),
                *(["", f"\\parbox{{\\linewidth}}{{\\scriptsize\\raggedright {notes}}}"] if notes else []),
                f"\\end{{table{star}}}\n",
            ]
        )


def _joined(cells: Iterable[str]) -> str:
    return " & ".join(map(escaped, cells)) + r" \\"
