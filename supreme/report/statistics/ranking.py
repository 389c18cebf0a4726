"""What may be said of the methods of one block together: corrected p values, and which is the best."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from supreme.report.rows.labels import bare_name
from supreme.report.statistics import Interval, benjamini_hochberg, holm, mean_interval

Gaps = Mapping[int, float]
"""The gap of one method to the reference, by training seed."""

_SANITY = ("reference", "retrain", "original")


def competes(method: str) -> bool:
    """Whether it is a method, and not one of the models that show where the ends of the scale are."""
    return bare_name(method) not in _SANITY


def adjusted(p_values: Mapping[str, float], endpoint: bool) -> dict[str, tuple[float, str]]:
    """The p values of competing methods, corrected for how many they are, and by what; all of one metric and block.

    Holm's for an endpoint, which controls the chance of any false claim; Benjamini and Hochberg's q elsewhere.
    """
    family = {method: p for method, p in p_values.items() if competes(method) and not math.isnan(p)}
    if not family:
        return {}
    correct, name = (holm, "Holm") if endpoint else (benjamini_hochberg, "BH")
    corrected = correct(list(family.values()))
    return {method: (float(p), name) for method, p in zip(family, corrected, strict=True)}


def best_of(gaps: Mapping[str, Gaps], level: float) -> str | None:
    """The method that is shown to be closer to the reference than every other that competes, if there is one.

    It has the smallest absolute mean gap, and against each other method two intervals, paired by training seed, lie on
    the far side of 0: of the other's gap minus its own, and of their sum. Together they say that the other's gap is
    larger whatever the sign of its own, without first choosing that sign from the same data.
    """
    field = {method: own for method, own in gaps.items() if competes(method) and own}
    means = {method: float(np.mean(list(own.values()))) for method, own in field.items()}
    if len(field) < 2:
        return None
    best = min(means, key=lambda method: abs(means[method]))
    for other in field.keys() - {best}:
        seeds = sorted(field[best].keys() & field[other].keys())
        own, theirs = ([field[method][seed] for seed in seeds] for method in (best, other))
        if not _larger(own, theirs, math.copysign(1, means[other]), level):
            return None
    return best


def _larger(own: Sequence[float], theirs: Sequence[float], sign: float, level: float) -> bool:
    """Whether the other gap, of this sign, is larger than both the own gap and its mirror image."""
    if len(own) < 2:
        return False
    difference, total = (mean_interval(sign * (np.array(theirs) + side * np.array(own)), level) for side in (-1, 1))
    return _above(difference) and _above(total)


def _above(interval: Interval | None) -> bool:
    return interval is not None and interval.low > 0
