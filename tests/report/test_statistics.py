"""The statistics against numbers worked out by hand or known from the literature."""

import itertools
import math

import numpy as np
import pytest

from supreme.report.statistics import (
    benjamini_hochberg,
    critical_difference,
    delta_star,
    friedman,
    gap_interval,
    holm,
    interquartile_mean,
    mean_interval,
    probability_of_improvement,
    sign_flip_p,
    tost,
    variance_components,
    variance_of_mean,
    verdict,
    wilson_interval,
)
from supreme.report.statistics.line_values import spread_of

NESTED = [[1, 3], [5, 7], [9, 11]]  # 3 training seeds, 2 draws each
DIFFERENCES = (0.2, -0.4, 0.6, 0.1, 0.5)


def close(value, expected, tolerance=1e-6):
    return value == pytest.approx(expected, abs=tolerance)


def test_the_interval_of_nested_values_counts_training_seeds_not_draws():
    interval = mean_interval(NESTED)
    assert interval is not None
    assert interval.mean == 6
    assert interval.degrees_of_freedom == 2
    assert close(interval.standard_error, 2.309401)
    assert close(interval.low, -3.936551)
    assert close(interval.high, 15.936551)


def test_pooling_the_draws_would_give_the_naive_interval():
    interval = mean_interval(np.ravel(NESTED))
    assert interval is not None
    assert close(interval.low, 2.07, 0.005)
    assert close(interval.high, 9.93, 0.005)


def test_a_third_level_is_averaged_away_like_the_second():
    cube = np.array([[[1, 3], [3, 5]], [[7, 9], [9, 11]]])
    assert mean_interval(cube) == mean_interval([3, 9])


def test_the_interval_over_training_seeds_covers_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(0)

    def covers(values):
        interval = mean_interval(values)
        return interval.low <= 0 <= interval.high

    draws = [rng.normal(size=(5, 1)) + 0.5 * rng.normal(size=(5, 5)) for _ in range(2000)]
    assert np.mean([covers(values) for values in draws]) == pytest.approx(0.95, abs=0.015)
    assert np.mean([covers(values.ravel()) for values in draws]) == pytest.approx(0.62, abs=0.04)


def test_one_seed_has_no_interval():
    assert mean_interval([0.5]) is None
    assert mean_interval([[0.5, 0.7, 0.9]]) is None
    assert gap_interval([0.5], [0.4], paired=True) is None
    assert gap_interval([0.5], [0.4, 0.3], paired=False) is None
    assert tost([0.1], 1) is None
    assert delta_star([0.1]) is None
    assert verdict([0.1], 1) == ""


def test_two_level_variance_components():
    components = variance_components(NESTED)
    assert components.mean_squares == pytest.approx((32, 2))
    assert components.unlearn == pytest.approx(2)
    assert components.train == pytest.approx(15)
    assert components.evaluate is None
    assert components.intraclass_correlation is not None
    assert close(components.intraclass_correlation, 0.882353)
    assert close(components.standard_error, 2.309401)


def test_three_level_variance_components():
    components = variance_components([[[1, 3], [3, 5]], [[7, 9], [9, 11]]])
    assert components.mean_squares == pytest.approx((72, 4, 2))
    assert (components.evaluate, components.unlearn, components.train) == pytest.approx((2, 1, 17))
    assert components.intraclass_correlation == pytest.approx(17 / 20)


def test_a_negative_component_becomes_zero_and_its_raw_value_is_kept():
    components = variance_components([[0, 4], [1, 3]])  # the seeds' means are equal: MSB 0, MSW 5
    assert components.train == 0
    assert components.raw == pytest.approx((-2.5, 5))


def test_components_of_constant_values_are_zero_without_a_share():
    components = variance_components(np.ones((3, 2)))
    assert (components.train, components.unlearn, components.standard_error) == (0, 0, 0)
    assert components.intraclass_correlation is None


@pytest.mark.parametrize(("counts", "variance"), [((1, 10, 1), 7.2), ((10, 1, 1), 0.9), ((5, 2, 1), 1.6)])
def test_draws_cannot_replace_training_seeds(counts, variance):
    assert variance_of_mean(7, 2, 0, counts) == pytest.approx(variance)


def test_every_level_lowers_the_variance_of_the_mean_by_its_own_count():
    assert variance_of_mean(0, 0, 12, (2, 3, 2)) == pytest.approx(1)


def test_the_paired_gap_is_the_t_interval_of_the_differences():
    gap = gap_interval(DIFFERENCES, np.zeros(5), paired=True)
    assert gap is not None
    assert gap.mean == pytest.approx(0.2)
    assert close(gap.standard_error * math.sqrt(5), 0.393700)
    assert close(gap.low, -0.288844)
    assert close(gap.high, 0.688843, 1.1e-6)
    assert close(gap.p, 0.319430)
    assert gap.correlation is None  # a constant correlates with nothing


