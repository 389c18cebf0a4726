"""The crossed design, in which every training seed forgets each of the same forget sets: I seeds × F sets."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from supreme.report.statistics.intervals import FloatArray, checked

FEWEST_LEVELS = 3
"""Of training seeds and of forget sets, below which nothing is inferred about other forget sets."""


@dataclass(frozen=True, kw_only=True)
class CrossedAnalysis:
    """Two-way analysis of variance of one value per training seed and forget set, both taken as random."""

    mean: float
    mean_squares: tuple[float, float, float]
    """Of training seeds, of forget sets and of their interaction."""
    raw: tuple[float, float, float]
    """The variance components in the same order, in squared units of the value; negative estimates are kept."""
    standard_error: float
    """Of the mean, over other training seeds and other forget sets."""
    degrees_of_freedom: float


def crossed_analysis(values: ArrayLike, grid: float = 0.0) -> CrossedAnalysis:
    """Analyse an I×F table, at least 2 by 2.

    The variance of the mean is (MS_seeds + MS_sets - MS_interaction) / (I F), with degrees of freedom by Satterthwaite
    (1946, Biometrics Bulletin 2:110), but never less than by the larger of the first two alone, with its own degrees.

    Args:
        values: of each training seed (row) and forget set (column).
        grid: step of a value, 1/n for shares of n images. The standard error is at least grid / (I F), which is what
            a table has of which one value differs by one step; where that acts, the degrees of freedom are those of
            the factor with fewer levels.

    Raises:
        ValueError: the table is no table, or has a value that is missing.
    """
    table = checked(values)
    if table.ndim != 2 or min(table.shape) < 2:
        raise ValueError(
            f"a crossed design has at least 2 training seeds by 2 forget sets, not the shape {table.shape}"
        )
    seeds, sets = table.shape
    moved = table - table[0, 0]  # equal values have no variance: that of their mean's rounding is none
    by_seed, by_set = (moved.mean(axis=axis) for axis in (1, 0))
    rest = moved - by_seed[:, None] - by_set[None, :] + moved.mean()
    squares = (
        sets * float(by_seed.var(ddof=1)),
        seeds * float(by_set.var(ddof=1)),
        float(np.square(rest).sum()) / ((seeds - 1) * (sets - 1)),
    )
    error, freedom = _error(squares, seeds, sets, grid)
    return CrossedAnalysis(
        mean=float(table.mean()),
        mean_squares=squares,
        raw=((squares[0] - squares[2]) / sets, (squares[1] - squares[2]) / seeds, squares[2]),
        standard_error=error,
        degrees_of_freedom=freedom,
    )


def crossed_error(values: ArrayLike, grid: float = 0.0) -> tuple[float, float]:
    """The standard error and the degrees of freedom of the mean of an I×F table; see `crossed_analysis`."""
    analysis = crossed_analysis(values, grid)
    return analysis.standard_error, analysis.degrees_of_freedom


def crossed_table(lines: pd.DataFrame, column: str = "value") -> pd.DataFrame | None:
    """One line's values as training seeds × forget sets, each the mean over the draws of unlearning and evaluation.

    Args:
        lines: every draw of one line, as `with_anchors` gives them: `seed`, `seed_forget`, `seed_reference`,
            `forget_digest` and `column`.

    Returns:
        None unless the design is crossed: at least two seeds and two sets, each seed with each set, no set with two
        numbers, no number with two sets, one reference per seed, and every value defined.
    """
    if not numbered_sets(lines) or len(set(lines["seed_forget"])) < 2:
        return None
    references: Any = lines.groupby("seed")["seed_reference"].nunique()
    if references.max() > 1 or bool(np.isnan(lines[column].to_numpy(np.float64)).any()):
        return None
    table: Any = lines.pivot_table(index="seed", columns="seed_forget", values=column)
    return table if len(table) > 1 and not bool(table.isna().to_numpy().any()) else None


def numbered_sets(lines: pd.DataFrame) -> bool:
    """Whether every number of a forget set is that of one set, and no set has two numbers, as those of a class have."""
    pairs: Any = lines[["seed_forget", "forget_digest"]].drop_duplicates()
    return pairs["seed_forget"].is_unique and pairs["forget_digest"].is_unique


def infers_over_sets(table: pd.DataFrame | None) -> bool:
    """Whether a table that `crossed_table` gave has enough of both, so that `crossed_error` is to be used."""
    return table is not None and min(table.shape) >= FEWEST_LEVELS


def _error(squares: tuple[float, float, float], seeds: int, sets: int, grid: float) -> tuple[float, float]:
    train, forget, interaction = squares
    freedoms = seeds - 1.0, sets - 1.0
    total = train + forget - interaction
    largest = max(total, train, forget)
    floor = grid / (seeds * sets)
    error = math.sqrt(largest / (seeds * sets))
    if largest <= 0 or error < floor * (1 - 1e-9):
        return max(floor, error), min(freedoms)
    if total < max(train, forget) * (1 - 1e-9):  # not by rounding, where all three are the same
        return error, freedoms[0] if train >= forget else freedoms[1]
    scaled: FloatArray = np.square(np.array(squares) / largest)  # so that the squares of small values do not vanish
    return error, 1 / float(scaled @ (1 / np.array([*freedoms, freedoms[0] * freedoms[1]])))
