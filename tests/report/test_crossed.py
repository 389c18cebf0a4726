"""The crossed design of training seeds and forget sets, and the words for what a spread contains."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from test_summary import line, nested
from tidy_frames import frame

from supreme.report import variance
from supreme.report.rows.per_seed import with_anchors
from supreme.report.rows.spread import by_block, forget_design, spread_words
from supreme.report.statistics import variance_components
from supreme.report.statistics.crossed import (
    crossed_analysis,
    crossed_error,
    crossed_table,
    infers_over_sets,
)
from supreme.report.statistics.variance_shares import SHARES, variance_note

TABLE = [[2, 3, 4], [3, 5, 7], [4, 7, 10]]
SAME_ROWS = [[1, 5, 9]] * 3


def crossed_frame(table, **labels):
    """Rows of one method `a`: seeds × forget sets, or × unlearning × evaluation draws."""
    table = np.asarray(table, dtype=float)
    table = table.reshape(*table.shape, *(1,) * (4 - table.ndim))
    flat: Any = [
        {(f * 1000 + j, k): float(table[i, f, j, k]) for f, j, k in np.ndindex(*table.shape[1:])}
        for i in range(len(table))
    ]
    rows = frame({"a": flat}, **labels)
    sets = rows["seed_unlearn"] // 1000
    return rows.assign(
        seed_forget=sets, seed_unlearn=rows["seed_unlearn"] % 1000, forget_digest=[f"set {number}" for number in sets]
    )


def own_lines(rows, method="a"):
    lines = with_anchors(rows)
    return lines[lines["method"] == method]


def half_width(error, freedom):
    return stats.t.ppf(0.975, freedom) * error


def test_the_worked_example_of_three_seeds_and_three_sets():
    found = crossed_analysis(TABLE)
    assert found.mean_squares == pytest.approx((12, 12, 1))
    assert found.raw == pytest.approx((11 / 3, 11 / 3, 1))
    assert (found.mean, found.standard_error) == pytest.approx((5, 1.5986), abs=5e-5)
    assert found.degrees_of_freedom == pytest.approx(3.667, abs=5e-4)
    assert half_width(found.standard_error, found.degrees_of_freedom) == pytest.approx(4.602, abs=5e-4)
    assert crossed_error(TABLE) == (found.standard_error, found.degrees_of_freedom)


def test_seeds_that_agree_still_leave_the_spread_between_forget_sets():
    found = crossed_analysis(SAME_ROWS)
    assert found.mean_squares == pytest.approx((0, 48, 0))
    assert (found.standard_error, found.degrees_of_freedom) == pytest.approx((2.3094, 2), abs=5e-5)
    assert half_width(*crossed_error(SAME_ROWS)) == pytest.approx(9.937, abs=5e-4)


def test_the_larger_term_alone_is_the_least_variance():
    # Seeds 0, sets 8, interaction 8: the sum is no larger than that of the sets, whose degrees of freedom count.
    table = np.array([[0, 4, 2], [4, 0, 2], [2, 2, 8]])
    squares = crossed_analysis(table).mean_squares
    assert sum(squares[:2]) - squares[2] < max(squares[:2])
    error, freedom = crossed_error(table)
    assert error == pytest.approx(math.sqrt(max(squares[:2]) / 9))
    assert freedom == 2


def test_the_mean_squares_are_those_of_a_two_way_analysis_by_projection():
    table = np.random.default_rng(0).normal(size=(4, 6))
    seeds, sets = (np.kron(np.eye(4), np.ones((6, 6)) / 6), np.kron(np.ones((4, 4)) / 4, np.eye(6)))
    mean, values = np.ones((24, 24)) / 24, table.ravel()
    parts = (seeds - mean, sets - mean, np.eye(24) - seeds - sets + mean)
    expected = [values @ part @ values / round(np.trace(part)) for part in parts]
    assert crossed_analysis(table).mean_squares == pytest.approx(expected)


def test_without_spread_the_grid_leaves_what_one_step_of_one_value_gives():
    error, freedom = crossed_error(np.ones((4, 3)), grid=0.05)
    assert (error, freedom) == (pytest.approx(0.05 / 12), 2)
    one_step = np.ones((4, 3))
    one_step[0, 0] = 0.95
    assert crossed_error(one_step)[0] == pytest.approx(error)
    assert crossed_error(np.ones((3, 3))) == (0, 2)


def test_the_interval_covers_the_mean_over_seeds_and_sets_where_seeds_alone_do_not():
    rng = np.random.default_rng(0)
    covered, alone = 0, 0
    for _ in range(1000):
        table = rng.normal(size=(5, 1)) + 2 * rng.normal(size=(1, 5)) + 0.5 * rng.normal(size=(5, 5))
        covered += abs(table.mean()) <= half_width(*crossed_error(table))
        by_seed = table.mean(axis=1)
        alone += abs(table.mean()) <= half_width(by_seed.std(ddof=1) / math.sqrt(5), 4)
    assert covered / 1000 > 0.93
    assert alone / 1000 < 0.75


@pytest.mark.parametrize("table", [[1, 2, 3], [[1, 2, 3]], [[1], [2]]])
def test_what_is_no_table_of_two_by_two_is_refused(table):
    with pytest.raises(ValueError, match="at least 2 training seeds by 2 forget sets"):
        crossed_analysis(table)


def test_a_line_whose_seeds_forget_each_of_the_same_sets_is_crossed():
    rows = own_lines(crossed_frame(TABLE))
    table = crossed_table(rows)
    assert table is not None
    assert table.to_numpy().tolist() == TABLE
    assert infers_over_sets(table)
    assert crossed_error(crossed_table(rows, "gap")) == crossed_error(TABLE)


def test_draws_of_unlearning_and_evaluation_are_averaged_within_seed_and_set():
    table = np.random.default_rng(0).normal(size=(3, 4, 2, 2))
    found = crossed_table(own_lines(crossed_frame(table)))
    assert found is not None
    assert found.to_numpy() == pytest.approx(table.mean(axis=(2, 3)))


def test_two_forget_sets_are_crossed_but_say_nothing_of_others():
    table = crossed_table(own_lines(crossed_frame([[1, 2], [3, 4], [5, 7]])))
    assert table is not None
    assert not infers_over_sets(table)
    assert not infers_over_sets(None)


def test_what_is_incomplete_or_holds_a_set_twice_is_not_crossed():
    rows = own_lines(crossed_frame(TABLE))
    assert crossed_table(rows.iloc[1:]) is None
    assert crossed_table(rows.assign(forget_digest="the class")) is None  # as scenario=full_class gives them
    assert crossed_table(rows.assign(forget_digest=[*"abcabd", *"abc"])) is None  # one number, two sets
    assert crossed_table(rows.assign(seed_reference=rows["seed_forget"])) is None
    assert crossed_table(rows.assign(value=rows["value"].where(rows["value"] != 10))) is None
    assert crossed_table(own_lines(frame({"a": [1.0, 2.0, 4.0]}))) is None  # a set of its own for each seed


def test_the_shares_of_a_crossed_design_are_training_forget_set_and_interaction():
    found = line(variance(crossed_frame(TABLE)), "a")
    assert (found["seeds"], found["forget_draws"], found["unlearn_draws"]) == (3, 3, 1)
    assert tuple(found[["raw_train", "raw_forget", "raw_interaction"]]) == pytest.approx((11 / 3, 11 / 3, 1))
    assert tuple(found[list(SHARES)]) == pytest.approx((0.44, 0.44, 0.12, math.nan, math.nan), nan_ok=True)


def test_several_unlearning_draws_are_told_apart_from_the_interaction():
    rng = np.random.default_rng(0)
    shape, sds = (8, 8, 2, 2), ((2.0, [0]), (3.0, [1]), (1.0, [0, 1]), (1.5, [0, 1, 2]), (0.5, [0, 1, 2, 3]))

    def design(number):
        effects = (
            sd * rng.normal(size=[size if place in axes else 1 for place, size in enumerate(shape)]) for sd, axes in sds
        )
        return crossed_frame(sum(effects, np.zeros(shape)), metric=f"score/{number}")

    found = variance(pd.concat([design(number) for number in range(40)])).query("method == 'a'")
    raw = found[[name.replace("share", "raw") for name in SHARES]].mean()
    assert tuple(raw) == pytest.approx((4, 9, 1, 2.25, 0.25), rel=0.25)  # three standard errors


def test_the_nested_design_has_no_share_of_the_forget_set():
    found = line(variance(frame({"a": nested([[1, 3], [5, 7], [9, 11]])})), "a")
    assert tuple(found[list(SHARES)]) == pytest.approx((15 / 17, math.nan, math.nan, 2 / 17, math.nan), nan_ok=True)


def test_numbers_of_forget_sets_that_are_one_set_are_no_draws_of_it():
    assert variance(crossed_frame(TABLE).assign(forget_digest="the class")).empty


def test_the_sd_of_seeds_with_forget_sets_of_their_own_says_so():
    rows = frame({"a": nested([[1, 3], [5, 7], [9, 11]])})
    words = spread_words(rows)
    assert words.sd == "SD between training seeds, each with a forget set of its own"
    assert words.train == "training seed and forget set"
    assert words.not_supported == ""


def test_one_digest_is_one_forget_set_whatever_its_numbers():
    words = spread_words(frame({"a": [1.0, 2.0, 3.0]}).assign(forget_digest="00"))
    assert words.sd == "SD between training seeds, one forget set"
    assert words.train == "training seed"
    assert "nothing is said about other forget sets" in words.not_supported


def test_the_words_of_a_crossed_design_and_of_too_few_sets():
    rows = crossed_frame(TABLE)
    assert spread_words(rows).sd == "SD between training seeds, of means over the same 3 forget sets"
    assert spread_words(rows).not_supported == ""
    for other in (rows.iloc[1:], rows[rows["seed_forget"] < 2]):
        assert forget_design(other) == "these"
        assert spread_words(other).sd.endswith("of means over these forget sets only")
        assert "other forget sets than these" in spread_words(other).not_supported


def test_every_block_has_its_own_words():
    one, own = (frame({"a": [1.0, 2.0]}, scenario=name) for name in ("full_class", "random"))
    both = pd.concat([one.assign(forget_digest="00"), own])
    assert by_block(both, lambda words: words.design) == ["d · m · r · full_class: one", "d · m · r · random: own"]
    assert by_block(own, lambda words: words.design) == ["own"]
    (claim,) = by_block(both, lambda words: words.not_supported)
    assert claim.startswith("d · m · r · full_class: All training seeds forget the same images")


def test_the_note_of_the_variance_names_what_its_shares_are_of():
    lines = variance(crossed_frame(TABLE)).query("method == 'a'").to_dict("records")
    assert variance_note({"forget acc.": lines}, "training seed") == (
        "Variance from training seed / forget set / interaction of both in %, median of the methods: "
        "forget acc. 44 / 44 / 12."
    )
    lines = variance(frame({"a": nested([[1, 3], [5, 7], [9, 11]])})).to_dict("records")
    assert variance_note({"forget acc.": lines}, "training seed and forget set") == (
        "Variance from training seed and forget set / unlearning in %, median of the methods: forget acc. 88 / 12."
    )
    assert variance_note({"forget acc.": []}, "training seed") == ""


@pytest.mark.parametrize("value", [0.1, 0.95, 1 / 3])
def test_rounding_of_a_mean_is_no_variance(value):
    for shape in ((7, 3), (3, 7), (6, 6)):
        assert crossed_analysis(np.full(shape, value)).raw == (0, 0, 0)
        assert variance_components(np.full(shape, value)).intraclass_correlation is None
