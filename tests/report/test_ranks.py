"""Ranks over scenarios, on scores whose ranks are known."""

import math

import numpy as np
import pandas as pd
import pytest

from supreme.report.rows.labels import parts_of
from supreme.report.rows.per_seed import BLOCK
from supreme.report.statistics import critical_difference, friedman
from supreme.report.statistics.many import average_ranks
from supreme.report.statistics.ranks import block_scores, leaderboard

RANKS = [[1, 2, 3], [1, 2, 3], [1, 3, 2], [1, 2, 3], [1, 2, 3]]


def endpoint(metric, gaps, original, margin=0.02, role="memory", sensitive=True, **labels):
    """The lines of one endpoint of one block, for methods with these mean gaps."""
    block = {"data": "d", "model": "m", "recipe": "r", "scenario": "random", "setting": ""} | labels
    return [
        block
        | {"method": method, "variant": "", "metric": metric, "gap": gap, "endpoint": True, "role": role}
        | {"margin": margin, "sensitive": sensitive}
        for method, gap in {"original": original, "retrain": 0.001, **gaps}.items()
    ]


def block(scores, **labels):
    """A block in which these methods have these scores, which their forget accuracy decides."""
    return [
        *endpoint("accuracy/forget", {method: 0.02 * score for method, score in scores.items()}, 0.16, **labels),
        *endpoint(
            "accuracy/test", dict.fromkeys(scores, 0.0), 0.0, margin=0.01, role="utility", sensitive=False, **labels
        ),
    ]


def table(*parts):
    return pd.DataFrame([line for part in parts for line in part])


def test_a_score_is_the_worst_endpoint_in_units_of_its_margin():
    part = table(
        endpoint("accuracy/forget", {"a": 0.01, "b": -0.03}, 0.16),  # m = min(.02, .25 × .16)
        endpoint("membership/auc", {"a": 0.01, "b": 0.01}, -0.04),  # m = .25 × .04
        endpoint("js_divergence/forget", {"a": 0.001, "b": 0.002}, 0.034, margin=math.nan),  # m = .0085
        endpoint("accuracy/test", {"a": 0.001, "b": -0.004}, 0.0, margin=0.01, role="utility", sensitive=False),
    )
    scores, reason = block_scores(part)
    assert reason == ""
    assert scores == pytest.approx({"a": 1.0, "b": 1.5})
    stricter, _ = block_scores(part, most_left=0.1)
    assert stricter == pytest.approx({"a": 2.5, "b": 2.5})


def test_a_memory_endpoint_that_is_not_sensitive_is_left_out_for_all():
    part = table(
        endpoint("accuracy/forget", {"a": 0.01, "b": 0.02}, 0.16),
        endpoint("membership/auc", {"a": 0.5, "b": 0.0}, 0.01, sensitive=False),
    )
    assert block_scores(part)[0] == pytest.approx({"a": 0.5, "b": 1.0})


def test_a_block_without_a_sensitive_endpoint_is_not_ranked():
    part = table(
        endpoint("accuracy/forget", {"a": 0.01}, 0.01, sensitive=False),
        endpoint("accuracy/test", {"a": 0.0}, 0.0, role="utility", sensitive=False),
    )
    scores, reason = block_scores(part)
    assert (scores, reason) == ({}, "no memory endpoint tells the original from the reference")
    found = leaderboard(part)
    assert found.empty
    assert found.attrs["notes"][0].startswith("d · m · r · random is not ranked: no memory endpoint")


def test_metrics_that_are_no_endpoints_do_not_count_nor_do_the_anchors():
    lines = endpoint("js_divergence/test", {"a": 99.0}, 0.1)
    part = table(block({"a": 0.5}), [line | {"endpoint": False} for line in lines])
    assert block_scores(part)[0] == pytest.approx({"a": 0.5})


def test_a_method_without_a_contrast_on_an_endpoint_has_no_score():
    part = table(
        endpoint("accuracy/forget", {"a": 0.01, "b": math.nan}, 0.16),
        endpoint("membership/auc", {"a": 0.01}, 0.16),
    )
    scores, _ = block_scores(part)
    assert scores["a"] == pytest.approx(0.5)
    assert math.isnan(scores["b"])


