"""What many unlearned and many retrained models say together: pure functions, for anybody to call and to check.

`unlearned` and `reference` are matrices of models x samples: one statistic, as the `logit_confidence` of
`supreme.metrics.arithmetic`, of each sample under each model. Sums are in float64. Every function raises ValueError for
what it is not defined for, and none returns NaN.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from supreme.core import IntArray

FloatArray = np.ndarray[Any, np.dtype[np.float64]]

CHUNK = 1 << 22
"""Numbers held at a time by what would otherwise grow with permutations or with pairs of models."""


def z_scores(unlearned: Any, reference: Any) -> FloatArray:
    """(mean over unlearned - mean over reference) / standard deviation over reference (ddof 1), one of each sample.

    Two sets of N retrained models give a mean of about 0 and a mean absolute value of about sqrt(4 / (pi N)): .25 for
    N = 20, and more for few models, whose standard deviation is a rough one.
    """
    unlearned, reference = _pair(unlearned, reference, least=2)
    spread = reference.std(0, ddof=1)
    if not (spread > 0).all():
        raise ValueError(f"{int((spread == 0).sum())} samples have the same value under every retrained model")
    return (unlearned.mean(0) - reference.mean(0)) / spread


def between_model_auc(unlearned: Any, reference: Any) -> FloatArray:
    """P(unlearned > reference) + P(equal) / 2 over all pairs of models, one of each sample. In [0, 1]; ideal 0.5."""
    unlearned, reference = _pair(unlearned, reference, least=1)
    columns = max(1, CHUNK // (len(unlearned) * len(reference)))
    parts = []
    for start in range(0, unlearned.shape[1], columns):
        u, r = (values[:, start : start + columns] for values in (unlearned, reference))
        parts.append(((u[:, None] > r[None]) + 0.5 * (u[:, None] == r[None])).mean((0, 1)))
    return np.concatenate(parts)


@dataclass(frozen=True, kw_only=True)
class PermutationTest:
    """Whether models can be told apart by more than chance."""

    statistic: float
    expected: float
    """The statistic's mean over the permutations: what chance alone gives."""
    p: float
    smallest_p: float
    """The least p that so many models and permutations can give at all."""
    exact: bool
    """Whether every division of the models was tried."""


