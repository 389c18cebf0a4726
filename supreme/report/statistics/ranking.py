"""What may be said of the methods of one block together: corrected p values, and which is the best."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from supreme.report.rows.labels import bare_name
from supreme.report.statistics.contrasts import LEAST_SEEDS, Contrast, contrast
from supreme.report.statistics.many import benjamini_hochberg, holm

Gaps = Mapping[int, float]
"""The gap of one method, by training seed; NaN where there is none."""

_SANITY = ("reference", "retrain", "original")


def competes(method: str) -> bool:
    """Whether it is a method, and not one of the models that show where the ends of the scale are."""
    return bare_name(method) not in _SANITY


def adjusted(p_values: Mapping[str, float], endpoint: bool) -> dict[str, tuple[float, str]]:
    """The p values of competing methods, corrected for how many they are, and by what; all of one metric and block.

    Holm's for an endpoint, which controls the chance of any false claim; Benjamini and Hochberg's q elsewhere.
    """
    family = {method: p for method, p in p_values.items() if competes(method)}
    correct, name = (holm, "Holm") if endpoint else (benjamini_hochberg, "BH")
    return {method: (p, name) for method, p in corrected(family, correct).items()}


def corrected(p_values: Mapping[str, float], correct: Callable[[Any], Any] = holm) -> dict[str, float]:
    """Those that are there, corrected for how many they are."""
    family = {name: p for name, p in p_values.items() if not math.isnan(p)}
    if not family:
        return {}
    return dict(zip(family, map(float, correct(list(family.values()))), strict=True))


def best_of(gaps: Mapping[str, Gaps], level: float, grid: float = 0.0) -> str | None:
    """The method that is shown to be closer to the reference than every other that competes, if there is one.

    It has the smallest absolute mean gap, and against each other method two intervals, paired by training seed, lie on
    the far side of 0: of the other's gap minus its own, and of their sum. Together they say that the other's gap is
    larger whatever the sign of its own, without first choosing that sign from the same data. It takes three seeds.
    """
    known = {method: {seed: gap for seed, gap in own.items() if not math.isnan(gap)} for method, own in gaps.items()}
    field = {method: own for method, own in known.items() if competes(method) and own}
    means = {method: float(np.mean(list(own.values()))) for method, own in field.items()}
    if len(field) < 2:
        return None
    best = min(means, key=lambda method: abs(means[method]))
    for other in field.keys() - {best}:
        seeds = sorted(field[best].keys() & field[other].keys())
        own, theirs = (np.array([field[method][seed] for seed in seeds]) for method in (best, other))
        sign = math.copysign(1, means[other])
        sides = [sign * (theirs + side * own) for side in (-1, 1)]
        if not all(_above(contrast(side, grid) if len(seeds) >= LEAST_SEEDS else None, level) for side in sides):
            return None
    return best


def _above(found: Contrast | None, level: float) -> bool:
    """Whether its interval lies above 0."""
    return found is not None and found.mean > 0 and found.p < 1 - level
