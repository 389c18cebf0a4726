"""What the summary says of each line, on values whose answers are known."""

import math

import numpy as np
import pandas as pd
import pytest

from supreme.report import Endpoint, gaps, summary, variance
from supreme.report.rows.load import COLUMNS
from supreme.report.statistics import benjamini_hochberg, holm

DIFFERENCES = (0.2, -0.4, 0.6, 0.1, 0.5)
METRIC = "score/forget"


def frame(values, metric=METRIC, images=math.nan, **labels):
    """The frame of {method: values by training seed}; a value is a number, a (value, reference), or {draws: value}."""
    lines = []
    for method, seeds in values.items():
        for seed, value in enumerate(seeds):
            for (unlearn, evaluate), own in (value if isinstance(value, dict) else {(0, 0): value}).items():
                own, reference = own if isinstance(own, tuple) else (own, 0.0)
                line = {
                    "cell": f"{method}-{seed}-{unlearn}-{evaluate}",
                    "data": "d",
                    "model": "m",
                    "recipe": "r",
                    "scenario": "s",
                    "setting": "",
                    "method": method,
                    "variant": "",
                    "seed": seed,
                    "seed_forget": seed,
                    "seed_reference": 0,
                    "seed_unlearn": unlearn,
                    "seed_evaluate": evaluate,
                    "forget_size": 20,
                    "notes": "",
                    "protocol": "fixed",
                    "scenario_values": "",
                    "preset": "",
                    "tuned_on": "",
                    "tuned_seeds": "",
                    "code": "",
                    "versions": "",
                    "older": 0,
                    "twins": "none",
                    "metric": metric,
                    "images": images,
                    "warning": "",
                    "value": own,
                    "reference": reference,
                    "original": 1.0,
                    "reason": "",
                    "reason_reference": "",
                    "reason_original": "",
                }
                lines.append(line | labels)
    return pd.DataFrame(lines)[list(COLUMNS)]


def line(table, method, metric=METRIC):
    found = table[(table["method"] == method) & (table["metric"] == metric)]
    assert len(found) == 1
    return found.iloc[0]


@pytest.mark.parametrize(
    ("margin", "p_tost", "verdict"), [(1, 0.005234, "equivalent"), (0.5, 0.081804, "inconclusive")]
)
def test_a_line_has_the_published_p_values_of_its_gaps(margin, p_tost, verdict):
    found = line(summary(frame({"a": DIFFERENCES}), endpoints={METRIC: Endpoint(margin)}), "a")
    assert found["p"] == pytest.approx(0.319430, abs=1e-6)
    assert found["p_tost"] == pytest.approx(p_tost, abs=1e-6)
    assert found["delta_star"] == pytest.approx(0.575350, abs=1e-6)
    assert (found["verdict"], found["margin"]) == (verdict, margin)


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ((2.0, 2.1, 1.9), "different"),
        ((0.10, 0.11, 0.09), "different but negligible"),
        ((2.0, -1.0, 0.5), "inconclusive"),
    ],
)
def test_the_verdict_is_one_of_the_four_words(values, verdict):
    assert line(summary(frame({"a": values}), endpoints={METRIC: Endpoint(1)}), "a")["verdict"] == verdict


def test_there_is_no_verdict_without_a_margin_a_second_seed_or_another_model():
    endpoints = {METRIC: Endpoint(1)}
    assert line(summary(frame({"a": DIFFERENCES})), "a")["verdict"] == ""
    assert line(summary(frame({"a": [0.1]}), endpoints=endpoints), "a")["verdict"] == ""
    reference = line(summary(frame({"a": DIFFERENCES}), endpoints=endpoints), "reference")
    assert (reference["verdict"], reference["adjustment"], reference["best"]) == ("", "", False)
    assert reference["margin"] == 1
    assert all(np.isnan(reference[name]) for name in ("p", "p_sign_flip", "p_tost", "delta_star", "worst_seed"))


def test_the_margin_of_forget_accuracy_grows_to_the_spread_of_the_reference():
    values = {"a": [(0.9, 0.90), (0.9, 0.80), (0.9, 0.70)]}
    wide = line(summary(frame(values, "accuracy/forget")), "a", "accuracy/forget")
    assert (wide["margin"], wide["sd_reference"]) == (pytest.approx(0.1), pytest.approx(0.1))
    alike = {"a": [(0.9, 0.80), (0.9, 0.80), (0.9, 0.81)]}
    assert line(summary(frame(alike, "accuracy/forget")), "a", "accuracy/forget")["margin"] == 0.02
    assert line(summary(frame(values, "accuracy/test")), "a", "accuracy/test")["margin"] == 0.01


