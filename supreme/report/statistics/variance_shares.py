"""How much of the variance between the runs of one line comes from training, unlearning and evaluation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from supreme.report.rows.per_seed import LINE, with_anchors
from supreme.report.statistics import variance_components

STAGES = ("train", "unlearn", "evaluate")
VARIANCE_COLUMNS = (
    *(*LINE, "seeds", "unlearn_draws", "evaluate_draws"),
    *(f"raw_{stage}" for stage in STAGES),
    *(f"share_{stage}" for stage in STAGES),
)


def variance(frame: pd.DataFrame) -> pd.DataFrame:
    """The variance components of each line that has at least two training seeds with at least two draws each.

    `raw_` are the estimates of a balanced nested analysis of variance, in squared units of the metric, which may be
    negative; `share_` are fractions of their sum after negative ones were set to 0, NaN where nothing varies. A stage
    of which there is one draw has NaN: its variance counts with the stage before it. Seeds that lack a draw which
    others have are left out; so are lines with several forget sets or references within a seed, whose draws are not
    nested.

        >>> variance = supreme.report.variance(supreme.report.load("outputs"))
        >>> variance.query("metric == 'accuracy/forget'")[["method", "share_train", "share_unlearn"]]
    """
    lines = with_anchors(frame)
    repeated = lines.loc[lines.duplicated([*LINE, "seed"], keep=False)]
    found = []
    for labels, places in repeated.groupby(LINE, observed=True, sort=False).indices.items():
        if (table := _balanced(repeated.iloc[places])) is not None:
            found.append((*labels, *table.shape, *_components(table)))
    return pd.DataFrame(found, columns=list(VARIANCE_COLUMNS))


def _balanced(group: pd.DataFrame) -> Any:
    """The values as seeds × unlearning draws × evaluation draws; None where there are not two seeds and two draws."""
    if group.groupby("seed")[["seed_forget", "seed_reference"]].nunique().to_numpy().max() > 1:
        return None
    (seeds, seed), (unlearn, j), (evaluate, k) = (
        np.unique(group[name], return_inverse=True) for name in ("seed", "seed_unlearn", "seed_evaluate")
    )
    table = np.full((len(seeds), len(unlearn), len(evaluate)), np.nan)
    table[seed, j, k] = group["value"]
    table = table[~np.isnan(table).any(axis=(1, 2))]
    return table if len(table) > 1 and max(table.shape[1:]) > 1 else None


def _components(table: Any) -> tuple[float, ...]:
    _, unlearn, evaluate = table.shape
    there = [True, unlearn > 1, evaluate > 1]
    raw = iter(variance_components(table if all(there) else table.reshape(len(table), -1)).raw)
    estimates = [next(raw) if stage else math.nan for stage in there]
    kept = np.maximum(estimates, 0)
    total = np.nansum(kept)
    return (*estimates, *(kept / total if total > 0 else np.full(3, np.nan)))
