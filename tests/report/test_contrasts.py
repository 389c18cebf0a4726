"""What one endpoint shows: known values, most of which can be had with a pocket calculator and a table of t."""

from __future__ import annotations

import math

import numpy as np
import pytest

from supreme.report.statistics.contrasts import (
    Contrast,
    contrast,
    is_sensitive,
    p_equivalent,
    p_removed,
    share_removed,
    verdict_of,
)

IMAGES_20 = 1 / 20


def of(*values: float, grid: float = 0.0) -> Contrast:
    found = contrast(values, grid)
    assert found is not None
    return found


def shown(method: Contrast, original: Contrast | None = None, margin: float | None = 0.02, memory: bool = True) -> str:
    return verdict_of(method, p_equivalent(method, original, margin, 0.25, memory))


def test_one_seed_has_no_contrast_and_two_have_an_interval_but_no_letter() -> None:
    assert contrast([0.1]) is None
    both = of(-0.05, -0.05, grid=IMAGES_20)
    assert both.interval() == pytest.approx((-0.3677, 0.2677), abs=5e-5)
    assert shown(both, of(0.1, 0.2)) == ""
    assert math.isnan(p_equivalent(both, of(0.1, 0.2), 0.02, 0.25, memory=True))
    assert shown(of(0.0, 0.0, grid=IMAGES_20), memory=False) == ""
    assert shown(of(0.0005, 0.0005, grid=1 / 2000), margin=0.01, memory=False) == ""


def test_seeds_that_agree_on_a_grid_have_the_least_variance_above_zero_that_the_grid_allows() -> None:
    three, four = (of(*[-0.05] * seeds, grid=IMAGES_20) for seeds in (3, 4))
    assert three.p == pytest.approx(0.0955, abs=5e-5)
    assert three.interval() == pytest.approx((-0.1217, 0.0217), abs=5e-5)
    assert shown(three, of(0.9, 0.9, 0.9, grid=IMAGES_20)) == "inconclusive"
    assert four.p == pytest.approx(0.0280, abs=5e-5)
    assert four.interval() == pytest.approx((-0.0898, -0.0102), abs=5e-5)
    assert shown(four, of(*[0.9] * 4, grid=IMAGES_20)) == "different"
    assert shown(of(*[0.0] * 5, grid=IMAGES_20), memory=False) == "equal"


@pytest.mark.parametrize(("seeds", "half", "p"), [(5, 0.0213, 0.0581), (6, 0.0168, 0.0308), (10, 0.0092, 0.0016)])
def test_equal_in_every_seed_is_no_equivalence_until_there_are_enough_seeds(seeds: int, half: float, p: float) -> None:
    same = of(*[0.0] * seeds, grid=IMAGES_20)
    assert same.interval(0.9)[1] == pytest.approx(half, abs=5e-5)
    assert p_equivalent(same, None, 0.02, 0.25, memory=False) == pytest.approx(p, abs=5e-5)


def test_what_lies_on_no_grid_and_is_equal_in_every_seed_shows_nothing() -> None:
    same = of(0, 0, 0, 0, 0)
    assert p_equivalent(same, of(0.16, 0.18, 0.15, 0.17, 0.14), 0.02, 0.25, memory=True) == 1
    assert same.p == 1
    assert verdict_of(of(0.1, 0.1, 0.1), 1.0) == "inconclusive"


AUC = of(0.16, 0.18, 0.15, 0.17, 0.14)


def test_equivalence_on_a_memory_endpoint_takes_a_small_gap_and_most_of_the_originals_gap_gone() -> None:
    near = of(0.01, -0.02, 0.02, 0, -0.01)
    assert near.p_within(0.02) == pytest.approx(0.0237, abs=5e-5)
    assert p_removed(near, AUC, 0.25) == pytest.approx(0.0037, abs=5e-5)
    assert shown(near, AUC) == "equivalent"
    left = of(0.03, 0.02, 0.04, 0.03, 0.03)
    assert left.p_within(0.02) == pytest.approx(0.983, abs=5e-4)
    assert shown(left, AUC) == "different"
    assert left.p_within(0.04) == pytest.approx(0.0171, abs=5e-5)
    assert p_removed(left, AUC, 0.25) == pytest.approx(0.0462, abs=5e-5)
    assert shown(left, AUC, margin=0.04) == "different but negligible"


def test_a_wide_margin_does_not_excuse_a_method_that_leaves_half_of_the_gap() -> None:
    original = of(0.05, 0, 0.10, 0.05, 0.05, 0, 0.05, 0.10, 0.05, 0.05, grid=IMAGES_20)
    half = of(0.05, 0, 0.05, 0, 0.05, 0, 0, 0.05, 0.05, 0, grid=IMAGES_20)
    assert half.p_within(0.0607) == pytest.approx(0.001, abs=5e-4)
    assert p_removed(half, original, 0.25) == pytest.approx(0.947, abs=5e-4)
    assert shown(half, original, margin=0.0607) == "different"


def test_where_the_original_lies_within_the_margin_closeness_shows_nothing() -> None:
    original = of(0.01, 0.02, 0.015, 0.01, 0.02)
    assert not is_sensitive(original, 0.02)
    assert is_sensitive(original, 0.0149)
    assert p_equivalent(of(0.001, -0.001, 0, 0.001, 0), original, 0.02, 0.25, memory=True) == 1
    assert not is_sensitive(of(0.05, -0.03, 0.04, 0), None)


