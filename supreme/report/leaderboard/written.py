"""A leaderboard in each format."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from supreme.core.console import console
from supreme.report.leaderboard.board import Board
from supreme.report.leaderboard.page import as_html
from supreme.report.leaderboard.standings import standings_of, told
from supreme.report.tables.plain import Plain
from supreme.report.tables.tables import render
from supreme.report.tables.terminal import note_line, plain


def _standings(board: Board) -> list[Plain]:
    return [standings_of(group) for group in board.groups if group.standings]


def _terminal(board: Board) -> str:
    width, parts = console().width, []
    for shown in _standings(board):
        table = _table(shown, tight=False)
        if Console(width=10_000).measure(table).maximum > width:
            table = _table(shown, tight=True)
        parts += [Text(shown.title, style="bold"), table, "", *map(note_line, shown.notes), ""]
    parts += render(board.frame, "terminal", width=width, table=board.table, verdicts=board.verdicts, notes=True)
    return plain([*parts, *map(note_line, board.notes), told(board)], width)


def _table(shown: Plain, *, tight: bool) -> Table:
    """Args:
    tight: whether each column is as narrow as its longest word.
    """
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    for number, head in enumerate(shown.heads):
        words = [word for text in (head, *(line[number] for line in shown.lines)) for word in text.split()]
        narrow = max(map(len, words), default=1) if tight else None
        table.add_column(Text(head), justify="right" if number else "left", overflow="fold", width=narrow)
    for line in shown.lines:
        table.add_row(*map(Text, line))
    return table


def _markdown(board: Board) -> str:
    tables = render(board.frame, "markdown", table=board.table, verdicts=board.verdicts, notes=True)
    parts = [f"# Leaderboard\n\n{told(board)}\n", *(shown.markdown for shown in _standings(board)), tables]
    parts += [table.markdown for table in board.audits]
    return "\n".join([*parts, *(f"- {note}" for note in board.notes), ""])


def _csv(board: Board) -> str:
    shown = {cell: (entry.export.name, entry.verified) for cell, entry in board.merged.shown.items()}
    owners = [shown[cell] for cell in board.frame["cell"]]
    frame = board.frame.assign(export=[name for name, _ in owners], verified=[verified for _, verified in owners])
    return frame.to_csv(index=False, lineterminator="\n")


FORMATS: Mapping[str, Callable[[Board], str]] = {
    "terminal": _terminal,
    "markdown": _markdown,
    "csv": _csv,
    "html": as_html,
}
