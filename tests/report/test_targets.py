"""The mean over class targets, on values whose means are known."""

import math

import pandas as pd
import pytest

from supreme.report.rows.load import COLUMNS
from supreme.report.rows.per_seed import LINE, per_seed
from supreme.report.statistics import mean_interval
from supreme.report.statistics.targets import by_target, is_target_mean, target_means, value_in

ONE, TEN = (0.02, 0.04, 0.03), (0.00, 0.02, 0.04)


def rows(target, gaps, method="scrub", **labels):
    """A row for each training seed, whose gap in forget accuracy is given; target 1 is what the YAML has."""
    values = dict.fromkeys(COLUMNS, "") | {
        "data": "d", "model": "m", "recipe": "r", "scenario": "full_class", "method": method, "protocol": "fixed",
        "setting": "" if str(target) == "1" else f"scenario.target={target}", "scenario_values": f"target={target}",
        "seed_reference": 0, "seed_unlearn": 0, "seed_evaluate": 0, "forget_size": 20, "older": 0,
        "metric": "accuracy/forget", "images": 20.0, "reference": 0.0, "original": 1.0,
    }  # fmt: skip
    lines = [
        values | {"cell": f"{method}-{target}-{seed}", "seed": seed, "seed_forget": seed, "value": gap} | labels
        for seed, gap in enumerate(gaps)
        if gap is not None
    ]
    return pd.DataFrame(lines, columns=list(COLUMNS))


def of(table, method="scrub"):
    return table[table["method"] == method]


def test_each_seeds_gap_is_its_mean_over_targets_and_the_seeds_are_the_sample():
    found = target_means(pd.concat([rows(1, ONE), rows(10, TEN)]))
    own = of(found.lines)
    assert own["scenario"].unique().tolist() == ["full_class, mean of targets 1, 10"]
    assert own["setting"].unique().tolist() == [""]
    assert own["gap"].tolist() == pytest.approx([0.01, 0.03, 0.035])
    interval = mean_interval(own["gap"])
    assert interval is not None
    assert (interval.mean, interval.low, interval.high) == pytest.approx((0.025, -0.0079, 0.0579), abs=5e-5)
    assert interval.degrees_of_freedom == 2
    pooled = mean_interval([*ONE, *TEN])
    assert pooled is not None
    assert (pooled.low, pooled.high) == pytest.approx((0.0091, 0.0409), abs=5e-5)


def test_a_seed_that_lacks_a_target_is_left_out_and_named():
    found = target_means(pd.concat([rows(1, ONE), rows(10, TEN[:2])]))
    own = of(found.lines)
    assert own["seed"].tolist() == [0, 1]
    (notes,) = found.notes.values()
    assert notes[0] == "Each seed's value is its mean over targets 1, 10; nothing is said of other classes."
    assert "scrub: seed 2 left out, without target 10." in notes


def test_a_method_of_one_target_has_no_seed_in_the_mean():
    found = target_means(pd.concat([rows(1, ONE), rows(10, TEN), rows(1, ONE, "ssd")]))
    assert of(found.lines, "ssd").empty
    (notes,) = found.notes.values()
    assert "ssd: seeds 0, 1, 2 left out, without target 10." in notes


def test_one_target_has_no_mean_and_neither_have_blocks_that_differ_in_more():
    for frame in (
        rows(1, ONE),
        pd.concat([rows(1, ONE), rows(10, TEN, recipe="other")]),
        pd.concat([rows(1, ONE), rows(10, TEN, scenario_values="target=10, size=2")]),
        rows(1, ONE, scenario="random", scenario_values="fraction=0.1"),
    ):
        found = target_means(frame)
        assert found.lines.empty
        assert found.rows.empty
        assert found.notes == {}
        assert list(found.lines.columns) == [*per_seed(frame).columns, "grid"]
        assert found.lines.dtypes.to_dict() == {**per_seed(frame).dtypes, "grid": "float64"}


def test_the_other_settings_stay_in_the_name_of_the_block():
    rest = {"recipe": "other", "setting": "recipe.epochs=1"}
    both = [rows(1, ONE, **rest), rows(10, TEN, **rest | {"setting": "recipe.epochs=1, scenario.target=10"})]
    found = target_means(pd.concat([rows(1, ONE), rows(10, TEN), *both]))
    assert sorted(set(of(found.lines)["setting"])) == ["", "recipe.epochs=1"]


def test_the_reference_and_the_original_have_means_too_and_values_that_are_not_there_stay_so():
    gone = rows(10, (math.nan, 0.02, 0.04))
    found = target_means(pd.concat([rows(1, ONE), gone.assign(reason=["undefined", "", ""])]))
    own = of(found.lines)
    assert math.isnan(own["gap"].iloc[0])
    assert own["reason"].iloc[0] == "undefined"
    assert own["defined"].tolist() == [0, 2, 2]
    assert own["draws"].tolist() == [2, 2, 2]
    assert of(found.lines, "original")["value"].tolist() == [1, 1, 1]
    assert len(of(found.lines, "reference")) == 3


def test_the_images_are_those_of_the_smallest_target():
    found = target_means(pd.concat([rows(1, ONE), rows(10, TEN, images=18.0)]))
    assert set(found.lines["images"]) == {18}


def test_the_grid_of_a_mean_is_that_of_the_smallest_target_over_their_number():
    shares = (0.0, 0.05, 0.10), (0.0, 0.04, 0.08)
    same = target_means(pd.concat([rows(1, shares[0]), rows(10, shares[0])])).lines
    assert set(same["grid"]) == {0.025}
    unlike = target_means(pd.concat([rows(1, shares[0]), rows(10, shares[1], images=25.0)])).lines
    assert set(unlike["grid"]) == {0.025}
    none = target_means(pd.concat([rows(1, shares[0]), rows(10, (0.013, 0.05, 0.1))])).lines
    assert set(of(none)["grid"]) == {0.0}
    nameless = target_means(
        pd.concat([rows(1, shares[0], images=math.nan), rows(10, shares[0], images=math.nan)])
    ).lines
    assert set(nameless["grid"]) == {0.0}


def test_the_target_that_is_farthest_away_is_named():
    found = target_means(pd.concat([rows(1, ONE), rows(10, TEN), rows(2, (-0.05, -0.04, -0.06))]))
    (own,) = of(found.farthest).to_dict("records")
    assert (own["target"], own["gap"]) == ("2", pytest.approx(-0.05))
    assert list(found.farthest.columns) == [*LINE, "target", "gap"]
    assert own["scenario"] == "full_class, mean of targets 1, 2, 10"


def test_the_rows_of_the_block_are_those_of_its_targets():
    frame = pd.concat([rows(1, ONE), rows(10, TEN), rows(1, ONE, scenario="random", scenario_values="")])
    found = target_means(frame)
    assert len(found.rows) == 6
    assert set(found.rows["scenario"]) == {"full_class, mean of targets 1, 10"}
    assert list(found.rows.columns) == list(frame.columns)


def test_names_of_means_are_known():
    assert is_target_mean("full_class, mean of targets 1, 10")
    assert not is_target_mean("full_class")
    assert (value_in("target", "target=rocket, size=2"), value_in("target", "fraction=0.1")) == ("rocket", "")


def test_seeds_by_targets_are_those_with_every_target():
    lines = pd.DataFrame(
        {"seed": [0, 0, 1, 1, 2], "target": ["1", "2", "1", "2", "1"], "gap": [1.0, 2, 3, math.nan, 5]}
    )
    table = by_target(lines, "gap")
    assert table.index.tolist() == [0]
    assert table.to_numpy().tolist() == [[1, 2]]
