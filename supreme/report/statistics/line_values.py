"""What the summary tells of one method and one metric, whatever the others of the block."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from supreme.report.rows.per_seed import DRAWS, seed_list
from supreme.report.statistics import gap_interval, sign_flip_p, wilson_interval
from supreme.report.statistics.contrasts import LEAST_SEEDS, ZERO, Contrast
from supreme.report.statistics.evidence import MOST_SEEDS

Line = Mapping[str, Any]
"""Columns of `per_seed`, as arrays with an entry per training seed."""


def values_of(metric: str, line: Line, expected: Iterable[int]) -> dict[str, Any]:
    """What its values are, and which lack; `expected` are the training seeds that any line of the block has."""
    values = _known(line["value"])
    most = line["draws"].max()
    told: dict[str, Any] = {
        "mean": values.mean() if len(values) else math.nan,
        "sd": (sd := spread_of(values)),
        "sd_population": sd * math.sqrt(1 - 1 / len(values)) if len(values) else math.nan,
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


def evidence_of(line: Line, own: Contrast | None, level: float) -> dict[str, Any]:
    """What the gaps show by themselves."""
    there = ~np.isnan(line["gap"])
    gaps, seeds = line["gap"][there], line["seed"][there]
    told: dict[str, Any] = {"gap": gaps.mean() if len(gaps) else math.nan, "p": math.nan, "contrast": ""}
    if len(gaps):
        told["contrast"] = line["contrast"][there][0]
    if own is None:
        return told
    worst = int(np.argmax(np.round(np.abs(gaps), 12)))  # of seeds that tie, but for rounding, the first
    pairs = gap_interval(line["value"][there], line["against"][there])
    low, high = own.interval(level)
    return told | {
        "gap_low": low,
        "gap_high": high,
        "p": own.p if len(gaps) >= LEAST_SEEDS else math.nan,
        "p_sign_flip": sign_flip_p(gaps) if len(gaps) <= MOST_SEEDS else math.nan,
        "delta_star": own.delta_star(1 - level),
        "correlation": pairs.correlation if pairs else None,
        "worst_seed": seeds[worst],
        "worst_gap": gaps[worst],
    }


def spread_of(values: Any) -> float:
    """The standard deviation (ddof 1) of those that are not NaN: NaN of fewer than two, 0 if only rounding differs."""
    known = _known(values)
    if len(known) < 2:
        return math.nan
    return float(known.std(ddof=1)) if np.ptp(known) > ZERO else 0.0


def _known(values: Any) -> Any:
    return values[~np.isnan(values)]


def _missing(line: Line, expected: Iterable[int]) -> str:
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