def test_an_original_that_lies_beyond_its_margin_by_rounding_alone_is_not_sensitive() -> None:
    original = of(0.1 + 0.2, 0.29, 0.31)
    assert original.mean > 0.3
    assert not is_sensitive(original, 0.3)
    assert is_sensitive(original, 0.2999)


def test_untouched_originals_are_never_equivalent_however_many_seeds_and_however_wide_the_margin() -> None:
    reference = np.array([0.95, 0.85, 1, 0.8, 0.95, 1, 0.9, 1, 1, 0.9])
    original = of(*(1 - reference), grid=IMAGES_20)
    assert original.mean == pytest.approx(0.065)
    assert original.interval() == pytest.approx((0.0143, 0.1157), abs=5e-5)
    assert original.p == pytest.approx(0.0176, abs=5e-5)
    assert shown(original, original) == "different"
    share = share_removed(original, original)
    assert share is not None
    assert share.value == 0
    many = of(*np.tile(1 - reference, 100), grid=IMAGES_20)
    for margin in (0.02, 0.05, 0.064, None):
        assert p_removed(many, many, 0.25) > 0.5
        assert shown(many, many, margin) == "different"


def test_a_distance_is_judged_by_how_much_of_the_originals_is_gone() -> None:
    floor = np.array([0.020, 0.030, 0.025, 0.025])
    original = of(*(np.array([0.052, 0.066, 0.056, 0.062]) - floor))
    assert original.mean == pytest.approx(0.0340)
    assert original.interval() == pytest.approx((0.0293, 0.0387), abs=5e-5)
    assert shown(original, original, None) == "different"
    method = of(*(np.array([0.050, 0.056, 0.050, 0.060]) - floor))
    assert method.interval() == pytest.approx((0.0218, 0.0362), abs=5e-5)
    assert method.p == pytest.approx(0.00104, abs=5e-6)
    assert shown(method, original, None) == "different"
    share = share_removed(method, original)
    assert share is not None
    assert (share.value, share.low, share.high) == pytest.approx((0.147, -0.033, 0.327), abs=5e-4)
    again = of(*(np.array([0.024, 0.026, 0.022, 0.029]) - floor))
    assert again.interval() == pytest.approx((-0.0067, 0.0072), abs=5e-5)
    assert again.p == pytest.approx(0.916, abs=5e-4)
    assert p_removed(again, original, 0.25) == pytest.approx(0.0158, abs=5e-5)
    assert shown(again, original, None) == "equivalent"
    share = share_removed(again, original)
    assert share is not None
    assert (share.value, share.low, share.high) == pytest.approx((0.993, 0.791, 1.202), abs=5e-4)
    nearer = of(*(np.array([0.010, 0.014, 0.011, 0.013]) - floor))
    assert nearer.interval() == pytest.approx((-0.0171, -0.0089), abs=5e-5)
    assert nearer.p == pytest.approx(0.0021, abs=5e-5)
    assert shown(nearer, original, None) == "different"


@pytest.mark.parametrize(
    ("method", "original", "grid", "wanted"),
    [
        ((0.02, 0.04, 0.03, 0.03), (0.10, 0.12, 0.09, 0.09), 0.0, (0.700, 0.593, 0.811)),
        ((0, 0, 0.05), (1, 1, 1), IMAGES_20, (0.983, 0.912, 1.055)),
        ((0, 0, 0), (1, 1, 1), IMAGES_20, (1.0, 0.928, 1.072)),
    ],
)
def test_the_share_removed_is_a_ratio_of_means_with_fiellers_interval(
    method: tuple[float, ...], original: tuple[float, ...], grid: float, wanted: tuple[float, ...]
) -> None:
    found = share_removed(of(*method, grid=grid), of(*original, grid=grid))
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx(wanted, abs=5e-4)


def test_there_is_no_share_where_the_original_is_not_told_apart_or_seeds_are_few() -> None:
    original = of(0.05, -0.03, 0.04, 0)
    assert original.interval() == pytest.approx((-0.0438, 0.0738), abs=5e-5)
    assert share_removed(of(0, 0, 0.01, 0), original) is None
    assert share_removed(of(0.01, 0.02), of(0.5, 0.6)) is None


def test_the_ninety_per_cent_interval_of_the_share_lies_within_the_bounds_exactly_where_the_tests_accept() -> None:
    generator = np.random.default_rng(0)
    met = set()
    for _ in range(300):
        b = 0.1 + 0.02 * generator.standard_normal(6)
        a = generator.uniform(-0.05, 0.05) + 0.02 * generator.standard_normal(6)
        share = share_removed(of(*a), of(*b), level=0.9)
        if share is not None:
            accepted = p_removed(of(*a), of(*b), 0.25) < 0.05
            assert accepted == (share.low > 0.75 and share.high < 1.25)
            met.add(accepted)
    assert met == {True, False}


def test_in_a_crossed_design_forget_sets_count_as_seeds_do() -> None:
    found = contrast([[2, 3, 4], [3, 5, 7], [4, 7, 10]], crossed=True)
    assert found is not None
    assert found.standard_error == pytest.approx(1.5986, abs=5e-5)
    assert (found.interval()[1] - found.interval()[0]) / 2 == pytest.approx(4.602, abs=5e-4)
    alone = contrast([[2, 3, 4], [3, 5, 7], [4, 7, 10]])
    assert alone is not None
    assert alone.standard_error == pytest.approx(1.1547, abs=5e-5)
