"""Methods that were swept over how hard they forget: what forgetting costs each of them, as one number per seed."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from supreme.report.rows.labels import bare_name, with_titles
from supreme.report.rows.per_seed import BLOCK
from supreme.report.rows.swept import number_of, swept_values
from supreme.report.statistics.hypervolume import hypervolume
from supreme.report.statistics.intervals import mean_interval

FEWEST_VALUES = 3
"""Of one field of a method, that its points are a frontier."""

FORGETTING = "accuracy/forget"

COLUMNS = (*BLOCK, "method", "field", "values", "hypervolume", "low", "high", "seeds", "undefined", "missing")


@dataclass(frozen=True, kw_only=True)
class Swept:
    """The variants of one method."""

    field: str
    """The one field in which they differ; empty where several do, or none."""
    values: Mapping[str, float]
    """By the method's name with its variant; NaN where there is no one field, or it has no number."""

    @property
    def is_frontier(self) -> bool:
        return sum(not math.isnan(value) for value in self.values.values()) >= FEWEST_VALUES


def utility_metric(part: pd.DataFrame) -> str:
    """The accuracy on unseen data that forgetting should leave alone: without forgotten classes, where there are."""
    return "accuracy/retain_test" if "accuracy/forget_test" in part["metric"].unique() else "accuracy/test"


def swept_in(part: pd.DataFrame) -> dict[str, Swept]:
    """The methods of a block by their bare names, each with its variants in the order of their values."""
    lines: Any = with_titles(part)[["method", "swept"]].astype("str")
    told: dict[str, dict[str, dict[str, str]]] = defaultdict(dict)
    for title, text in lines.drop_duplicates("method").itertuples(index=False, name=None):
        told[bare_name(title)][title] = swept_values(text)
    found = {}
    for method, own in told.items():
        fields = dict.fromkeys(name for values in own.values() for name in values)
        differ = [name for name in fields if len({values.get(name) for values in own.values()}) > 1]
        field = differ[0] if len(differ) == 1 else ""
        values = {title: number_of(texts.get(field, "")) for title, texts in own.items()}
        found[method] = Swept(field=field, values=dict(sorted(values.items(), key=lambda one: one[1])))
    return found


def has_frontier(part: pd.DataFrame) -> bool:
    """Whether a method of the block was run over `FEWEST_VALUES` values of one field, and has both accuracies."""
    return {FORGETTING, utility_metric(part)} <= {*part["metric"].unique()} and any(
        one.is_frontier for one in swept_in(part).values()
    )


def losses(part: pd.DataFrame) -> pd.DataFrame:
    """`method`, with its variant, `seed`, `forgetting` and `utility` of a block: what is lost of each, 0 as retrained.

    `forgetting` is |a − r| / |o − r|, with the forget accuracies of the method a, the reference r and the original o
    of the same training seed; `utility` is max(0, (r − a) / r) of the accuracy on unseen data. Draws within a seed are
    averaged first. A seed whose original answers the forget set as the reference does has no `forgetting`: NaN.
    """
    named = with_titles(part)
    forget, utility = (_of_seeds(named, metric) for metric in (FORGETTING, utility_metric(part)))
    both: Any = forget.add_suffix("_forget").join(utility.add_suffix("_utility"), how="inner")
    distance = (both["value_forget"] - both["reference_forget"]).abs()
    original = (both["original_forget"] - both["reference_forget"]).abs()
    lost = (both["reference_utility"] - both["value_utility"]) / both["reference_utility"]
    return (
        pd.DataFrame({"forgetting": distance / original.where(original > 0), "utility": lost.clip(lower=0)})
        .dropna(subset=["utility"])
        .reset_index()
    )


def frontiers(frame: pd.DataFrame) -> pd.DataFrame:
    """One line per method of every block with a frontier, the largest hypervolume of a block first; see `COLUMNS`.

    `field` and the number of `values` are what the method was swept over, and `hypervolume` the mean over `seeds`
    training seeds of the share of the box between retraining, (0, 0), and no forgetting or no utility at all, (1, 1),
    that the method's points dominate in `losses`, with its t interval, cut at 0 and 1. The original has 0 in every
    seed, a model without any accuracy too, and a retrained one has 1; more values may add to it by luck alone, and
    never take away. `undefined` counts further seeds, whose original answers the forget set as the reference does, and
    `missing` the points that some seeds have and others have not, as where cells failed.
    """
    lines: list[dict[str, Any]] = []
    blocks: Any = frame.groupby(BLOCK, sort=True) if len(frame) else ()
    for labels, part in blocks:
        if has_frontier(part):
            block = dict(zip(BLOCK, labels, strict=True))
            own = sorted(_lines(part), key=lambda line: (-line["hypervolume"], line["method"]))
            lines += [block | line for line in sorted(own, key=lambda line: math.isnan(line["hypervolume"]))]
    return pd.DataFrame(lines, columns=list(COLUMNS))


def _lines(part: pd.DataFrame) -> Iterator[dict[str, Any]]:
    every, swept = losses(part), swept_in(part)
    for method, own in every.groupby(every["method"].map(bare_name), sort=False):
        if method == "original":
            continue
        seeds: Sequence[float] = [
            hypervolume(points[["forgetting", "utility"]].to_numpy())
            for _, points in own.dropna(subset=["forgetting"]).groupby("seed")
        ]
        interval = mean_interval(seeds) if seeds else None
        told = swept[str(method)]
        yield {
            "method": method,
            "field": told.field,
            "values": len(told.values),
            "hypervolume": float(np.mean(seeds)) if seeds else math.nan,
            "low": max(0.0, interval.low) if interval else math.nan,
            "high": min(1.0, interval.high) if interval else math.nan,
            "seeds": len(seeds),
            "undefined": own["seed"].nunique() - len(seeds),
            "missing": len(told.values) * own["seed"].nunique() - len(own),
        }


def _of_seeds(part: pd.DataFrame, metric: str) -> pd.DataFrame:
    """By method and seed the means over draws."""
    own: Any = part.loc[part["metric"] == metric]
    return own.groupby(["method", "seed"], observed=True)[["value", "reference", "original"]].mean()
