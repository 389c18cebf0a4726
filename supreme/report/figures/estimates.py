"""The numbers that figures show, computed once for those on paper and those in the page."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from supreme.report.figures.style import place
from supreme.report.rows.labels import with_titles
from supreme.report.rows.spread import spread_words
from supreme.report.statistics.frontier import utility_metric
from supreme.report.statistics.variance_shares import SHARES

POINTS = ("method", "mean", "low", "high", "sd", "seeds")

_NO_SEEDS = pd.DataFrame(columns=["method", "seed", "value", "reference"])


def share_titles(part: pd.DataFrame) -> dict[str, str]:
    """`SHARES` of the variance of one block -> what they are the shares of."""
    titles = (spread_words(part).train, "forget set", "interaction", "unlearning draw", "evaluation draw")
    return dict(zip(SHARES, titles, strict=True))


def methods_of(part: pd.DataFrame) -> list[str]:
    """Every method of a block with its variant, as the tables list them, the reference and the original among them."""
    return sorted({"reference", "original", *with_titles(part)["method"].unique()}, key=place)


def per_seed(part: pd.DataFrame, metric: str) -> pd.DataFrame:
    """`method`, `seed`, `value`, `reference` of one metric, draws averaged within each training seed.

    The reference and the original appear as methods, as in the summary. What is undefined is NaN.
    """
    own: Any = part[part["metric"] == metric]
    return every_seed(own).get(metric, _NO_SEEDS)


def every_seed(part: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """By metric what `per_seed` gives: of all metrics at once, which costs as much as of one."""
    keys = ["metric", "seed", "seed_forget", "seed_reference", "seed_evaluate"]
    anchors = [
        part.drop_duplicates([*keys, name]).assign(method=name, value=lambda lines, name=name: lines[name])
        for name in ("reference", "original")
    ]
    every: Any = pd.concat([*anchors, part[part["method"] != "original"]])
    means = every.groupby(["metric", "method", "seed"], as_index=False)[["value", "reference"]].mean()
    means = means.sort_values(["method", "seed"], key=_by_place)
    columns = list(_NO_SEEDS)
    return {str(metric): own[columns].reset_index(drop=True) for metric, own in means.groupby("metric", sort=False)}


def points(part: pd.DataFrame, metric: str, gap: bool = False) -> pd.DataFrame:
    """`POINTS` of each method that has values: the mean over training seeds and its 95 % t interval (NaN of one seed).

    With `gap`, of value minus reference, paired by training seed; `sd` is then that of the gaps.
    """
    seeds = per_seed(part, metric)
    values = seeds["value"] - seeds["reference"] if gap else seeds["value"]
    return intervals_of(seeds.assign(value=values))


def with_ends(table: pd.DataFrame, least: float = -math.inf, most: float = math.inf) -> pd.DataFrame:
    """`points` whose interval has no length where there is none, and no more of it than from `least` to `most`."""
    low, high = (table[end].where(table[end].notna(), table["mean"]).clip(least, most) for end in ("low", "high"))
    return table.assign(low=low, high=high)


def average_gap(part: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """`POINTS` of the mean of the absolute gaps of `averaged`, taken within each seed first; and which of them exist.

    Two retrained models have a gap above 0 too: that of the method `retrain` is what to compare with.
    """
    metrics = averaged(part)
    tables: Any = [per_seed(part, metric).set_index(["method", "seed"]) for metric in metrics]
    if not tables:
        return pd.DataFrame(columns=list(POINTS)), []
    gaps = pd.concat([(table["value"] - table["reference"]).abs() for table in tables], axis=1)
    averages: Any = gaps.mean(axis=1, skipna=False).rename("value").reset_index()
    return intervals_of(averages[averages["method"] != "reference"]), metrics


def averaged(part: pd.DataFrame) -> list[str]:
    """What the average gap is the average of, as in `metric=scores`; all fractions between 0 and 1."""
    wanted = ("accuracy/forget", "accuracy/retain", utility_metric(part), "membership/auc")
    known = set(part["metric"].unique())
    return [metric for metric in wanted if metric in known]


def intervals_of(seeds: pd.DataFrame) -> pd.DataFrame:
    """`POINTS` of the `value` of each `method`, of which a line is one training seed."""
    from scipy.special import stdtrit

    grouped: Any = seeds.dropna(subset=["value"]).groupby("method", sort=False)["value"]
    found = grouped.agg(["mean", "std", "count"]).reset_index()
    count = found["count"].to_numpy()
    reach = stdtrit(np.maximum(count - 1, 1), 0.975) * found["std"] / np.sqrt(count)  # NaN of one seed
    ends = {"low": found["mean"] - reach, "high": found["mean"] + reach, "sd": found["std"], "seeds": count}
    return found.assign(**ends)[list(POINTS)]


def _by_place(column: pd.Series) -> pd.Series:
    return column.map(place) if column.name == "method" else column
