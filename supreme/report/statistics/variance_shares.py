"""How much of the variance between the runs of one line comes from training, the forget set, unlearning, evaluation."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from supreme.report.rows.per_seed import LINE, with_anchors
from supreme.report.statistics import variance_components
from supreme.report.statistics.crossed import crossed_analysis, numbered_sets

STAGES = ("train", "unlearn", "evaluate")
"""What a nested design tells apart."""

SOURCES = ("train", "forget", "interaction", "unlearn", "evaluate")
"""What a crossed design tells apart; `interaction` is that of training seed and forget set."""

SHARES = tuple(f"share_{source}" for source in SOURCES)
VARIANCE_COLUMNS = (
    *(*LINE, "seeds", "forget_draws", "unlearn_draws", "evaluate_draws"),
    *(f"raw_{source}" for source in SOURCES),
    *SHARES,
)


def variance(frame: pd.DataFrame) -> pd.DataFrame:
    """The variance components of each line that has at least two training seeds with at least two draws each.

    `raw_` are the estimates of a balanced analysis of variance, in squared units of the metric, which may be negative;
    `share_` are fractions of their sum after negative ones were set to 0, NaN where nothing varies.

    * Draws of unlearning and of evaluation are nested in the training seed. A stage of which there is one draw has NaN:
      its variance counts with the stage before it.
    * Where every training seed has each of the same forget sets (`'seed=range(5)' 'seeds.forget=range(4)'`), the two
      are crossed: `train`, `forget` and their `interaction`, in which the unlearning draw is where there is one. Where
      each seed has one set, `train` contains it; see `spread_words`.
    * Left out are seeds that lack a draw which others have, and lines with several references within a seed or with
      forget sets that are neither one per seed nor crossed.

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


def variance_note(titles: Mapping[str, Iterable[Mapping[str, float]]], train: str) -> str:
    """The sentence below a table: the median of the methods' shares, in per cent; "" where there are none.

    Args:
        titles: of each column, its methods' lines with `SHARES`.
        train: what the part called `train` stands for, `Spread.train`.
    """
    names = {"train": train, "forget": "forget set", "interaction": "interaction of both"}
    names |= {"unlearn": "unlearning", "evaluate": "evaluation"}
    shares = {
        title: {source: _median(line.get(f"share_{source}", math.nan) for line in lines) for source in SOURCES}
        for title, lines in {title: list(lines) for title, lines in titles.items()}.items()
    }
    known = [source for source in SOURCES if any(not math.isnan(own[source]) for own in shares.values())]
    told = [
        f"{title} {' / '.join('n/a' if math.isnan(own[source]) else f'{100 * own[source]:.0f}' for source in known)}"
        for title, own in shares.items()
        if any(not math.isnan(own[source]) for source in known)
    ]
    if not told:
        return ""
    what = " / ".join(names[source] for source in known)
    return f"Variance from {what} in %, median of the methods: {', '.join(told)}."


def _median(values: Iterable[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return statistics.median(known) if known else math.nan


def _balanced(group: pd.DataFrame) -> Any:
    """The values as seeds × forget sets × unlearning draws × evaluation draws, where one set means one for each seed.

    None where there are not two seeds and two draws, or forget sets that are neither crossed nor one per seed.
    """
    within: Any = group.groupby("seed")[["seed_forget", "seed_reference"]].nunique().max()
    crossed = within["seed_forget"] > 1
    if within["seed_reference"] > 1 or (crossed and not numbered_sets(group)):
        return None
    names = ("seed", "seed_forget", "seed_unlearn", "seed_evaluate")
    levels = [np.unique(group[name], return_inverse=True) for name in names]
    if not crossed:
        levels[1] = np.zeros(1), np.zeros(len(group), dtype=np.int64)
    table = np.full([len(level) for level, _ in levels], np.nan)
    table[tuple(place for _, place in levels)] = group["value"]
    table = table[~np.isnan(table).any(axis=(1, 2, 3))]
    return table if len(table) > 1 and max(table.shape[1:]) > 1 else None


def _components(table: Any) -> tuple[float, ...]:
    """The estimates of `SOURCES`, and their shares."""
    seeds, sets, unlearn, evaluate = table.shape
    inner = np.array([unlearn > 1, evaluate > 1])
    estimates, noise = np.full(len(SOURCES), np.nan), 0.0
    if inner.any():  # between the draws of one seed and set
        nested = variance_components(table.reshape(seeds * sets, *(table.shape[2:] if inner.all() else (-1,))))
        estimates[3:][inner] = nested.raw[1:]
        noise = nested.mean_squares[1] / (unlearn * evaluate)  # of the mean over these draws
        estimates[0] = nested.raw[0]
    if sets > 1:
        estimates[:3] = crossed_analysis(table.mean(axis=(2, 3))).raw
        estimates[2] -= noise
    kept = np.maximum(estimates, 0)
    total = np.nansum(kept)
    return (*estimates, *(kept / total if total > 0 else np.full(len(SOURCES), np.nan)))
