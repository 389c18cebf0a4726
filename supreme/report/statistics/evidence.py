"""Evidence about one method: of a difference to the reference, and of equivalence with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from supreme.report.statistics.intervals import FloatArray, mean_interval, seed_means, student_cdf

Verdict = Literal["equivalent", "different", "different but negligible", "inconclusive"]


@dataclass(frozen=True, kw_only=True)
class Equivalence:
    """The two one-sided tests (TOST) that a mean lies within a margin of 0."""

    p: float
    low: float
    """Of the 1 - 2 alpha interval, which lies within the margin exactly where the test accepts."""
    high: float
    equivalent: bool


def tost(differences: ArrayLike, margin: float, alpha: float = 0.05) -> Equivalence | None:
    """Whether the mean difference is shown to lie strictly within plus or minus `margin` (Schuirmann 1987)."""
    if not margin > 0:
        raise ValueError(f"an equivalence margin must be positive, not {margin}")
    if (interval := mean_interval(differences, 1 - 2 * alpha)) is None:
        return None
    p = student_cdf(abs(interval.mean) - margin, interval.standard_error, interval.degrees_of_freedom)
    return Equivalence(p=p, low=interval.low, high=interval.high, equivalent=p < alpha)


def delta_star(differences: ArrayLike, alpha: float = 0.05) -> float | None:
    """The smallest margin at which `tost` would accept: how far from the reference the mean may still be."""
    interval = mean_interval(differences, 1 - 2 * alpha)
    return None if interval is None else max(abs(interval.low), abs(interval.high))


def verdict(differences: ArrayLike, margin: float, alpha: float = 0.05) -> Verdict:
    """What the differences to the reference show; a lone seed shows nothing, so it is inconclusive."""
    interval, equivalence = mean_interval(differences, 1 - alpha), tost(differences, margin, alpha)
    if interval is None or equivalence is None:
        return "inconclusive"
    different = interval.low > 0 or interval.high < 0
    if equivalence.equivalent:
        return "different but negligible" if different else "equivalent"
    return "different" if different else "inconclusive"


MOST_SEEDS = 30
"""Of the exact sign-flip test: 2^30 patterns, of which it needs 2 x 2^15 half sums."""


def sign_flip_p(differences: ArrayLike) -> float:
    """Exact two-sided p of the sign-flip test over all 2^I sign patterns; never below 2 / 2^I."""
    means = seed_means(differences)
    if len(means) > MOST_SEEDS:
        raise ValueError(
            f"the exact sign-flip test goes over 2^n patterns: at most {MOST_SEEDS} seeds, not {len(means)}"
        )
    extreme = abs(means.sum()) - 1e-12 * np.abs(means).sum()
    if extreme <= 0:
        return 1.0
    half = (len(means) + 1) // 2
    # The first sign may stay: a pattern and its mirror image have sums of the same size.
    first, second = _sums(means[1:half], means[0]), np.sort(_sums(means[half:], 0.0))
    above = len(second) - np.searchsorted(second, extreme - first, side="left")
    below = np.searchsorted(second, -extreme - first, side="right")
    return float((above + below).sum()) / (len(first) * len(second))


def _sums(differences: FloatArray, start: float) -> FloatArray:
    """Of every sign pattern."""
    sums = np.array([start])
    for difference in differences:
        sums = np.concatenate([sums + difference, sums - difference])
    return sums