def test_the_worked_example_of_five_units():
    units = [block(dict(zip("abc", ranks, strict=True)), data=f"d{unit}") for unit, ranks in enumerate(RANKS)]
    found = leaderboard(table(*units))
    assert found["method"].tolist() == ["a", "b", "c"]
    assert found["mean_rank"].tolist() == pytest.approx([1, 2.2, 2.8])
    assert found["lowest_rank"].tolist() == [1, 2, 2]
    assert found["highest_rank"].tolist() == [1, 3, 3]
    told = found.attrs
    assert (told["chi_square"], told["p"]) == pytest.approx((8.4, 0.0150), abs=5e-5)
    assert told["critical_difference"] == pytest.approx(1.482, abs=5e-4)
    differences = np.abs(np.subtract.outer(*[found["mean_rank"].to_numpy()] * 2)) > told["critical_difference"]
    assert (differences[0, 2], differences[0, 1], differences[1, 2]) == (True, False, False)
    assert "closer than 1.48" in told["notes"][-1]
    assert found[told["units"]].to_numpy().tolist() == pytest.approx(np.array(RANKS).T)


def test_critical_differences_and_the_test_are_those_of_the_tables():
    assert critical_difference(3, scenarios=5) == pytest.approx(1.482, abs=5e-4)
    assert critical_difference(5, scenarios=10) == pytest.approx(1.929, abs=5e-4)
    assert friedman(RANKS) == pytest.approx((8.4, 0.0150), abs=5e-5)


def test_tied_scores_have_the_mean_of_their_ranks():
    assert average_ranks([[0.5, 0.5, 0.1], [1, 1, 1]]).tolist() == [[2.5, 2.5, 1], [2, 2, 2]]
    found = leaderboard(table(block({"a": 1, "b": 1}, data="x"), block({"a": 1, "b": 2}, data="y")))
    assert found["mean_rank"].tolist() == [1.25, 1.75]


def test_scores_that_differ_by_rounding_alone_are_tied():
    found = leaderboard(table(block({"a": 0.3, "b": 0.1 + 0.2}, data="x"), block({"a": 1, "b": 2}, data="y")))
    assert found["mean_rank"].tolist() == [1.25, 1.75]


def test_targets_amounts_and_recipes_are_averaged_before_units_are_ranked():
    found = leaderboard(
        table(
            block({"a": 1, "b": 2}, scenario="full_class"),
            block({"a": 4, "b": 2}, scenario="full_class", setting="scenario.target=10"),
            block({"a": 4, "b": 2}, scenario="full_class", recipe="other", setting="recipe.epochs=1"),
            block({"a": 1, "b": 2}),
            block({"a": 9, "b": 1}, scenario="full_class, mean of targets 0, 10"),
        )
    )
    assert found.attrs["units"] == ["d · m · full_class", "d · m · random"]
    assert found.set_index("method")["d · m · full_class"].to_dict() == pytest.approx({"a": 3, "b": 2})
    assert found["mean_rank"].tolist() == [1.5, 1.5]
    assert found.attrs["p"] is None
    assert found.attrs["critical_difference"] is None
    assert found.attrs["notes"] == ["2 units are too few for a test (at least 5): no method is named the best."]


def test_values_of_data_and_model_make_units_of_their_own():
    found = leaderboard(
        table(block({"a": 1, "b": 2}), block({"a": 1, "b": 2}, setting="model.width=8, recipe.epochs=1"))
    )
    assert found.attrs["units"] == ["d · m · random", "d · m · random · model.width=8"]
    assert parts_of('recipe.a="x, y", no model.b') == ['recipe.a="x, y"', "no model.b"]
    assert parts_of("") == []


def test_a_method_that_lacks_a_score_somewhere_is_named_and_not_ranked():
    found = leaderboard(table(block({"a": 1, "b": 2, "c": 3}, data="x"), block({"a": 1, "b": 2}, data="y")))
    assert found["method"].tolist() == ["a", "b"]
    assert "c is not ranked, for it has no score in y · m · r · random." in found.attrs["notes"]


def test_a_method_that_is_excluded_is_named_with_its_reason():
    parts = table(block({"a": 1, "b": 2, "c": 0}, data="x"), block({"a": 1, "b": 2, "c": 0}, data="y"))
    found = leaderboard(parts, excluded={"c": "it is identical to the reference"})
    assert found["method"].tolist() == ["a", "b"]
    assert found["mean_rank"].tolist() == [1, 2]
    assert "c is not ranked: it is identical to the reference." in found.attrs["notes"]


def test_one_unit_gives_scores_and_no_ranks():
    found = leaderboard(table(block({"a": 1, "b": 2})))
    assert found["d · m · random"].tolist() == pytest.approx([1, 2])
    assert found["mean_rank"].isna().all()
    assert found.attrs["notes"] == ["Ranks need at least 2 units and 2 methods that have a score in all of them."]


def test_variants_are_methods_of_their_own():
    lines = block({"a": 1, "b": 2})
    lines += [line | {"variant": "alpha=5", "gap": 0.5 * line["gap"]} for line in lines if line["method"] == "a"]
    assert block_scores(table(lines))[0] == pytest.approx({"a": 1, "b": 2, "a (alpha=5)": 0.5})
    assert set(BLOCK) <= set(table(lines).columns)
