"""What a figure is made of: the rows and curves of one block."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from supreme.core import SupremeError
from supreme.report.figures import estimates
from supreme.report.rows.labels import with_titles
from supreme.report.rows.spread import spread_words
from supreme.report.statistics.aggregate import BLOCK
from supreme.report.statistics.variance_shares import variance

Block = Mapping[str, str] | None
"""Which data, model, recipe, scenario and setting, as in {"scenario": "random"}; None where there is one."""


@dataclass(frozen=True)
class Shown:
    """One block: `rows` as `load` gives them and `series` as `load_series` does, of one block each, or empty.

    Methods are named with their variants, `ssd (alpha=5)`.
    """

    rows: pd.DataFrame
    series: pd.DataFrame

    @cached_property
    def methods(self) -> list[str]:
        """Every method of the block, the reference and the original among them, in the order of the tables."""
        return estimates.methods_of(self.rows if len(self.rows) else self.series)

    @cached_property
    def metrics(self) -> list[str]:
        return list(self.rows["metric"].unique())

    @cached_property
    def seeds(self) -> Mapping[str, pd.DataFrame]:
        """By metric `estimates.per_seed`."""
        return estimates.every_seed(self.rows)

    @cached_property
    def variances(self) -> pd.DataFrame:
        """`variance` of every metric."""
        return variance(self.rows)

    @cached_property
    def spread(self) -> str:
        """What the standard deviation of the reference is between, `SD between training seeds`."""
        return spread_words(self.rows).sd


def shown(rows: pd.DataFrame | None, series: pd.DataFrame | None, block: Block = None) -> Shown:
    """The one block of these rows or curves that `block` names.

    Raises:
        SupremeError: it names none, or more than one.
    """
    empty: Any = pd.DataFrame(columns=[*BLOCK, "method", "variant", "metric", "series", "role"])
    parts = [empty if table is None or not len(table) else one_block(table, block) for table in (rows, series)]
    return Shown(*parts)


def one_block(frame: pd.DataFrame, block: Block = None) -> pd.DataFrame:
    """The lines of one data, model, recipe, scenario and setting: those that `block` names, and that is all there are.

    Their methods are named with their variants, `ssd (alpha=5)`.

    Raises:
        SupremeError: there is none, or more than one.
    """
    part: Any = frame
    for name, value in (block or {}).items():
        if name not in BLOCK:
            raise SupremeError(f"a block is chosen by {', '.join(BLOCK)}, not by {name}")
        part = part[part[name] == value]
    found = part[BLOCK].drop_duplicates()
    if len(found) != 1:
        told = (
            "; ".join(", ".join(filter(None, map(str, labels))) for labels in found.itertuples(index=False)) or "none"
        )
        raise SupremeError(
            f"a figure shows one block, and {dict(block or {})} selects {len(found)} ({told}): "
            "name one, as in block={'scenario': 'random'}"
        )
    return with_titles(part)
