"""How many training seeds a design needs before a true retraining is called equivalent."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from supreme.report.statistics.intervals import seed_means

MOST_SEEDS = 1000
FEWEST_SEEDS = 3
"""With fewer, no letter is given."""
PILOT_SEEDS = 5
"""Of the line `retrain`, from which the standard deviation is estimated."""
_NODES = 96


@dataclass(frozen=True, kw_only=True)
class SeedsNeeded:
    """The least number of training seeds with which a true retraining is called E often enough."""

    seeds: int | None
    """None where no number up to 1,000 is enough, or where `reason` says why there is none."""
    reason: str = ""

    def __str__(self) -> str:
        """`129`, `> 1000`, or `n/a (5 seeds of retrain are needed, there are 3)`."""
        if self.reason:
            return f"n/a ({self.reason})"
        return f"> {MOST_SEEDS}" if self.seeds is None else str(self.seeds)


def power(seeds: int, sd: float, margin: float, grid: float = 0.0, alpha: float = 0.05) -> float:
    """Probability that two one-sided t tests accept a true mean of 0 as lying within `margin`.

    P(|Z| + t S/√I < margin), Z ~ N(0, sd²/I) and (I - 1)S²/sd² ~ χ² with I - 1 degrees of freedom, independent of one
    another (Phillips 1990, J. Pharmacokin. Biopharm. 18:137): one integral over S, by Gauss and Legendre.

    Args:
        seeds: I, at least 2.
        sd: of the contrast between training seeds, in the metric's units.
        margin: above 0, in the same units.
        grid: step of the contrast's values, 1/n for shares of n images; the standard error is at least grid / I.

    Returns:
        A probability. Without any spread it is 0 or 1 by the standard error that the grid leaves; NaN with no grid.

    Raises:
        ValueError: an argument is impossible.
    """
    from scipy.special import chdtr, gammaln, stdtrit

    _check(seeds, sd, margin, grid, alpha)
    t = float(stdtrit(seeds - 1, 1 - alpha))
    least = grid / seeds  # of the standard error
    if sd == 0:
        return math.nan if grid == 0 else float(t * least < margin)
    if t * least >= margin:
        return 0.0
    freedom, error = seeds - 1, sd / math.sqrt(seeds)
    low, high = least / error, margin / t / error  # of S/sd: where the floor ends, and where nothing is accepted
    # Beyond these ends less than 1e-15 of the distribution of S/sd is left.
    start, end = max(low, 1 - 6 / math.sqrt(freedom)), min(high, 1 + 7 / math.sqrt(freedom))
    accepted = float(chdtr(freedom, freedom * low**2)) * _within(margin - t * least, error)
    if start < end:
        nodes, weights = np.polynomial.legendre.leggauss(_NODES)
        ratio = start + (end - start) * (nodes + 1) / 2
        log_density = (
            math.log(2)
            + freedom / 2 * math.log(freedom / 2)
            - float(gammaln(freedom / 2))
            + (freedom - 1) * np.log(ratio)
            - freedom / 2 * ratio**2
        )
        inside = _within(margin - t * error * ratio, error)
        accepted += (end - start) / 2 * float(weights @ (np.exp(log_density) * inside))
    return min(1.0, accepted)


def seeds_needed(sd: float, margin: float, grid: float = 0.0, power: float = 0.8) -> int | None:
    """The least number of training seeds, at least 3, with which `power` reaches this probability.

    Returns:
        None if it is more than 1,000, or if there is neither a spread nor a grid: then nothing is known of it.

    Raises:
        ValueError: an argument is impossible.
    """
    if not 0 < power < 1:
        raise ValueError(f"power is a probability between 0 and 1, not {power}")
    if not _reaches(MOST_SEEDS, sd, margin, grid, power):
        return None
    low, high = FEWEST_SEEDS - 1, MOST_SEEDS  # more seeds have more power
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _reaches(middle, sd, margin, grid, power) else (middle, high)
    return high


def closeness_margin(role: str, margin: float, original_gap: float, most_left: float, sensitive: bool) -> float:
    """How near to the reference a mean contrast must lie for an E, in the metric's units.

    Args:
        role: `utility` or `memory`.
        margin: as declared; NaN for an endpoint that is `relative`.
        original_gap: the mean contrast of the untouched original.
        most_left: the largest part of that gap that may be left, λ.
        sensitive: whether the original is shown to differ by more than the margin; of memory endpoints alone.

    Returns:
        The margin on utility endpoints, and min(margin, λ |original's gap|) on memory endpoints; NaN where nothing can
        be called E: on a memory endpoint that is not sensitive, or on a utility endpoint without a margin.
    """
    if role == "utility":
        return margin
    left = most_left * abs(original_gap)
    if not sensitive or math.isnan(left):
        return math.nan
    return left if math.isnan(margin) else min(margin, left)


def retrain_seeds(
    values: ArrayLike, margin: float, grid: float = 0.0, distance: bool = False, power: float = 0.8
) -> SeedsNeeded:
    """How many seeds a true retraining would need on one endpoint, estimated from the line `retrain`.

    Args:
        values: of its training seeds, the contrasts to the reference. Of a distance these do not exist: its values,
            which as those of two independent retrainings have √2 times their spread at most.
        margin: what `closeness_margin` gives.
        grid: see `power`.
        distance: whether the values are those of a distance to the reference.
    """
    array = np.asarray(values, dtype=np.float64)
    known = array if array.size == 0 else seed_means(array)
    if len(known) < PILOT_SEEDS:
        return SeedsNeeded(seeds=None, reason=f"{PILOT_SEEDS} seeds of retrain are needed, there are {len(known)}")
    if math.isnan(margin):
        return SeedsNeeded(seeds=None, reason="the original is not told apart from the reference by its margin")
    sd = 0.0 if np.ptp(known) == 0 else float(known.std(ddof=1)) * (math.sqrt(2) if distance else 1)
    if sd == 0 and grid == 0:
        return SeedsNeeded(seeds=None, reason="retrain has the same value in every seed")
    return SeedsNeeded(seeds=seeds_needed(sd, margin, grid, power))


def power_sentence(needed: Mapping[str, SeedsNeeded], power: float = 0.8) -> str:
    """The line below a table: for each endpoint, by its title, what `retrain_seeds` gives; "" for none."""
    if not needed:
        return ""
    texts = {str(seeds) for seeds in needed.values()}
    told = ", ".join(f"{title} {seeds}" for title, seeds in needed.items())
    if len(texts) == 1 and all(seeds.reason for seeds in needed.values()):
        told = texts.pop()
    return f"Seeds at which a true retrain is called E in {100 * power:g} % of sweeps: {told}."


def _reaches(seeds: int, sd: float, margin: float, grid: float, wanted: float) -> bool:
    return power(seeds, sd, margin, grid) >= wanted


def _within(half: ArrayLike, error: float) -> Any:
    """P(|Z| < half) of a normal Z with mean 0 and this standard deviation."""
    from scipy.special import ndtr

    return 2 * ndtr(np.asarray(half) / error) - 1


def _check(seeds: int, sd: float, margin: float, grid: float, alpha: float) -> None:
    if seeds < 2:
        raise ValueError(f"a t test needs at least 2 seeds, not {seeds}")
    if not (0 <= sd < math.inf and 0 <= grid < math.inf):
        raise ValueError(f"a standard deviation and a grid are at least 0 and finite, not {sd} and {grid}")
    if not margin > 0:
        raise ValueError(f"an equivalence margin must be positive, not {margin}")
    if not 0 < alpha < 0.5:
        raise ValueError(f"the level of a test lies between 0 and 0.5, not at {alpha}")