def test_sign_flip_p_of_five_seeds_cannot_reach_five_per_cent():
    assert line(summary(frame({"a": [5.0, 5.1, 4.9, 5.2, 4.8]})), "a")["p_sign_flip"] == 0.0625
    assert np.isnan(line(summary(frame({"a": np.arange(31.0)})), "a")["p_sign_flip"])


SEVERAL = {"a": (0.3, 0.4, 0.5), "b": (-0.1, 0.1, 0.3), "c": (2.0, 2.1, 2.2), "retrain": (0.1, 0.1, 0.2)}


@pytest.mark.parametrize(
    ("endpoints", "correct", "name"), [({METRIC: Endpoint(1)}, holm, "Holm"), ({}, benjamini_hochberg, "BH")]
)
def test_p_values_are_corrected_for_the_methods_of_the_block_and_for_no_other_model(endpoints, correct, name):
    table = summary(frame(SEVERAL), endpoints=endpoints)
    family = [line(table, method) for method in "abc"]
    assert [own["p_adjusted"] for own in family] == pytest.approx(correct([own["p"] for own in family]))
    assert {own["adjustment"] for own in family} == {name}
    for method in ("retrain", "original"):
        assert line(table, method)["p"] >= 0
        assert np.isnan(line(table, method)["p_adjusted"])
        assert line(table, method)["adjustment"] == ""


def test_a_correction_does_not_depend_on_other_metrics_or_other_blocks():
    one = frame(SEVERAL)
    both = pd.concat([one, frame(SEVERAL, "other/metric"), frame({"d": (1, 2, 3)}, scenario="t")])
    alone, among = summary(one), summary(both)
    among = among[(among["metric"] == METRIC) & (among["scenario"] == "s")]
    pd.testing.assert_frame_equal(alone, among.reset_index(drop=True))


def test_the_best_method_is_closer_to_the_reference_than_every_other():
    table = summary(frame({"a": (0.1, 0.2, 0.1), "b": (0.9, 1.0, 0.9), "c": (-0.8, -0.9, -0.9)}))
    assert table[table["best"]]["method"].tolist() == ["a"]


@pytest.mark.parametrize(
    "values",
    [
        {"a": (0.1, 0.2, 0.3), "b": (0.2, 0.1, 0.4)},  # not apart
        {"a": (1.00, 1.01, 0.99), "b": (-1.03, -1.00, -1.02)},  # apart, but as far from the reference on either side
        {"a": (0.1, 0.1, 0.1), "b": (9.0, 9.1, 9.2), "c": (5.0, -8.0, 9.0)},  # the runner-up is clear, a third is not
        {"a": (0.1, 0.1, 0.1), "b": (9.0,)},  # one seed in common
        {"a": (0.1, 0.1, 0.1)},  # nothing to be better than
        {"retrain": (0.1, 0.1, 0.1), "b": (9.0, 9.1, 9.2)},  # retrained models do not compete
    ],
)
def test_no_method_is_best_where_that_is_not_shown(values):
    assert not summary(frame(values))["best"].any()


def test_no_method_is_best_at_costing_as_much_as_retraining():
    values = {"a": (0.1, 0.2, 0.1), "b": (0.9, 1.0, 0.9)}
    assert not summary(frame(values, "cost/seconds"))["best"].any()


def test_the_worst_seed_has_the_largest_gap_of_either_sign():
    found = line(summary(frame({"a": DIFFERENCES})), "a")
    assert (found["worst_seed"], found["worst_gap"]) == (2, 0.6)
    found = line(summary(frame({"a": (0.1, -0.7, 0.6)})), "a")
    assert (found["worst_seed"], found["worst_gap"]) == (1, -0.7)


def test_the_correlation_tells_whether_pairing_helped():
    together = frame({"a": [(0.1, 0.2), (0.2, 0.3), (0.3, 0.4)]})
    apart = frame({"a": [(0.3, 0.2), (0.2, 0.3), (0.1, 0.4)]})
    assert line(summary(together), "a")["correlation"] == pytest.approx(1)
    assert line(summary(apart), "a")["correlation"] == pytest.approx(-1)
    assert np.isnan(line(summary(frame({"a": DIFFERENCES})), "a")["correlation"])  # the reference is always 0


