"""Intervals: of a mean over training seeds, of a gap, of a fraction."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

FloatArray = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A t interval of a mean over training seeds."""

    mean: float
    low: float
    high: float
    standard_error: float
    degrees_of_freedom: float
    p: float
    """Of the two-sided t test that the mean is 0."""


@dataclass(frozen=True, kw_only=True)
class Gap(Interval):
    """The interval of unlearned minus reference."""

    correlation: float | None
    """Of the seeds' two values: pairing narrows the interval where it is positive. None where it says nothing."""


def mean_interval(values: ArrayLike, level: float = 0.95) -> Interval | None:
    """The t interval of the mean over training seeds; `values` has shape I, I×J or I×J×K."""
    return _interval_of(seed_means(values), level)


def gap_interval(unlearned: ArrayLike, reference: ArrayLike, paired: bool = True, level: float = 0.95) -> Gap | None:
    """The interval of the mean difference: paired t over the seeds, or Welch's if the references have other seeds."""
    first, second = seed_means(unlearned), seed_means(reference)
    if paired and len(first) != len(second):
        raise ValueError(f"pairs need as many references as unlearned models, not {len(second)} and {len(first)}")
    interval = _interval_of(first - second, level) if paired else _unpaired(first, second, level)
    if interval is None:
        return None
    correlation = None
    if len(first) == len(second) > 2 and np.ptp(first) > 0 and np.ptp(second) > 0:
        correlation = float(np.corrcoef(first, second)[0, 1])
    return Gap(**vars(interval), correlation=correlation)


def summary_gap_interval(values: ArrayLike, mean: float, sd: float, count: int, level: float = 0.95) -> Interval | None:
    """Welch's interval of the mean of `values` over training seeds minus a mean of which only its sd is known.

    `sd` (ddof 1) is between `count` independent training seeds. None where either side has fewer than two.
    """
    first = seed_means(values)
    if min(len(first), count) < 2:
        return None
    means, variances, counts = (float(first.mean()), mean), (float(first.var(ddof=1)), sd**2), (len(first), count)
    return _welch(means, variances, counts, level)


def wilson_interval(successes: int, trials: int, level: float = 0.95) -> tuple[float, float]:
    """The score interval of a fraction (Wilson 1927): the accuracy of one model on few images, say."""
    from scipy.special import ndtri

    if not 0 <= successes <= trials or trials == 0:
        raise ValueError(f"{successes} successes of {trials} trials is not a fraction")
    z, fraction = float(ndtri((1 + checked_level(level)) / 2)), successes / trials
    centre = fraction + z * z / (2 * trials)
    half = z * math.sqrt(fraction * (1 - fraction) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)


def checked(values: ArrayLike) -> FloatArray:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 0 or array.size == 0 or not np.isfinite(array).all():
        raise ValueError("statistics need a non-empty array of finite numbers; leave out what is missing")
    return array


def checked_level(level: float) -> float:
    if not 0 < level < 1:
        raise ValueError(f"a confidence level lies between 0 and 1, not at {level}")
    return level


def seed_means(values: ArrayLike) -> FloatArray:
    array = checked(values)
    return array.reshape(len(array), -1).mean(axis=1)


def _interval_of(means: FloatArray, level: float) -> Interval | None:
    if len(means) < 2:
        return None
    return _student_interval(float(means.mean()), math.sqrt(means.var(ddof=1) / len(means)), len(means) - 1, level)


def _unpaired(first: FloatArray, second: FloatArray, level: float) -> Interval | None:
    if min(len(first), len(second)) < 2:
        return None
    means, variances = (float(first.mean()), float(second.mean())), (first.var(ddof=1), second.var(ddof=1))
    return _welch(means, variances, (len(first), len(second)), level)


def _welch(
    means: tuple[float, float], variances: tuple[float, float], counts: tuple[int, int], level: float
) -> Interval:
    shares = [variance / count for variance, count in zip(variances, counts, strict=True)]
    total = sum(shares)
    # Without any spread Satterthwaite's degrees of freedom are 0/0, and the interval is a point whatever they are.
    freedom = sum(counts) - 2.0
    if total > 0:
        parts = [(share / total) ** 2 / (count - 1) for share, count in zip(shares, counts, strict=True)]
        freedom = 1 / sum(parts)
    return _student_interval(means[0] - means[1], math.sqrt(total), freedom, level)


def _student_interval(mean: float, standard_error: float, freedom: float, level: float) -> Interval:
    from scipy.special import stdtrit  # scipy.stats costs half a second more

    half = float(stdtrit(freedom, (1 + checked_level(level)) / 2)) * standard_error
    return Interval(
        mean=mean,
        low=mean - half,
        high=mean + half,
        standard_error=standard_error,
        degrees_of_freedom=freedom,
        p=min(1.0, 2 * student_cdf(-abs(mean), standard_error, freedom)),
    )


def student_cdf(difference: float, standard_error: float, freedom: float) -> float:
    """P(T <= difference / standard_error), small where the difference is shown to lie below 0.

    Without any spread it is 1: seeds that agree do not show that another one would.
    """
    from scipy.special import stdtr

    if standard_error == 0:
        return 1.0
    return float(stdtr(freedom, difference / standard_error))
