"""From the tidy frame to means, spreads, gaps and what they show, with the training seed as the unit of replication."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from supreme.report.rows.endpoints import ENDPOINTS, Endpoints, endpoint_of, margin_of
from supreme.report.rows.labels import titled
from supreme.report.rows.per_seed import ANCHORS, BLOCK, DRAWS, LINE, per_seed, seed_list
from supreme.report.statistics import delta_star, gap_interval, sign_flip_p, tost, verdict, wilson_interval
from supreme.report.statistics.evidence import MOST_SEEDS
from supreme.report.statistics.ranking import adjusted, best_of
from supreme.report.statistics.variance_shares import STAGES, variance

__all__ = ["ANCHORS", "BLOCK", "DRAWS", "SUMMARY_COLUMNS", "summary"]

SHARES = tuple(f"share_{stage}" for stage in STAGES)
SUMMARY_COLUMNS = (
    *(*LINE, "mean", "sd", "seeds", "gap", "gap_low", "gap_high"),
    *("p", "p_adjusted", "adjustment", "p_sign_flip", "margin", "p_tost", "delta_star", "verdict", "best"),
    *("correlation", "sd_reference", "worst_seed", "worst_gap", "wilson_low", "wilson_high", *SHARES),
    *(*DRAWS, "missing_runs", "missing", "reason"),
)

_NUMBERS = [
    name
    for name in SUMMARY_COLUMNS[len(LINE) : SUMMARY_COLUMNS.index("forget_draws")]
    if name not in ("seeds", "adjustment", "verdict", "best")
]

_Line = Mapping[str, Any]
"""Columns of `per_seed`, as arrays with an entry per training seed."""


def summary(frame: pd.DataFrame, level: float = 0.95, endpoints: Endpoints = ENDPOINTS) -> pd.DataFrame:
    """One line per data, model, recipe, scenario, setting, method, variant and metric of what `load` gives.

    Values are averaged within each training seed first, and everything else is over `seeds` training seeds: `mean`,
    `sd` (ddof 1), and `gap`, the mean of value minus reference with its t interval, paired by training seed. What
    cannot be said is NaN or "": the spread and the interval of one seed, the gap of the reference to itself.

    * `p` is of the t test that the gap is 0, the test that belongs to the interval; `p_adjusted` is corrected for the
      number of methods in the block, by `adjustment`: Holm for `endpoints`, BH elsewhere; the reference, retrain and
      the original belong to no family. `p_sign_flip` is exact and assumes no normality, but I seeds give at least
      2 / 2^I, which no correction for many methods could survive; so it stands beside, unadjusted. NaN above 30 seeds.
    * `margin` of equivalence, where the metric is an endpoint; `p_tost` of lying within it; `verdict`, uncorrected:
      equivalent, different, different but negligible (both), inconclusive. `delta_star` is the smallest margin that
      would do.
    * `best`: shown to be closer to the reference than each other method of the block; see `ranking.best_of`. Never of a
      cost.
    * `correlation` of the seeds' values and references: where it is not positive, pairing has not helped.
    * `sd_reference`: between training seeds; `worst_seed` has the largest gap, `worst_gap`.
    * `wilson_low` and `wilson_high`, of an accuracy with one seed and one draw: what so few images allow to say about
      this one model, and nothing about training.
    * `share_train`, `share_unlearn`, `share_evaluate` of the variance; see `variance`.
    * The four `_draws` are the most within a training seed. `missing` tells which seeds or draws others of the block
      have and this line has not, `missing_runs` how many rows these are, `reason` why values are undefined.

    The methods `reference` and `original` are made from what the rows hold of these two models, each value once
    however many methods share it, and come first; a swept method `original` gives way to the latter.

        >>> table = supreme.report.summary(supreme.report.load("outputs"))
        >>> table.query("metric == 'accuracy/forget' and verdict == 'equivalent'")["method"]
    """
    lines = _lines(per_seed(frame))
    seeds: dict[Any, set[int]] = defaultdict(set)
    families: dict[Any, dict[str, _Line]] = defaultdict(dict)
    for (*block, method, variant, metric), line in lines.items():
        seeds[tuple(block)].update(line["seed"])
        families[*block, metric][titled(method, variant)] = line
    found: dict[tuple[str, ...], dict[str, dict[str, Any]]] = {}
    for (*block, metric), family in families.items():
        found[*block, metric] = _family(metric, family, seeds[tuple(block)], level, endpoints)
    rows = [
        dict(zip(LINE, (*block, method, variant, metric), strict=True)) | found[*block, metric][titled(method, variant)]
        for *block, method, variant, metric in lines
    ]
    table = pd.DataFrame(rows).merge(variance(frame)[[*LINE, *SHARES]], how="left", on=LINE)
    return table.reindex(columns=list(SUMMARY_COLUMNS)).astype(dict.fromkeys(_NUMBERS, np.float64))


def _lines(seeds: pd.DataFrame) -> dict[tuple[str, ...], _Line]:
    """By `LINE`, in order of appearance."""
    arrays = {str(name): seeds[name].to_numpy() for name in seeds if name not in LINE}
    places: dict[Any, Any] = dict(seeds.groupby(LINE, sort=False).indices)
    ordered = sorted(places, key=lambda key: places[key][0])
    return {key: {name: array[places[key]] for name, array in arrays.items()} for key in ordered}


def _family(
    metric: str, family: Mapping[str, _Line], expected: Iterable[int], level: float, endpoints: Endpoints
) -> dict[str, dict[str, Any]]:
    """What the summary tells of each method of a block, for one metric."""
    sd_reference = _sd(_known(family["reference"]["value"]))
    margin = margin_of(metric, sd_reference, endpoints)
    told = {
        method: {"margin": margin, "sd_reference": sd_reference, "adjustment": "", "best": False}
        | _values(metric, line, expected)
        | _evidence(line, margin, level)
        for method, line in family.items()
    }
    p_values = {method: line["p"] for method, line in told.items()}
    for method, (p, name) in adjusted(p_values, endpoint_of(metric, endpoints) is not None).items():
        told[method] |= {"p_adjusted": p, "adjustment": name}
    best = None
    if not metric.startswith("cost/"):  # nobody wants to be as slow as the reference
        best = best_of({method: _by_seed(line) for method, line in family.items()}, level)
    if best is not None:
        told[best]["best"] = True
    return told


def _values(metric: str, line: _Line, expected: Iterable[int]) -> dict[str, Any]:
    values = _known(line["value"])
    most = line["draws"].max()
    told: dict[str, Any] = {
        "mean": values.mean() if len(values) else math.nan,
        "sd": _sd(values),
        "seeds": len(values),
        **{name: line[name].max() for name in DRAWS},
        "missing_runs": most * len(set(expected)) - line["draws"].sum(),
        "missing": _missing(line, expected) if len(values) else "",
        "reason": max(line["reason"]),
    }
    images = line["images"][0]
    if metric.startswith("accuracy/") and len(values) == 1 and line["draws"].sum() == 1 and images > 0:
        told["wilson_low"], told["wilson_high"] = wilson_interval(round(values[0] * images), int(images))
    return told


def _evidence(line: _Line, margin: float, level: float) -> dict[str, Any]:
    """What the gaps to the reference show."""
    there = ~np.isnan(line["gap"])
    gaps, seeds = line["gap"][there], line["seed"][there]
    told: dict[str, Any] = {"gap": gaps.mean() if len(gaps) else math.nan, "p": math.nan, "verdict": ""}
    interval = gap_interval(gaps, np.zeros(len(gaps)), level=level) if len(gaps) > 1 else None
    if interval is None:
        return told
    worst = int(np.argmax(np.abs(gaps)))
    pairs = gap_interval(line["value"][there], line["reference"][there])
    told |= {
        "gap_low": interval.low,
        "gap_high": interval.high,
        "p": interval.p,
        "p_sign_flip": sign_flip_p(gaps) if len(gaps) <= MOST_SEEDS else math.nan,
        "delta_star": delta_star(gaps, 1 - level),
        "correlation": pairs.correlation if pairs else None,
        "worst_seed": seeds[worst],
        "worst_gap": gaps[worst],
    }
    if not math.isnan(margin) and (equivalence := tost(gaps, margin, 1 - level)):
        told |= {"p_tost": equivalence.p, "verdict": verdict(gaps, margin, 1 - level)}
    return told


def _known(values: Any) -> Any:
    return values[~np.isnan(values)]


def _sd(values: Any) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else math.nan


def _by_seed(line: _Line) -> dict[int, float]:
    return {seed: gap for seed, gap in zip(line["seed"], line["gap"], strict=True) if not math.isnan(gap)}


def _missing(line: _Line, expected: Iterable[int]) -> str:
    """Which training seeds have no row, no value, or fewer draws than the others."""
    most, seeds = line["draws"].max(), line["seed"]
    absent = sorted(set(expected) - set(seeds))
    undefined = sorted(seeds[line["defined"] == 0])
    notes = [f"{seed_list(seeds)} {what}" for seeds, what in ((absent, "missing"), (undefined, "undefined")) if seeds]
    return "; ".join(
        notes
        + [
            f"seed {seed} has {defined} of {most} draws"
            for seed, defined in zip(seeds, line["defined"], strict=True)
            if 0 < defined < most
        ]
    )
