"""What the contrasts of one metric show: a difference, equivalence, and how much of the original's gap is removed.

A contrast has one value per training seed: a model's value minus that of what it is held against, the reference or,
for a distance to it, an independent retraining. `grid` is the step of values that are shares of images, 1 / images; 0
for others. Seeds that all have one value on a grid do not show that nothing varies: I values that are not all equal
have at least the variance grid² / I, so every standard error here is at least grid / I.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from supreme.report.statistics.crossed import crossed_error
from supreme.report.statistics.intervals import FloatArray, checked_level, seed_means, student_cdf

Verdict = Literal["equal", "equivalent", "different", "different but negligible", "inconclusive", ""]

LEAST_SEEDS = 3
"""With fewer there is no letter: two seeds on a grid agree too often."""

ZERO = 1e-12
"""Differences up to this are rounding."""


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """The mean of contrasts over training seeds, with its standard error."""

    table: FloatArray
    """Of shape (I,), or (I, F) where every training seed has the same F forget sets."""
    grid: float
    standard_error: float
    """At least grid / I."""
    degrees_of_freedom: float

    @cached_property
    def values(self) -> FloatArray:
        """Of shape I, one for each training seed."""
        return seed_means(self.table)

    @cached_property
    def mean(self) -> float:
        return float(self.table.mean())

    @cached_property
    def p(self) -> float:
        """Two-sided, of the t test that the mean is 0; 1 where nothing varies, for then nothing is shown."""
        return min(1.0, 2 * student_cdf(-abs(self.mean), self.standard_error, self.degrees_of_freedom))

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """The ends of the t interval."""
        from scipy.special import stdtrit  # scipy.stats costs half a second more

        half = float(stdtrit(self.degrees_of_freedom, (1 + checked_level(level)) / 2)) * self.standard_error
        return self.mean - half, self.mean + half

    def p_within(self, margin: float) -> float:
        """Of the two one-sided tests that the mean lies strictly within plus or minus the margin (Schuirmann 1987)."""
        return _below(abs(self.mean) - margin, self)

    def delta_star(self, alpha: float = 0.05) -> float:
        """The smallest margin at which these tests would accept."""
        return max(map(abs, self.interval(1 - 2 * alpha)))


def contrast(table: ArrayLike, grid: float = 0.0, crossed: bool = False) -> Contrast | None:
    """The contrast of these values; None for fewer than two training seeds.

    Args:
        table: of shape I, I×J or I×J×K, with the training seeds first.
        grid: step of the seeds' means; of the single values where the design is crossed.
        crossed: the second axis is that of forget sets, the same ones for every training seed, and there are no others.
    """
    values = np.asarray(table, dtype=np.float64)
    means = seed_means(values)
    if len(means) < 2:
        return None
    if crossed:
        error, freedom = crossed_error(values, grid)
        return Contrast(table=values, grid=grid, standard_error=error, degrees_of_freedom=freedom)
    variance = float(means.var(ddof=1)) if np.ptp(means) > ZERO else 0.0  # equal values have a mean with rounding
    error = math.sqrt(max(variance, grid**2 / len(means)) / len(means))
    return Contrast(table=means, grid=grid, standard_error=error, degrees_of_freedom=len(means) - 1)


def is_sensitive(original: Contrast | None, margin: float | None, alpha: float = 0.05) -> bool:
    """Whether a memory endpoint can show that something was removed: the original is told apart, beyond the margin."""
    if original is None or len(original.values) < LEAST_SEEDS or original.p >= alpha:
        return False
    return margin is None or abs(original.mean) > margin + ZERO


def p_removed(method: Contrast, original: Contrast, most_left: float) -> float:
    """Of the tests that |mean of the method| < λ |mean of the original|, over the same seeds in the same order.

    Each of the two is a linear contrast, e (a - λ b) < 0 and -e (a + λ b) < 0 with e the sign of the original's mean,
    so that the estimated size of the original's gap inflates nothing.
    """
    sign, left = math.copysign(1, original.mean), most_left * original.table
    sides = [sign * (method.table - left), -sign * (method.table + left)]
    return max(_p_negative(side, method, original) for side in sides)


def p_equivalent(
    method: Contrast, original: Contrast | None, margin: float | None, most_left: float, memory: bool
) -> float:
    """Of the claim that a method is as good as retrained on one endpoint; 1 where the endpoint can show nothing.

    Args:
        method: contrast over the seeds that the original has too, where that counts.
        original: over the same seeds.
        margin: None for `relative`.
        memory: whether most of the original's gap has to be gone, too.
    """
    if len(method.values) < LEAST_SEEDS:
        return math.nan
    within = 0.0 if margin is None else method.p_within(margin)
    if not memory:
        return within
    if original is None or not is_sensitive(original, margin):
        return 1.0
    return max(within, p_removed(method, original, most_left))


def verdict_of(method: Contrast | None, p_equivalent: float, alpha: float = 0.05) -> Verdict:
    """What one endpoint shows of a method, uncorrected; "" for fewer than three seeds."""
    if method is None or len(method.values) < LEAST_SEEDS:
        return ""
    if (np.abs(method.values) <= ZERO).all():
        return "equal"
    if method.standard_error == 0:
        return "inconclusive"
    different = method.p < alpha
    if p_equivalent < alpha:
        return "different but negligible" if different else "equivalent"
    return "different" if different else "inconclusive"


@dataclass(frozen=True, kw_only=True)
class Share:
    """Of the original's gap that a method has removed: 0 is the original, 1 the reference, above 1 too far."""

    value: float
    low: float
    high: float


def share_removed(method: Contrast, original: Contrast, level: float = 0.95) -> Share | None:
    """One minus the ratio of the means, with Fieller's interval (Fieller 1954), over the same seeds in the same order.

    None where there are fewer than three seeds, or the original's mean is not told apart from 0.
    """
    from scipy.special import stdtrit

    a, b, count = method.values, original.values, len(method.values)
    if count < LEAST_SEEDS or original.p >= 1 - level:
        return None
    (s_aa, s_ab), (_, s_bb) = np.cov(a, b)
    s_aa = max(float(s_aa), method.grid**2 / count)
    k = float(stdtrit(count - 1, (1 + checked_level(level)) / 2)) ** 2 / count
    square, cross, rest = b.mean() ** 2 - k * s_bb, a.mean() * b.mean() - k * s_ab, a.mean() ** 2 - k * s_aa
    if square <= 0:  # where forget sets count as seeds do, the seeds' means alone may not tell the original apart
        return None
    root = math.sqrt(max(0.0, cross**2 - square * rest))
    return Share(
        value=float(1 - a.mean() / b.mean()),
        low=float(1 - (cross + root) / square),
        high=float(1 - (cross - root) / square),
    )


def _p_negative(table: FloatArray, method: Contrast, original: Contrast) -> float:
    """Of the test that the mean of these combinations lies below 0."""
    found = contrast(table, max(method.grid, original.grid), crossed=table.ndim > 1)
    assert found is not None  # there are three seeds and more
    return _below(found.mean, found)


def _below(difference: float, own: Contrast) -> float:
    """P(T <= difference / standard error): small where the difference is shown to lie below 0."""
    return student_cdf(difference, own.standard_error, own.degrees_of_freedom)
