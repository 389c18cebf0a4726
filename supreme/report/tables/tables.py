"""The tables that people read: one per data, model, recipe and scenario, with a line for each method."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, overload

import pandas as pd
from rich.console import RenderableType

from supreme.core import SupremeError
from supreme.core.endpoints import Endpoints
from supreme.core.text import encodable
from supreme.report.rows.asked import asked as asked_for
from supreme.report.statistics.aggregate import SUMMARY_COLUMNS, summary
from supreme.report.statistics.joint import verdicts as verdicts_of
from supreme.report.tables.blocks import blocks
from supreme.report.tables.latex import latex
from supreme.report.tables.leaderboard import LABEL, Leaderboard, leaderboard_of, leaderboard_panels
from supreme.report.tables.markdown import markdown
from supreme.report.tables.terminal import WIDTH, panels

_Columns = Iterable[tuple[str, str, str]] | None


@overload
def render(
    frame: pd.DataFrame,
    format: Literal["terminal"],
    columns: _Columns = ...,
    width: int = ...,
    endpoints: Endpoints | None = ...,
    table: pd.DataFrame | None = ...,
    *,
    asked: Sequence[str] | None = ...,
    wide: bool = ...,
    notes: bool = ...,
    verdicts: pd.DataFrame | None = ...,
    leaderboard: Leaderboard | None = ...,
    encoding: str = ...,
) -> list[RenderableType]: ...
@overload
def render(
    frame: pd.DataFrame,
    format: Literal["markdown", "latex", "csv"],
    columns: _Columns = ...,
    width: int = ...,
    endpoints: Endpoints | None = ...,
    table: pd.DataFrame | None = ...,
    *,
    asked: Sequence[str] | None = ...,
    wide: bool = ...,
    notes: bool = ...,
    verdicts: pd.DataFrame | None = ...,
    leaderboard: Leaderboard | None = ...,
    encoding: str = ...,
) -> str: ...
def render(
    frame: pd.DataFrame,
    format: str,  # noqa: A002
    columns: _Columns = None,
    width: int = WIDTH,
    endpoints: Endpoints | None = None,
    table: pd.DataFrame | None = None,
    *,
    asked: Sequence[str] | None = None,
    wide: bool = False,
    notes: bool = False,
    verdicts: pd.DataFrame | None = None,
    leaderboard: Leaderboard | None = None,
    encoding: str = "utf-8",
) -> list[RenderableType] | str:
    """What `load` gives, for people: tables no wider than `width`, Markdown or LaTeX; or the frame itself, as CSV.

    A cell is the mean and the standard deviation between training seeds, with as many digits as the spread carries, and
    a letter for the verdict; a `wide` table has the gap to the reference with its 95 % interval below it. A table too
    wide for the terminal is cut into several with the same lines. Every printed number is in the summary, and can be
    computed again from the CSV. A method whose runs failed has its line and says so.

        >>> print(supreme.report.render(frame, "markdown", columns=[("loss/forget", "forget loss", ".3f")]))

    Args:
        frame: what `load` gives.
        format: terminal, markdown, latex or csv.
        columns: (metric, title, format) of each column, instead of those of the metrics that were asked for; see
            `TableColumn`. A table leaves out the columns in which nothing has a value, and a block without any of them
            has no table. CSV has everything.
        width: of the terminal, in characters.
        endpoints: the primary ones, with their margins; None: see `summary`.
        table: `summary(frame, endpoints=endpoints)`, if it is at hand.
        asked: names of metrics, instead of those that the rows of each block were asked for.
        wide: whether the gaps and their intervals are shown.
        notes: whether every note is, and not only those that always matter.
        verdicts: `verdicts(frame, table, endpoints)`, if it is at hand.
        leaderboard: shown above the tables of the blocks; None: that of the summary, where it has two units and more.
        encoding: of the terminal, which may lack the sign ±.

    Raises:
        SupremeError: the format is none of these, or no row has a metric that `columns` names.
    """
    if format == "csv":
        return frame.to_csv(index=False, lineterminator="\n")
    if format not in ("terminal", "markdown", "latex"):
        raise SupremeError(f"there is no format {format!r}: give terminal, markdown, latex or csv")
    if table is None:
        table = summary_of(frame, endpoints)
    if verdicts is None and len(frame):
        verdicts = verdicts_of(frame, table, endpoints)
    leaderboard = leaderboard or leaderboard_of(frame, table, endpoints)
    found = blocks(frame, table, columns, None if asked is None else asked_for(asked), verdicts, endpoints)
    if format == "latex":
        parts = [leaderboard.plain.latex(LABEL)] if leaderboard else []
        return latex(found, wide=wide, notes=notes, before=parts)
    if format == "markdown":
        parts = [leaderboard.plain.markdown] if leaderboard else []
        return "\n".join([*parts, *(markdown(block, wide=wide, notes=notes) for block in found)])
    sign = encodable("±", encoding)
    first = leaderboard_panels(leaderboard) if leaderboard else []
    return [*first, *(part for block in found for part in panels(block, width, wide=wide, notes=notes, sign=sign))]


def summary_of(frame: pd.DataFrame, endpoints: Endpoints | None = None) -> pd.DataFrame:
    """The summary; one without a line where every cell failed."""
    return summary(frame, endpoints=endpoints) if len(frame) else pd.DataFrame(columns=list(SUMMARY_COLUMNS))
