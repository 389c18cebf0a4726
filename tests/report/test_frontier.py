"""Frontiers: areas worked out by hand, what is read of a sweep, and what table, file and figure say."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from drawn_texts import drawn_texts, outside, overlapping
from hypothesis import given, settings
from hypothesis import strategies as st
from test_report import row

from supreme.report import frontiers, load, plot_frontier, write
from supreme.report.command import main
from supreme.report.figures.frontier import MOST_TOGETHER, frontier
from supreme.report.figures.frontier_points import frontier_points
from supreme.report.figures.shown import shown
from supreme.report.rows.swept import number_of, swept_texts, swept_values
from supreme.report.statistics.frontier import losses
from supreme.report.statistics.hypervolume import hypervolume, pareto_front
from supreme.report.tables.frontiers import frontier_tables, render_frontiers
from supreme.report.tables.terminal import plain

REFERENCE = {"accuracy/forget": 0.8, "accuracy/test": 0.9}
ORIGINAL = {"accuracy/forget": 1.0, "accuracy/test": 0.9}


def at(method: str, seed: int, forget: float, test: float, /, **fields: Any) -> dict[str, Any]:
    """A row with these accuracies, of a method with these values, which its YAML has not."""
    return row(
        method,
        seed,
        forget,
        config={"method": fields},
        metrics={"accuracy/forget": forget, "accuracy/test": test},
        reference=REFERENCE,
        original=ORIGINAL,
        reasons={},
        changed={f"method.{name}": value for name, value in fields.items() if value != 1},
    )


# Areas.


@pytest.mark.parametrize(
    ("points", "area"),
    [
        ([(0, 0)], 1),
        ([(1, 0)], 0),
        ([(0, 1)], 0),
        ([(0.5, 0.5)], 0.25),
        ([(0.2, 0.5), (0.6, 0.1)], 0.8 * 0.5 + 0.4 * 0.4),  # a stair of two steps
        ([(0.1, 0.6), (0.3, 0.3), (0.8, 0.1)], 0.9 * 0.4 + 0.7 * 0.3 + 0.2 * 0.2),
        ([(0.3, 0.3), (0.3, 0.5), (0.5, 0.3)], 0.49),
        ([(1.7, 0), (0, 2)], 0),
        ([(-0.5, -1)], 1),
    ],
)
def test_the_hypervolume_of_one_to_three_points_is_the_area_of_their_stairs(points: Any, area: float) -> None:
    for order in itertools.permutations(points):
        assert hypervolume(order) == pytest.approx(area, abs=1e-15)


POINTS = st.lists(st.tuples(st.floats(0, 1.2), st.floats(0, 1.2)), min_size=1, max_size=8)


@settings(deadline=None, derandomize=True)
@given(POINTS, st.tuples(st.floats(0, 1.2), st.floats(0, 1.2)))
def test_another_point_never_takes_area_away_and_a_dominated_one_adds_none(
    points: list[tuple[float, float]], more: tuple[float, float]
) -> None:
    area = hypervolume(points)
    assert 0 <= area <= 1
    assert hypervolume([*points, more]) >= area - 1e-12
    worse = (points[0][0] + 0.1, points[0][1] + 0.1)
    assert hypervolume([*points, worse]) == pytest.approx(area, abs=1e-12)
    front = [point for point, on in zip(points, pareto_front(points), strict=True) if on]
    assert hypervolume(front) == pytest.approx(area, abs=1e-12)


def test_the_hypervolume_agrees_with_the_share_of_random_points_that_are_dominated() -> None:
    generator = np.random.default_rng(0)
    points, tried = generator.random((7, 2)), generator.random((200_000, 2))
    share = (points[None] <= tried[:, None]).all(axis=2).any(axis=1).mean()
    assert hypervolume(points) == pytest.approx(share, abs=0.005)


def test_a_pareto_front_keeps_equal_points_and_drops_what_is_beaten_in_one_loss_alone() -> None:
    assert pareto_front([(0, 1), (1, 0), (0, 1), (0.5, 1), (1, 1)]).tolist() == [True, True, True, False, False]


@pytest.mark.parametrize("points", [[], [1, 2], [(1, 2, 3)], [(math.nan, 0)]])
def test_what_is_no_list_of_points_is_refused(points: Any) -> None:
    with pytest.raises(ValueError, match=r"points have two losses each|statistics need"):
        hypervolume(points)


# What is read of a sweep.


def test_rows_tell_the_fields_in_which_those_of_a_method_differ_with_the_plain_one_among_them(saved: Any) -> None:
    rows = [at("ssd", 0, 0.9, 0.9, alpha=value, dampening=1) for value in (1, 5, 10)]
    frame = load(saved(*rows, at("scrub", 0, 0.9, 0.9, lr=1)))
    told = frame.drop_duplicates(["method", "variant"]).set_index(["method", "variant"])["swept"]
    assert told.to_dict() == {
        ("scrub", ""): "",
        ("ssd", ""): "alpha=1",
        ("ssd", "alpha=5"): "alpha=5",
        ("ssd", "alpha=10"): "alpha=10",
    }


def test_swept_texts_are_read_back_and_tell_numbers_from_words() -> None:
    settings: list[Mapping[str, Any]] = [{"a": 1e-5, "b": "x", "c": 1}, {"a": 2.0, "b": "y, z", "c": 1}]
    texts = swept_texts(["m", "m"], settings)
    assert [swept_values(text) for text in texts] == [{"a": "1e-05", "b": "x"}, {"a": "2", "b": '"y, z"'}]
    assert [number_of(value) for value in ("1e-05", "2")] == [1e-5, 2]
    assert math.isnan(number_of("x"))
    assert swept_texts(["m", "n"], settings) == ["", ""]


SWEPT = {1: (0.95, 0.9), 2: (0.9, 0.81), 4: (0.8, 0.45)}
"""By alpha forget and test accuracy: losses (.75, 0), (.5, .1), (0, .5)."""
AREA = 0.25 * 1 + 0.25 * 0.9 + 0.5 * 0.5


def sweep(seeds: Sequence[int] = (0, 1, 2), shift: float = 0.0) -> list[dict[str, Any]]:
    points = [(alpha, seed, *values) for alpha, values in SWEPT.items() for seed in seeds]
    return [at("ssd", seed, forget, test - shift * seed, alpha=alpha) for alpha, seed, forget, test in points]


def line_of(frame: pd.DataFrame, method: str) -> Any:
    found = frontiers(frame)
    return found[found["method"] == method].iloc[0]


def test_losses_are_relative_to_the_original_and_the_reference_of_the_same_seed(saved: Any) -> None:
    found = losses(load(saved(*sweep([0])))).set_index("method")
    values = found.loc[["ssd", "ssd (alpha=2)", "ssd (alpha=4)"], ["forgetting", "utility"]].to_numpy()
    assert values == pytest.approx(np.array([(0.75, 0), (0.5, 0.1), (0, 0.5)]), abs=1e-12)


def test_a_frontier_has_the_mean_hypervolume_of_training_seeds_with_its_t_interval(saved: Any) -> None:
    line = line_of(load(saved(*sweep())), "ssd")
    assert (line["field"], line["values"], line["seeds"], line["undefined"], line["missing"]) == ("alpha", 3, 3, 0, 0)
    assert line["hypervolume"] == pytest.approx(AREA)
    assert (line["low"], line["high"]) == pytest.approx((AREA, AREA))
    two = line_of(load(saved(*sweep((0, 1), shift=0.09))), "ssd")  # of seed 1 a tenth of utility is lost more
    other = 0.25 * 0.9 + 0.25 * 0.8 + 0.5 * 0.4
    half = 12.706204736 * abs(AREA - other) / 2  # t of df 1, SD over sqrt(2)
    assert two["hypervolume"] == pytest.approx((AREA + other) / 2)
    assert (two["low"], two["high"]) == pytest.approx((max(0, (AREA + other) / 2 - half), 1))


def test_doing_nothing_and_destroying_the_model_are_worth_nothing_and_retraining_is_worth_all(saved: Any) -> None:
    others = [
        *(at("finetune", 0, 1.0, 0.95, lr=value) for value in (1, 2, 3)),
        *(at("neggrad", 0, 0.8, 0.0, lr=value) for value in (1, 2, 3)),
        at("retrain", 0, 0.8, 0.9),
        at("original", 0, 1.0, 0.9),
    ]
    found = frontiers(load(saved(*sweep([0]), *others))).set_index("method")["hypervolume"]
    assert found.to_dict() == pytest.approx({"retrain": 1.0, "ssd": AREA, "finetune": 0.0, "neggrad": 0.0})
    assert list(found.index)[:2] == ["retrain", "ssd"]


def test_seeds_without_a_distance_are_counted_and_points_that_some_seeds_lack_too(saved: Any) -> None:
    equal = [content | {"original": REFERENCE} for content in sweep([3])]
    line = line_of(load(saved(*sweep([0]), *sweep([1])[:2], *equal)), "ssd")
    assert (line["seeds"], line["undefined"], line["missing"]) == (2, 1, 1)
    nowhere = line_of(load(saved(*equal)), "ssd")
    assert math.isnan(nowhere["hypervolume"])
    (table,) = frontier_tables(load(saved(*equal)))
    assert list(table.lines[0]) == ["ssd", "alpha", "3", "n/a", ""]
    assert "Left out: 1 training seed whose original" in " ".join(table.notes)


def test_draws_within_a_training_seed_are_averaged_before_the_area_is_taken(saved: Any) -> None:
    seeds = {"forget": 0, "reference": 0, "evaluate": 0}
    draws = []
    for alpha, (forget, test) in SWEPT.items():
        for draw, shift in ((0, -0.02), (1, 0.02)):
            content = at("ssd", 0, forget + shift, test, alpha=alpha)
            draws.append(content | {"seeds": seeds | {"unlearn": draw}, "cell": f"ssd-0-{alpha}{draw}"})
    assert line_of(load(saved(*draws)), "ssd")["hypervolume"] == pytest.approx(AREA)


@pytest.mark.parametrize(
    "rows",
    [
        [at("ssd", 0, 0.9, 0.9, alpha=1), at("ssd", 0, 0.9, 0.9, alpha=2)],
        [at("ssd", 0, 0.9, 0.9, alpha=1, lr=value) for value in (1,)],
        [at("ssd", 0, 0.9, 0.9, compat=value) for value in ("paper", "reference", "other")],
        [at("ssd", 0, 0.9, 0.9, alpha=value, lr=value) for value in (1, 2, 3)],
        [row("ssd", 0, config={"method": {"alpha": value}}, changed={"method.alpha": value}) for value in (1, 2, 3)],
    ],
    ids=["two values", "one", "words", "two fields", "no utility"],
)
def test_a_sweep_without_three_numbers_of_one_field_has_no_frontier(saved: Any, rows: list[dict[str, Any]]) -> None:
    frame = load(saved(*rows))
    assert frontiers(frame).empty
    assert frontier(shown(frame, None)) is None


def test_a_method_swept_over_two_fields_beside_a_frontier_is_in_the_table_and_not_joined(saved: Any) -> None:
    both = [at("jit", 0, 0.9, 0.9, lr=lr, sigma=sigma) for lr, sigma in ((1, 1), (2, 1), (1, 2))]
    frame = load(saved(*sweep([0]), *both))
    assert (line_of(frame, "jit")["field"], line_of(frame, "jit")["values"]) == ("", 3)
    points = frontier_points(shown(frame, None), "accuracy/test").set_index("family")["joined"]
    assert not points["jit"].any()
    assert points["ssd"].all()


# Table, file and figure.


def test_table_markdown_and_csv_have_the_same_numbers_and_only_where_there_is_a_frontier(
    saved: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    directory: Path = saved(*sweep(), at("retrain", 0, 0.8, 0.9))
    assert main([str(directory)]) == 0
    told = capsys.readouterr().out
    assert "frontier · digits · small_cnn · digits-small_cnn · random" in told
    assert f"{AREA:.3f}" in told
    assert "retrain (noise floor)" in told
    written = {path.name: path for path in write(directory)}
    assert f"| ssd | alpha | 3 | {AREA:.3f} | [{AREA:.3f}, {AREA:.3f}] |" in written["table.md"].read_text()
    table = pd.read_csv(written["frontier.csv"])
    assert table.set_index("method").loc["ssd", "hypervolume"] == pytest.approx(AREA, abs=1e-15)
    none = saved(at("ssd", 0, 0.9, 0.9))
    assert "frontier.csv" not in {path.name for path in write(none)}
    assert render_frontiers(load(none)) == []


def test_a_table_fits_eighty_columns(saved: Any) -> None:
    text = plain(render_frontiers(load(saved(*sweep()))), 80)
    assert max(map(len, text.splitlines())) <= 80


def test_the_front_is_that_of_all_methods_without_those_that_they_are_compared_with(saved: Any) -> None:
    better = [at("scrub", 0, forget, 0.9, lr=lr) for lr, forget in ((1, 1.0), (2, 0.9), (3, 0.8))]
    points = frontier_points(
        shown(load(saved(*sweep([0]), *better, at("retrain", 0, 0.8, 0.95))), None), "accuracy/test"
    )
    assert list(points.loc[points["front"], "method"]) == ["scrub (lr=3)"]


LONG = "a_method_of_forty_characters_in_all_or_so"


@pytest.mark.parametrize("count", [1, 3, MOST_TOGETHER, MOST_TOGETHER + 1, 52])
def test_no_text_of_the_figure_leaves_it_or_is_printed_over_another(saved: Any, count: int) -> None:
    rows = [
        at(f"{LONG}_{number:02}" if count > 3 else f"ssd_{number}", seed, 0.8 + 0.02 * value, 0.9 / value, alpha=value)
        for number in range(count)
        for seed in (0, 1)
        for value in (1, 2, 3)
    ]
    directory = saved(*rows, at("retrain", 0, 0.8, 0.9))
    spec = frontier(shown(load(directory), None))
    assert spec is not None
    width, height, texts = drawn_texts(spec)
    assert width <= 380
    assert outside(width, height, texts) == []
    assert overlapping(texts) == []
    assert not {"NaN", "null", "undefined", "Infinity"} & {text.text for text in texts}
    chart = plot_frontier(load(directory)).to_dict()
    assert "2 training seeds" in " ".join(chart["title"]["text"])
    assert ("facet" in chart) == (count > MOST_TOGETHER)
