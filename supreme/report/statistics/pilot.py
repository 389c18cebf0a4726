"""Margins from a pilot: how far two retrainings are apart, in a sweep with training seeds of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from supreme.core import SupremeError
from supreme.core.endpoints import RELATIVE, role_of
from supreme.report.rows.endpoints import declared_of
from supreme.report.rows.per_seed import BLOCK, NULL, per_seed
from supreme.report.statistics.intervals import checked

FEWEST_SEEDS = 5
MOST_OF_GAP = 0.25
"""Of the original's gap, at most this part is a margin on a memory endpoint."""


@dataclass(frozen=True, kw_only=True)
class Pilot:
    """What one block of a pilot gives."""

    block: str
    seeds: tuple[int, ...]
    margins: dict[str, float | None]
    """By primary endpoint; None where it is relative."""
    spreads: dict[str, float]
    """By primary endpoint with a margin: the standard deviation of a retrained model's value at one forget set."""

    @property
    def words(self) -> str:
        """What to type for a sweep that is judged by these margins."""
        margins = ",".join(
            f"{metric}={RELATIVE if margin is None else f'{margin:.4g}'}" for metric, margin in self.margins.items()
        )
        return f"'report.margins=\"{margins}\"' 'report.pilot_seeds=[{','.join(map(str, self.seeds))}]'"


def noise(differences: ArrayLike) -> float:
    """σ = sqrt(Σ (T - R)² / 2 I) of pairs of two retrained models, each pair with one forget set; shape (I,)."""
    values = checked(differences)
    return math.sqrt(float(np.square(values).sum()) / (2 * len(values)))


def pilot_margin(differences: ArrayLike, original_gap: float, memory: bool) -> float:
    """The margin: σ on a utility endpoint, on a memory endpoint at most a quarter of the original's mean gap."""
    sigma = noise(differences)
    return min(sigma, MOST_OF_GAP * abs(original_gap)) if memory else sigma


def pilot_margins(frame: pd.DataFrame) -> list[Pilot]:
    """The margins of each block of what `load` gives.

    Raises:
        SupremeError: a block has fewer than five training seeds of one line of retrain, or its models agree in all.
    """
    lines = per_seed(frame)
    parts = dict(list(frame.groupby(BLOCK, observed=True)))
    blocks: Any = lines.groupby(BLOCK, sort=False)
    return [_pilot(labels, parts[labels], own) for labels, own in blocks]


def _pilot(labels: tuple[str, ...], part: pd.DataFrame, lines: pd.DataFrame) -> Pilot:
    block = " · ".join(filter(None, map(str, labels)))
    null = lines.loc[lines["method"] == NULL]
    seeds = tuple(sorted(map(int, null["seed"].unique())))
    if len(seeds) < FEWEST_SEEDS or null["variant"].nunique() > 1:
        raise SupremeError(
            f"{block}: a pilot needs {FEWEST_SEEDS} training seeds of one method=retrain, and there are {len(seeds)}: "
            f"type method=retrain 'seed=range(100,{100 + FEWEST_SEEDS})'"
        )
    margins: dict[str, float | None] = {}
    spreads: dict[str, float] = {}
    for metric, margin in declared_of(part).endpoints.margins.items():
        if margin is None:
            margins[metric] = None
            continue
        own = null.loc[null["metric"] == metric, "gap"].dropna().to_numpy()
        gaps = lines.loc[(lines["method"] == "original") & (lines["metric"] == metric), "gap"].dropna().to_numpy()
        if len(own) < FEWEST_SEEDS or not len(gaps):
            raise SupremeError(f"{block}: {metric} has no value in {FEWEST_SEEDS} training seeds; add its metric")
        found = pilot_margin(own, float(gaps.mean()), role_of(metric) == "memory")
        if found == 0:
            raise SupremeError(
                f"{block}: all models of the pilot agree in {metric}, so it gives no margin; declare one by hand, as "
                f"in 'report.margins=\"{metric}=0.01\"'"
            )
        margins[metric], spreads[metric] = found, noise(own)
    return Pilot(block=block, seeds=seeds, margins=margins, spreads=spreads)
