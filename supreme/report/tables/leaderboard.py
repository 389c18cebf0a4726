"""One table over all blocks, above theirs: methods down, scenarios across, and the mean rank of each method."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from supreme.core.endpoints import Endpoints
from supreme.report.rows.columns import unsigned
from supreme.report.rows.endpoints import declared_of
from supreme.report.rows.per_seed import BLOCK
from supreme.report.statistics.aggregate import identical
from supreme.report.statistics.ranks import FEWEST_UNITS, leaderboard
from supreme.report.tables.plain import Plain
from supreme.report.tables.terminal import note_line

SCORES = (
    "A score is the distance from retraining on the worst primary endpoint, in margins: 0 is retraining, 1 lies at the "
    "margin. Mean rank: over the columns, 1 is the closest."
)
LABEL = "tab:supreme-leaderboard"
"""Its name in LaTeX."""
_TITLE = "all scenarios"
MEAN_RANK = "mean_rank"
_HEAD = "mean rank"
_BETWEEN = " · "

FEWEST_METHODS = 2
"""That there is anything to rank."""


@dataclass(frozen=True, kw_only=True)
class Leaderboard:
    """What the table shows."""

    table: pd.DataFrame
    """Indexed by method, in the order to be shown; a column for each unit with the score in it, NaN where there is
    none, and `mean_rank`."""
    notes: Sequence[str] = ()

    @property
    def heads(self) -> list[str]:
        """The mean rank first."""
        return ["method", _HEAD, *self._units]

    @property
    def short_heads(self) -> list[str]:
        """These, without what stands in the title."""
        return [head.removeprefix(_BETWEEN.join([*self._shared, ""])) for head in self.heads]

    @property
    def title(self) -> str:
        """With the data and the model that all units share."""
        return _BETWEEN.join([_TITLE, *self._shared])

    @property
    def lines(self) -> list[list[str]]:
        """Texts below the heads."""
        ranks, scores = (
            [self.table[name].to_numpy(dtype=float) for name in some] for some in ([MEAN_RANK], self._units)
        )
        return [
            [str(method), unsigned(ranks[0][place], ".1f"), *(unsigned(own[place], ".2f") for own in scores)]
            for place, method in enumerate(self.table.index)
        ]

    @property
    def plain(self) -> Plain:
        """The table without what stands in its title."""
        return Plain(title=self.title, heads=self.short_heads, lines=self.lines, notes=self.notes)

    @property
    def _shared(self) -> list[str]:
        """Of data and model, the first two parts of a unit that tells a scenario too, those that all units share."""
        parts = [unit.split(_BETWEEN)[:-1][:2] for unit in self._units]
        return [each[0] for each in itertools.takewhile(lambda each: len(set(each)) == 1, zip(*parts, strict=False))]

    @property
    def _units(self) -> list[str]:
        return [str(unit) for unit in self.table.columns if unit != MEAN_RANK]


def leaderboard_of(frame: pd.DataFrame, table: pd.DataFrame, endpoints: Endpoints | None = None) -> Leaderboard | None:
    """The leaderboard of these rows and their summary; None where there are too few units or methods to rank.

    Args:
        endpoints: with which the summary was made, where they were given.
    """
    if not len(frame):
        return None
    parts: Any = frame.groupby(BLOCK, observed=True)
    left = min(declared_of(part, endpoints).endpoints.most_left for _, part in parts)
    copies = {method: "it is identical to the reference" for _, part in parts for method in identical(part)}
    found = leaderboard(table, left, copies)
    units = list(found.attrs["units"])
    if len(units) < FEWEST_UNITS or len(found) < FEWEST_METHODS:
        return None
    shown: Any = found.set_index("method")[[*units, MEAN_RANK]]
    return Leaderboard(table=shown, notes=[SCORES, *found.attrs["notes"]])


def leaderboard_panels(board: Leaderboard) -> list[RenderableType]:
    """For a terminal: heads go over several lines where they are long."""
    table = Table(title=Text(board.title, style="bold"), title_justify="left", box=box.SIMPLE_HEAD)
    for number, head in enumerate(board.short_heads):
        table.add_column(Text(head), justify="right" if number else "left", overflow="fold")
    for line in board.lines:
        table.add_row(*map(Text, line))
    return [table, *map(note_line, board.notes), ""]
