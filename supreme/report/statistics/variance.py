"""Where the variance of a value comes from: training, unlearning or evaluation."""

from __future__ import annotations

import math
from dataclasses import dataclass

from numpy.typing import ArrayLike

from supreme.report.statistics.intervals import checked


@dataclass(frozen=True, kw_only=True)
class VarianceComponents:
    """Where the variance of one measured value comes from; variances, so in squared units of the value."""

    train: float
    unlearn: float
    """Between unlearning draws; where only two levels are given, of everything within a training seed."""
    evaluate: float | None
    raw: tuple[float, ...]
    """The estimates, outermost first, before negative ones were set to 0."""
    mean_squares: tuple[float, ...]
    intraclass_correlation: float | None
    """The training seed's share of the variance; None where nothing varies."""
    standard_error: float
    """Of the grand mean."""


def variance_components(values: ArrayLike) -> VarianceComponents:
    """Balanced nested analysis of variance of I×J or I×J×K values, at least two of each."""
    table = checked(values)
    if table.ndim not in (2, 3) or min(table.shape) < 2:
        raise ValueError(f"variance components need 2 or 3 levels of at least 2 each, not the shape {table.shape}")
    seeds, draws = table.shape[:2]
    table = table - table.flat[0]  # equal values have no variance: that of their mean's rounding is none
    means = table.reshape(seeds, draws, -1).mean(axis=2)
    each = table[0, 0].size
    between = draws * each * means.mean(axis=1).var(ddof=1)
    within = each * means.var(axis=1, ddof=1).mean()
    if table.ndim == 2:
        squares = (between, within)
        raw = ((between - within) / draws, within)
    else:
        inner = table.var(axis=2, ddof=1).mean()
        squares = (between, within, inner)
        raw = ((between - within) / (draws * each), (within - inner) / each, inner)
    kept = [max(0.0, float(variance)) for variance in raw]
    return VarianceComponents(
        train=kept[0],
        unlearn=kept[1],
        evaluate=kept[2] if table.ndim == 3 else None,
        raw=tuple(map(float, raw)),
        mean_squares=tuple(map(float, squares)),
        intraclass_correlation=kept[0] / sum(kept) if sum(kept) > 0 else None,
        standard_error=math.sqrt(between / table.size),
    )


def variance_of_mean(train: float, unlearn: float, evaluate: float, counts: tuple[int, int, int]) -> float:
    """Variance of the grand mean of an I×J×K design with these components: what more seeds or draws would buy."""
    seeds, draws, evaluations = counts
    return train / seeds + unlearn / (seeds * draws) + evaluate / (seeds * draws * evaluations)