def model_permutation_test(
    unlearned: Any, reference: Any, rng: np.random.Generator, *, exact_up_to: int = 20_000, draws: int = 9_999
) -> PermutationTest:
    """Mean over samples of |mean over unlearned - mean over reference|, against all divisions of the models in two.

    Whole models change sides, never single samples: those of one model are not independent. The p is the share of
    divisions, the true one included, whose statistic is at least as large; exact for models that are independent and,
    under the null hypothesis, alike. The statistic does not know which side is which, so with N of each the smallest p
    is 2 / C(2N, N): .10 for 3, .029 for 4, .0079 for 5.

    Args:
        rng: draws the divisions where there are more of them than `exact_up_to`.
        draws: how many then; p is (1 + as large) / (1 + draws).
    """
    unlearned, reference = _pair(unlearned, reference, least=1)
    if draws < 1:
        raise ValueError(f"one draw or more is needed, not {draws}")
    count, total = len(unlearned), len(unlearned) + len(reference)
    pooled = np.concatenate([unlearned, reference])
    statistic = float(_shifts(pooled, np.arange(count)[None])[0])
    divisions = math.comb(total, count)
    exact = divisions <= exact_up_to
    rows = max(1, CHUNK // max(pooled.shape))
    sides = _all_sides(total, count, rows) if exact else _drawn_sides(rng, total, count, draws, rows)
    found = np.concatenate([_shifts(pooled, side) for side in sides])
    rounding = 1e-12 * float(np.abs(pooled).max())  # a division and its mirror image differ in the last bits
    as_large = int((found >= statistic - rounding).sum())
    smallest = (2 if 2 * count == total else 1) / divisions
    return PermutationTest(
        statistic=statistic,
        expected=float(found.mean()),
        p=as_large / divisions if exact else (1 + as_large) / (1 + draws),
        smallest_p=smallest if exact else max(smallest, 1 / (1 + draws)),
        exact=exact,
    )


def held_out_log_ratios(unlearned: Any, reference: Any, std_floor: float = 0.0) -> tuple[FloatArray, FloatArray]:
    """log N(value; unlearned) - log N(value; reference) of each model and sample; the Gaussians never saw the model.

    They are fitted to each sample without the model that is judged and without its partner, the model of the same
    number on the other side. So under the null hypothesis the two ratios of a pair are exchangeable, whatever the
    number of models, and any attack on them succeeds in half of the cases. Two matrices of models x samples.

    Args:
        unlearned, reference: as many models of each, 3 or more.
        std_floor: the least standard deviation of a Gaussian, in the unit of the values.
    """
    unlearned, reference = _pair(unlearned, reference, least=3)
    if len(unlearned) != len(reference):
        raise ValueError(f"as many models of each kind are needed, not {len(unlearned)} and {len(reference)}")
    fits = [_without_each(values, std_floor) for values in (unlearned, reference)]

    def ratio(values: FloatArray) -> FloatArray:
        inside, outside = ((values - mean) / std for mean, std in fits)
        return (outside**2 - inside**2) / 2 + np.log(fits[1][1] / fits[0][1])

    return ratio(unlearned), ratio(reference)


def jackknife(estimate: Callable[[IntArray], float], count: int, level: float = 0.95) -> tuple[float, float, float]:
    """An estimate from `count` replicates, and the ends of its t interval by leaving out one replicate at a time.

    Args:
        estimate: takes the indices of the replicates to use; 2 of them or more.
        count: 3 or more.
    """
    from scipy.stats import t

    if count < 3:
        raise ValueError(f"3 replicates or more are needed, not {count}")
    every = np.arange(count)
    value = estimate(every)
    without = np.array([estimate(np.delete(every, number)) for number in every])
    error = math.sqrt((count - 1) * without.var())
    half = float(t.ppf((1 + level) / 2, count - 1)) * error
    return value, value - half, value + half


def _pair(unlearned: Any, reference: Any, least: int) -> tuple[FloatArray, FloatArray]:
    pair = [np.asarray(values, dtype=np.float64) for values in (unlearned, reference)]
    for values in pair:
        if values.ndim != 2 or len(values) < least or values.shape[1] == 0:
            raise ValueError(f"values must be of {least} models or more x samples, not of shape {values.shape}")
        if not np.isfinite(values).all():
            raise ValueError("values must be finite")
    if pair[0].shape[1] != pair[1].shape[1]:
        raise ValueError(f"both need the same samples, not {pair[0].shape[1]} and {pair[1].shape[1]}")
    return pair[0], pair[1]


def _shifts(pooled: FloatArray, sides: IntArray) -> FloatArray:
    """For each row of `sides`, which names the models of one side, the mean over samples of |difference of means|."""
    total, count = len(pooled), sides.shape[1]
    weights = np.full((len(sides), total), -1 / (total - count))
    np.put_along_axis(weights, sides, 1 / count, axis=1)
    return np.abs(weights @ pooled).mean(1)


def _all_sides(total: int, count: int, rows: int) -> Iterator[IntArray]:
    sides = itertools.combinations(range(total), count)
    while chunk := list(itertools.islice(sides, rows)):
        yield np.array(chunk)


def _drawn_sides(rng: np.random.Generator, total: int, count: int, draws: int, rows: int) -> Iterator[IntArray]:
    for start in range(0, draws, rows):
        yield rng.random((min(rows, draws - start), total)).argsort(1)[:, :count]


def _without_each(values: FloatArray, std_floor: float) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation (ddof 1) of each sample without each model: models x samples both."""
    count, mean = len(values), values.mean(0)
    centred = values - mean
    squares = (centred**2).sum(0) - centred**2 * count / (count - 1)
    std = np.sqrt(squares.clip(0) / (count - 2)).clip(std_floor)
    if not (std > 0).all():
        raise ValueError("a sample has the same value under all models of a kind: give a std_floor above 0")
    return mean - centred / (count - 1), std
