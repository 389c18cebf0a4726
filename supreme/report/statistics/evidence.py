"""Evidence about one method: of a difference to the reference, and of equivalence with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from supreme.report.statistics.contrasts import Verdict, contrast, p_equivalent, verdict_of
from supreme.report.statistics.intervals import FloatArray, seed_means


@dataclass(frozen=True, kw_only=True)
class Equivalence:
    """The two one-sided tests (TOST) that a mean lies within a margin of 0."""

    p: float
    low: float
    """Of the 1 - 2 alpha interval, which lies within the margin exactly where the test accepts."""
    high: float
    equivalent: bool


def tost(differences: ArrayLike, margin: float, alpha: float = 0.05, grid: float = 0.0) -> Equivalence | None:
    """Whether the mean difference is shown to lie strictly within plus or minus `margin` (Schuirmann 1987).

    Args:
        grid: step of the differences where they are shares of images; see `contrasts`.
    """
    _refuse_no_margin(margin)
    if (found := contrast(differences, grid)) is None:
        return None
    p, (low, high) = found.p_within(margin), found.interval(1 - 2 * alpha)
    return Equivalence(p=p, low=low, high=high, equivalent=p < alpha)


def delta_star(differences: ArrayLike, alpha: float = 0.05, grid: float = 0.0) -> float | None:
    """The smallest margin at which `tost` would accept: how far from the reference the mean may still be."""
    found = contrast(differences, grid)
    return None if found is None else found.delta_star(alpha)


def verdict(
    differences: ArrayLike,
    margin: float | None,
    alpha: float = 0.05,
    grid: float = 0.0,
    original: ArrayLike | None = None,
    most_left: float = 0.25,
) -> Verdict:
    """What the differences to the reference show on one endpoint; "" for fewer than three seeds.

    Args:
        margin: of equivalence; None for none but that of `most_left`.
        original: the differences of the untouched original on the same seeds, where most of them has to be gone, too.
        most_left: at most this share of them may be left.
    """
    if margin is not None:
        _refuse_no_margin(margin)
    elif original is None:
        raise ValueError("without a margin, equivalence needs the differences of the original")
    found, before = contrast(differences, grid), None if original is None else contrast(original, grid)
    if found is None:
        return ""
    return verdict_of(found, p_equivalent(found, before, margin, most_left, memory=original is not None), alpha)


def _refuse_no_margin(margin: float) -> None:
    if not margin > 0:
        raise ValueError(f"an equivalence margin must be positive, not {margin}")


FEW_SEEDS = 5
"""With so few, the exact sign-flip test cannot reach 5 %, and an interval says next to nothing."""

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