def test_pairing_uses_the_correlation_and_welch_does_not():
    reference = np.array([1.0, 2.0, 3.0, 4.0])
    unlearned = reference + np.array([0.1, 0.2, 0.1, 0.2])
    paired, welch = (gap_interval(unlearned, reference, paired=way) for way in (True, False))
    assert paired is not None
    assert welch is not None
    assert paired.mean == pytest.approx(0.15)
    assert welch.mean == pytest.approx(0.15)
    assert paired.high - paired.low < 0.2 < welch.high - welch.low
    assert paired.correlation == pytest.approx(np.corrcoef(unlearned, reference)[0, 1])


def test_welch_against_a_worked_example():
    # Means 4 and 8; variances / n: 4/3 and 10/2 = 5; df = (19/3)^2 / ((4/3)^2 / 2 + 5^2 / 1)
    gap = gap_interval([2, 4, 6], [8 - math.sqrt(5), 8 + math.sqrt(5)], paired=False)
    assert gap is not None
    assert gap.mean == pytest.approx(-4)
    assert gap.standard_error == pytest.approx(math.sqrt(4 / 3 + 5))
    assert gap.degrees_of_freedom == pytest.approx((19 / 3) ** 2 / ((4 / 3) ** 2 / 2 + 25))


def test_seeds_without_any_spread_give_a_point():
    for paired in (True, False):
        gap = gap_interval([2.0, 2.0], [1.5, 1.5], paired=paired)
        assert gap is not None
        assert (gap.low, gap.high, gap.p) == (0.5, 0.5, 1)
    same = gap_interval([1.0, 2.0], [1.0, 2.0], paired=True)
    assert same is not None
    assert (same.low, same.high, same.p) == (0, 0, 1)


@pytest.mark.parametrize(
    ("values", "sd"), [([0.995] * 5, 0.0), ([0.1 + 0.2, 0.3], 0.0), ([0.1, 0.3, math.nan], 0.02**0.5)]
)
def test_values_that_differ_by_rounding_alone_have_no_spread(values, sd):
    assert spread_of(np.array(values)) == pytest.approx(sd, rel=1e-12)
    assert (spread_of(np.array(values)) == 0) == (sd == 0)


def test_equivalence_is_shown_for_a_wide_margin_only():
    wide, narrow = tost(DIFFERENCES, 1), tost(DIFFERENCES, 0.5)
    assert wide is not None
    assert narrow is not None
    assert close(wide.p, 0.005234)
    assert close(narrow.p, 0.081804)
    assert (wide.equivalent, narrow.equivalent) == (True, False)
    assert close(wide.low, -0.175350)
    assert close(wide.high, 0.575350)


def test_delta_star_is_where_equivalence_begins():
    margin = delta_star(DIFFERENCES)
    assert margin is not None
    assert close(margin, 0.575350)
    assert tost(DIFFERENCES, margin * 1.0001).equivalent  # type: ignore[union-attr]
    assert not tost(DIFFERENCES, margin * 0.9999).equivalent  # type: ignore[union-attr]


def test_delta_star_does_not_depend_on_the_sign():
    assert delta_star(DIFFERENCES) == delta_star([-value for value in DIFFERENCES])


@pytest.mark.parametrize(("ratio", "seeds"), [(2, 4), (1.5, 6), (1, 11), (0.75, 17), (0.5, 36)])
def test_eighty_per_cent_power_needs_as_many_seeds_as_published(ratio, seeds):
    rng = np.random.default_rng(seeds)

    def power(count):
        return np.mean([tost(rng.normal(size=count), ratio).equivalent for _ in range(4000)])

    assert power(seeds) > 0.78
    assert power(seeds - 1) < 0.82


def test_five_seeds_have_little_power_for_a_margin_of_one_sd():
    rng = np.random.default_rng(1)
    assert np.mean([tost(rng.normal(size=5), 1).equivalent for _ in range(4000)]) == pytest.approx(0.29, abs=0.025)


@pytest.mark.parametrize(("seeds", "p"), [(1, 1), (5, 0.0625), (6, 0.03125), (10, 2 / 1024)])
def test_the_smallest_sign_flip_p_is_two_in_two_to_the_seeds(seeds, p):
    assert sign_flip_p(np.arange(1, seeds + 1) / 10) == p


def test_sign_flip_counts_patterns_as_extreme_as_the_one_seen():
    # The eight sums are 6, 4, 2, 0 and their mirror images; the one seen is 2.
    assert sign_flip_p([1, -2, 3]) == 6 / 8


def test_sign_flip_sees_ties_through_rounding():
    # Ten of the sixteen sums of +-0.4 +-0.4 +-0.4 +-0.4 are at least 0.8 away from 0, some only but for rounding.
    assert sign_flip_p([-0.4, -0.4, -0.4, 0.4]) == 10 / 16


