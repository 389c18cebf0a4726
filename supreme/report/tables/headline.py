"""The one verdict of a method and how much of the original it removed: the first column of a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from supreme.report.catalogue.metrics import our_columns
from supreme.report.rows.columns import column_of
from supreme.report.rows.labels import titled
from supreme.report.rows.per_seed import BLOCK


@dataclass(frozen=True, kw_only=True)
class Headline:
    """What is to be said of one method first."""

    letter: str
    """E, N, D or ?; small where a correction takes it back; empty where nothing can be said."""
    removed: str
    """`97`: of what tells the original from the reference, in per cent; n/a where it is not known."""
    metric: str
    """Title of the metric in which this is farthest from 100, without its per cent sign."""

    @property
    def told(self) -> str:
        """`E  97`."""
        return f"{self.letter:<1} {self.removed:>3}".rstrip()


def headlines_of(labels: Sequence[str], verdicts: pd.DataFrame | None) -> dict[str, Headline]:
    """Of each method of the block with these labels, by its title; nothing where no method has a verdict.

    Args:
        verdicts: one line per block, method and variant, with `letter`, `removed` (a fraction, NaN where it
            is not known) and `removed_metric`; None where nobody has asked for them.
    """
    if verdicts is None:
        return {}
    own: Any = verdicts.loc[(verdicts[BLOCK] == list(labels)).all(axis=1)]
    told = [line for line in own.to_dict("records") if line["method"] != "reference"]
    found = {titled(line["method"], line["variant"]): _headline(line) for line in told}
    return found if any(one.letter for one in found.values()) else {}


def _headline(line: dict[Any, Any]) -> Headline:
    removed, metric = line["removed"], line["removed_metric"]
    return Headline(
        letter=line["letter"],
        removed="n/a" if math.isnan(removed) else f"{100 * removed:.0f}",
        metric=column_of(metric, our_columns()).title.replace(" %", "") if isinstance(metric, str) and metric else "",
    )