def test_one_model_of_one_seed_has_the_wilson_interval_of_its_images():
    found = line(summary(frame({"a": [0.9]}, "accuracy/forget", images=50)), "a", "accuracy/forget")
    assert (found["wilson_low"], found["wilson_high"]) == (
        pytest.approx(0.786, abs=5e-4),
        pytest.approx(0.957, abs=5e-4),
    )
    for other in (
        frame({"a": [0.9, 0.8]}, "accuracy/forget", images=50),  # the spread between seeds is known
        frame({"a": [{(0, 0): 0.9, (1, 0): 0.9}]}, "accuracy/forget", images=50),  # two models saw the same images
        frame({"a": [0.9]}, "accuracy/forget"),  # their number is not
        frame({"a": [0.9]}, "loss/forget", images=50),  # no fraction of images
    ):
        assert np.isnan(line(summary(other), "a", other["metric"].iloc[0])["wilson_low"])


def nested(table):
    """The 2- or 3-level table of a method, as draws within training seeds."""
    return [
        {(j, k): value for j, draw in enumerate(seed) for k, value in enumerate(np.atleast_1d(draw))} for seed in table
    ]


SHARES = ["share_train", "share_unlearn", "share_evaluate"]


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ([[1, 3], [5, 7], [9, 11]], (15 / 17, 2 / 17, math.nan)),
        ([[[1, 3], [3, 5]], [[7, 9], [9, 11]]], (17 / 20, 1 / 20, 2 / 20)),
        ([[[1, 3]], [[5, 7]], [[9, 11]]], (15 / 17, math.nan, 2 / 17)),  # one unlearning, two evaluations
        ([1, 5, 9], (math.nan, math.nan, math.nan)),
        ([[1, 3]], (math.nan, math.nan, math.nan)),
        ([[1, 1], [1, 1]], (math.nan, math.nan, math.nan)),
    ],
)
def test_the_shares_of_the_variance_are_those_of_the_nested_analysis(table, expected):
    table = [np.atleast_1d(seed) for seed in table]
    found = line(summary(frame({"a": nested(table)})), "a")
    assert tuple(found[SHARES]) == pytest.approx(expected, nan_ok=True)


def test_a_negative_component_is_printed_raw_and_has_no_share():
    found = line(variance(frame({"a": nested([[0, 4], [1, 3]])})), "a")
    assert (found["raw_train"], found["raw_unlearn"]) == pytest.approx((-2.5, 5))
    assert (found["share_train"], found["share_unlearn"]) == (0, 1)
    assert (found["seeds"], found["unlearn_draws"], found["evaluate_draws"]) == (2, 2, 1)


def test_a_seed_that_lacks_a_draw_is_left_out_of_the_components():
    complete = nested([[1, 3], [5, 7], [9, 11]])
    lacking = [*complete, {(0, 0): 99.0}, {(0, 0): 99.0, (2, 0): 98.0}]
    found = line(variance(frame({"a": lacking[:4]})), "a")
    assert (found["seeds"], found["share_train"]) == (3, pytest.approx(15 / 17))
    assert variance(frame({"a": lacking})).empty  # no seed has all three draws


def test_draws_of_other_forget_sets_are_not_taken_for_draws_of_the_method():
    own = frame({"a": nested([[1, 3], [5, 7], [9, 11]])})
    assert variance(own.assign(seed_forget=own["seed_unlearn"])).empty


def test_missing_runs_are_counted():
    table = summary(frame({"a": [*nested([[1, 3], [5, 7]]), {(0, 0): 9.0}], "b": [1.0]}))
    assert line(table, "a")["missing_runs"] == 1
    assert line(table, "b")["missing_runs"] == 2


def test_gaps_are_one_line_per_seed_with_the_draws_averaged():
    rows = frame({"a": [{(0, 0): (0.5, 0.1), (1, 0): (0.7, 0.1)}, (0.4, 0.3)]})
    found = gaps(rows)
    assert list(found.columns) == [*COLUMNS[1:8], "metric", "seed", "value", "reference", "gap"]
    own = found[found["method"] == "a"]
    assert own["seed"].tolist() == [0, 1]
    assert own["value"].tolist() == pytest.approx([0.6, 0.4])
    assert own["gap"].tolist() == pytest.approx([0.5, 0.1])
    assert found.loc[found["method"] == "reference", "gap"].isna().all()
    assert found.loc[found["method"] == "original", "gap"].tolist() == pytest.approx([0.9, 0.7])
