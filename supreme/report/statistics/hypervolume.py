"""Points in two losses: which of them no other beats, and how much of the unit square they dominate."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from supreme.report.statistics.intervals import checked


def pareto_front(points: ArrayLike) -> NDArray[np.bool_]:
    """Which of the N×2 points no other one dominates, as N booleans.

    The other one would be smaller in one loss, and no larger in the other; equal points do not dominate each other.
    """
    losses = _checked(points)
    no_larger = (losses[:, None, :] <= losses[None, :, :]).all(axis=2)
    smaller = (losses[:, None, :] < losses[None, :, :]).any(axis=2)
    dominated: Any = (no_larger & smaller).any(axis=0)
    return np.logical_not(dominated)


def hypervolume(points: ArrayLike) -> float:
    """The area of the unit square that the N×2 points dominate, with the reference point (1, 1); 0 to 1.

    H = λ(⋃ᵢ [xᵢ, 1] × [yᵢ, 1]), the S metric of Zitzler and Thiele, "Multiobjective Evolutionary Algorithms: A
    Comparative Case Study and the Strength Pareto Approach", IEEE Transactions on Evolutionary Computation 3(4), 1999.
    A point with a loss of 1 and more dominates nothing, and losses below 0 count as 0.
    """
    losses = np.clip(_checked(points), 0.0, 1.0)
    area, lowest = 0.0, 1.0
    for x, y in losses[np.lexsort((losses[:, 1], losses[:, 0]))]:
        area += (1.0 - x) * max(0.0, lowest - y)
        lowest = min(lowest, y)
    return float(area)


def _checked(points: ArrayLike) -> NDArray[np.float64]:
    losses = checked(points)
    if losses.ndim != 2 or losses.shape[1] != 2:
        raise ValueError(f"points have two losses each, so their shape is (N, 2), not {losses.shape}")
    return losses