def test_sign_flip_refuses_what_it_cannot_enumerate():
    with pytest.raises(ValueError, match="at most 30 seeds, not 31"):
        sign_flip_p(np.ones(31))
    assert sign_flip_p(np.ones(30)) == 2 / 2**30


def test_sign_flip_from_half_sums_is_what_going_over_every_pattern_gives():
    rng = np.random.default_rng(0)
    for seeds in range(1, 12):
        differences = rng.integers(-3, 4, size=seeds) / 10  # with ties
        signs = np.array(list(itertools.product((1, -1), repeat=seeds)))
        sums = np.abs(signs @ differences)
        assert sign_flip_p(differences) == np.mean(sums >= abs(differences.sum()) - 1e-9)


def test_holm_and_benjamini_hochberg_against_the_worked_example():
    p_values = [0.01, 0.04, 0.03, 0.005]
    assert holm(p_values) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert benjamini_hochberg(p_values) == pytest.approx([0.02, 0.04, 0.04, 0.02])


def test_adjusted_p_values_stay_at_most_one():
    assert holm([0.9, 0.8]).max() == 1
    assert benjamini_hochberg([0.9, 1.0]).max() == 1


@pytest.mark.parametrize(
    ("differences", "margin", "word"),
    [
        ((0.01, -0.01, 0.02, -0.02), 1, "equivalent"),
        ((0.10, 0.11, 0.09, 0.10), 1, "different but negligible"),
        ((-2.0, -2.1, -1.9, -2.0), 1, "different"),
        ((2.0, -1.0, 0.5, -1.0), 1, "inconclusive"),
        (DIFFERENCES, 1, "equivalent"),
        (DIFFERENCES, 0.5, "inconclusive"),  # p = .32 against "no difference" is no evidence of equivalence
    ],
)
def test_the_verdict_needs_evidence_either_way(differences, margin, word):
    assert verdict(differences, margin) == word


def test_wilson_intervals_of_small_forget_sets():
    assert wilson_interval(45, 50) == pytest.approx((0.786, 0.957), abs=5e-4)
    assert wilson_interval(0, 100) == pytest.approx((0, 0.037), abs=5e-4)
    assert wilson_interval(100, 100)[1] == 1


def test_the_interquartile_mean_leaves_out_the_outer_quarters():
    assert interquartile_mean([8, 1, 3, 6, 5, 4, 7, 2]) == 4.5
    assert interquartile_mean([0, 1, 2, 3, 100]) == 2


def test_probability_of_improvement_counts_ties_half():
    assert probability_of_improvement((3, 4, 5), (1, 2, 4)) == pytest.approx(0.8333, abs=5e-5)
    assert probability_of_improvement((1, 1), (1, 1)) == 0.5


def test_friedman_against_the_worked_example():
    statistic, p = friedman([[1, 2, 3], [1, 2, 3], [1, 3, 2], [1, 2, 3]])
    assert statistic == pytest.approx(6.5)
    assert close(p, 0.038774)


def test_friedman_averages_tied_ranks():
    from scipy.stats import friedmanchisquare

    scores = np.array([[1, 1, 2], [3, 1, 2], [2, 2, 2], [1, 2, 2]])
    assert friedman(scores) == pytest.approx(tuple(friedmanchisquare(*scores.T)))
    assert friedman(np.ones((3, 2))) == (0, 1)


@pytest.mark.parametrize(("methods", "quantile"), [(3, 2.344), (5, 2.728), (8, 3.031), (12, 3.268)])
def test_the_critical_difference_uses_the_tabled_quantiles(methods, quantile):
    scale = math.sqrt(methods * (methods + 1) / 6)
    assert critical_difference(methods, scenarios=1) / scale == pytest.approx(quantile, abs=1e-3)


def test_critical_differences_of_few_scenarios():
    assert critical_difference(8, scenarios=5) == pytest.approx(4.70, abs=5e-3)
    assert critical_difference(5, scenarios=10) == pytest.approx(1.929, abs=5e-4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mean_interval([]), "non-empty"),
        (lambda: mean_interval([0.1, math.nan]), "finite"),
        (lambda: mean_interval([0.1, 0.2], level=95), "between 0 and 1"),
        (lambda: gap_interval([1, 2], [1, 2, 3], paired=True), "as many references"),
        (lambda: variance_components([[1, 2]]), "at least 2 each"),
        (lambda: variance_components([1, 2]), "2 or 3 levels"),
        (lambda: tost(DIFFERENCES, 0), "must be positive"),
        (lambda: tost(DIFFERENCES, math.nan), "must be positive"),
        (lambda: holm([0.1, 1.2]), "between 0 and 1"),
        (lambda: wilson_interval(3, 2), "not a fraction"),
        (lambda: wilson_interval(0, 0), "not a fraction"),
        (lambda: friedman([1, 2, 3]), "scenarios by methods"),
    ],
)
def test_impossible_input_is_refused_in_a_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()
