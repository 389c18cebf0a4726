"""The text of each table of the page, as one copies it: what `supreme report --format` makes of that table."""

from __future__ import annotations

from typing import Any

import pandas as pd

from supreme.core.endpoints import Endpoints
from supreme.report.statistics.aggregate import BLOCK
from supreme.report.tables.audits import audit_tables
from supreme.report.tables.blocks import Block, blocks
from supreme.report.tables.latex import latex
from supreme.report.tables.leaderboard import LABEL, Leaderboard
from supreme.report.tables.markdown import markdown
from supreme.report.tables.output import summary_csv
from supreme.report.tables.plain import Plain

HOLDS_NO_ARITHMETIC = True


def texts(
    frame: pd.DataFrame,
    table: pd.DataFrame,
    verdicts: pd.DataFrame,
    endpoints: Endpoints | None,
    board: Leaderboard | None,
    audits: pd.DataFrame,
) -> dict[str, dict[str, str]]:
    """By the name of a table (`board`, the slug of a block, `audit-0`), its text in each format.

    The CSV of a block is made of its lines in summary.csv, those of the columns that its table shows.
    """
    summaries: Any = dict(list(table.groupby(BLOCK)))
    found = {"board": _plain(board.plain, LABEL)} if board else {}
    for block in blocks(frame, table, verdicts=verdicts, endpoints=endpoints):
        found[block.name] = _block(block, summaries.get(tuple(block.labels)))
    named = {f"audit-{number}": one for number, one in enumerate(audit_tables(audits))}
    return found | {name: _plain(one, f"tab:supreme-{name}") for name, one in named.items()}


def _block(block: Block, summary: pd.DataFrame | None) -> dict[str, str]:
    written = {"latex": latex([block]), "markdown": markdown(block, wide=False, notes=False)}
    if summary is None:  # every cell failed
        return written
    shown = summary["metric"].isin([column.metric for column in block.columns])
    return written | {"csv": summary_csv(summary.loc[shown])}


def _plain(one: Plain, label: str) -> dict[str, str]:
    return {"latex": latex([], before=[one.latex(label)]), "markdown": one.markdown, "csv": one.csv}
