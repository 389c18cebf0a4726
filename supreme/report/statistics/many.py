"""Many methods, many scenarios: corrections of p values, robust means, ranks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from supreme.report.statistics.intervals import FloatArray, checked


def holm(p_values: ArrayLike) -> FloatArray:
    """P values adjusted for the family-wise error (Holm 1979), in the order given."""
    p, order = _ascending(p_values)
    return _restored(np.maximum.accumulate(p * np.arange(len(p), 0, -1)), order)


def benjamini_hochberg(p_values: ArrayLike) -> FloatArray:
    """Q values that control the false discovery rate (Benjamini and Hochberg 1995), in the order given."""
    p, order = _ascending(p_values)
    scaled = p * len(p) / np.arange(1, len(p) + 1)
    return _restored(np.minimum.accumulate(scaled[::-1])[::-1], order)


def interquartile_mean(values: ArrayLike) -> float:
    """Mean without the lowest and the highest quarter of the values (Agarwal et al. 2021), each rounded down."""
    ordered = np.sort(checked(values), axis=None)
    cut = len(ordered) // 4
    return float(ordered[cut : len(ordered) - cut].mean())


def probability_of_improvement(scores: ArrayLike, others: ArrayLike) -> float:
    """P(X > Y) + P(X = Y) / 2 over all pairs of runs of two methods on one task (Agarwal et al. 2021)."""
    x, y = np.ravel(checked(scores))[:, None], np.ravel(checked(others))[None, :]
    return float(np.mean((x > y) + 0.5 * (x == y)))


def friedman(scores: ArrayLike) -> tuple[float, float]:
    """Chi-square and p of the test that methods rank alike; scenarios (data, model, forget target) × methods."""
    from scipy.special import chdtrc

    table = checked(scores)
    if table.ndim != 2 or min(table.shape) < 2:
        raise ValueError(f"Friedman's test needs scenarios by methods, at least 2 by 2, not the shape {table.shape}")
    methods = table.shape[1]
    centred = average_ranks(table) - (methods + 1) / 2
    spread = float(np.square(centred).sum())
    statistic = (methods - 1) * float(np.square(centred.sum(axis=0)).sum()) / spread if spread > 0 else 0.0
    return statistic, float(chdtrc(methods - 1, statistic))


def average_ranks(scores: ArrayLike) -> FloatArray:
    """Within each row the rank of each value, 1 for the lowest; tied values have the mean of their ranks."""
    table = checked(scores)
    higher = (table[:, :, None] > table[:, None, :]).sum(axis=2)
    ties = (table[:, :, None] == table[:, None, :]).sum(axis=2)  # with itself too
    return higher + (ties + 1) / 2


def critical_difference(methods: int, scenarios: int, alpha: float = 0.05) -> float:
    """By how much two mean ranks must differ (Nemenyi 1963; Demšar 2006); scenarios count, not seeds."""
    from scipy.stats import studentized_range

    quantile = float(studentized_range.ppf(1 - alpha, methods, np.inf)) / math.sqrt(2)
    return quantile * math.sqrt(methods * (methods + 1) / (6 * scenarios))


def _ascending(p_values: ArrayLike) -> tuple[FloatArray, Any]:
    p = np.ravel(checked(p_values))
    if p.min() < 0 or p.max() > 1:
        raise ValueError("p values lie between 0 and 1")
    order = np.argsort(p, kind="stable")
    return p[order], order


def _restored(ascending: FloatArray, order: Any) -> FloatArray:
    adjusted = np.empty_like(ascending)
    adjusted[order] = np.minimum(1.0, ascending)
    return adjusted
