"""The power of the test of equivalence, against published numbers, brute force and simulation."""

import math

import numpy as np
import pytest

from supreme.report.statistics import tost
from supreme.report.statistics.power import (
    SeedsNeeded,
    closeness_margin,
    power,
    power_sentence,
    retrain_seeds,
    seeds_needed,
)

AUC = [0.038 * step for step in (-1.2, -0.6, 0.0, 0.6, 1.2)]
"""Contrasts whose standard deviation is 0.036."""


@pytest.mark.parametrize(("ratio", "seeds"), [(2, 4), (1.5, 6), (1, 11), (0.75, 17), (0.5, 36)])
def test_the_seeds_for_eighty_per_cent_power_are_those_of_the_tables(ratio, seeds):
    assert seeds_needed(sd=1, margin=ratio) == seeds
    assert seeds_needed(sd=0.01, margin=ratio / 100) == seeds


@pytest.mark.parametrize(("seeds", "expected"), [(5, 0.025), (10, 0.089), (20, 0.468), (40, 0.896)])
def test_the_power_of_a_membership_auc_with_twenty_members(seeds, expected):
    assert power(seeds, sd=0.038, margin=0.02) == pytest.approx(expected, abs=5e-4)


def test_twenty_members_take_33_seeds_in_the_auc_and_129_in_forget_accuracy():
    assert seeds_needed(sd=0.038, margin=0.02) == 33
    assert seeds_needed(sd=0.0481, margin=0.0125) == 129  # a standard deviation of 4.8 percentage points, rounded
    assert seeds_needed(sd=0.0481, margin=0.0125, grid=0.05) == 129  # the grid acts where nothing varies


def test_the_power_is_the_integral_over_the_estimated_standard_deviation():
    from scipy import integrate, stats

    for seeds, sd, margin in [(3, 1.0, 2.0), (5, 0.038, 0.05), (40, 1.0, 0.4), (400, 1.0, 0.1), (2, 1.0, 30.0)]:
        t, root = stats.t.ppf(0.95, seeds - 1), math.sqrt(seeds)

        def density(s, seeds=seeds, sd=sd, margin=margin, t=t, root=root):
            inside = 2 * stats.norm.cdf((margin - t * s / root) * root / sd) - 1
            return inside * stats.chi.pdf(s / sd * math.sqrt(seeds - 1), seeds - 1) * math.sqrt(seeds - 1) / sd

        ends = (0, min(margin * root / t, sd * (1 + 8 / math.sqrt(seeds - 1))))
        expected, _ = integrate.quad(density, *ends, points=[sd] if ends[0] < sd < ends[1] else None, limit=200)
        assert power(seeds, sd, margin) == pytest.approx(expected, abs=1e-7)


def test_the_power_is_how_often_our_own_test_accepts():
    rng = np.random.default_rng(0)
    accepted = np.mean([tost(rng.normal(size=6), 1.3).equivalent for _ in range(4000)])  # type: ignore[union-attr]
    assert power(6, 1, 1.3) == pytest.approx(accepted, abs=0.025)


@pytest.mark.parametrize(("sd", "margin", "grid"), [(1, 0.6, 0), (0.02, 0.02, 0.05), (0.001, 0.02, 0.05), (1, 5, 0)])
def test_the_least_number_of_seeds_is_the_first_that_reaches_the_power(sd, margin, grid):
    reached = next(seeds for seeds in range(3, 200) if power(seeds, sd, margin, grid) >= 0.8)
    assert seeds_needed(sd, margin, grid) == reached


def test_without_spread_the_grid_of_twenty_images_leaves_six_seeds():
    assert seeds_needed(sd=0, margin=0.02, grid=0.05) == 6
    assert (power(5, 0, 0.02, grid=0.05), power(6, 0, 0.02, grid=0.05)) == (0, 1)


def test_without_spread_and_without_a_grid_nothing_is_known():
    assert math.isnan(power(5, 0, 0.02))
    assert seeds_needed(0, 0.02) is None
    told = retrain_seeds([0.5] * 6, margin=0.02)
    assert told.seeds is None
    assert str(told) == "n/a (retrain has the same value in every seed)"


def test_more_than_a_thousand_seeds_are_not_counted():
    assert seeds_needed(sd=1, margin=0.05) is None
    assert seeds_needed(sd=1, margin=0.12) is not None
    assert str(SeedsNeeded(seeds=None)) == "> 1000"


@pytest.mark.parametrize(
    ("role", "margin", "gap", "sensitive", "expected"),
    [
        ("utility", 0.01, 0.5, False, 0.01),
        ("memory", 0.02, 0.05, True, 0.0125),
        ("memory", 0.02, -0.16, True, 0.02),
        ("memory", math.nan, -0.034, True, 0.0085),  # relative
        ("memory", 0.02, 0.015, False, math.nan),
        ("memory", 0.02, math.nan, True, math.nan),
    ],
)
def test_the_margin_of_closeness_never_exceeds_a_quarter_of_what_the_original_remembers(
    role, margin, gap, sensitive, expected
):
    assert closeness_margin(role, margin, gap, 0.25, sensitive) == pytest.approx(expected, nan_ok=True)


def test_the_seeds_of_a_retrain_come_from_its_own_contrasts():
    sd = float(np.std(AUC, ddof=1))
    assert retrain_seeds(AUC, margin=0.02).seeds == seeds_needed(sd, 0.02)
    assert retrain_seeds(AUC, margin=0.02, distance=True).seeds == seeds_needed(math.sqrt(2) * sd, 0.02)
    assert retrain_seeds([0.0] * 5, margin=0.02, grid=0.05).seeds == 6


def test_four_seeds_of_retrain_estimate_nothing():
    assert str(retrain_seeds(AUC[:4], margin=0.02)) == "n/a (5 seeds of retrain are needed, there are 4)"
    assert str(retrain_seeds([], margin=0.02)) == "n/a (5 seeds of retrain are needed, there are 0)"
    assert "told apart" in str(retrain_seeds(AUC, margin=math.nan))


def test_the_sentence_names_every_endpoint():
    needed = {"forget acc.": SeedsNeeded(seeds=129), "membership AUC": SeedsNeeded(seeds=33)}
    assert (
        power_sentence(needed)
        == "Seeds at which a true retrain is called E in 80 % of sweeps: forget acc. 129, membership AUC 33."
    )
    assert power_sentence({}) == ""


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: power(1, 1, 1), "at least 2 seeds"),
        (lambda: power(5, -1, 1), "at least 0"),
        (lambda: power(5, 1, 0), "must be positive"),
        (lambda: power(5, 1, math.nan), "must be positive"),
        (lambda: power(5, 1, 1, alpha=0.6), "between 0 and 0.5"),
        (lambda: seeds_needed(1, 1, power=80), "between 0 and 1"),
    ],
)
def test_impossible_input_is_refused_in_a_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()
