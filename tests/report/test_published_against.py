"""Ours beside the published numbers: which stand together, and what the difference is."""

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from results import cell_of
from scipy import stats

from supreme.report.command import main
from supreme.report.published.comparison import against
from supreme.report.published.files import published
from supreme.report.published.gaps import AVERAGE
from supreme.report.published.numbers import Number
from supreme.report.rows.load import load, read_results
from supreme.report.statistics import gap_interval, summary_gap_interval

OURS = {1: (0.30, 0.40, 0.20), 10: (0.10, 0.20, 0.60)}
"""Forget accuracy of finetune by target and seed 260, 261, 262; the reference has 0."""


def membership(solver: str | None) -> dict[str, Any]:
    """The config of the metric; None: as it was before there was a choice, which was the optimum."""
    return {"_target_": "m.Membership", "fpr": 0.01, **({"entropy_solver": solver} if solver else {})}


def row(seed: int, target: int | None, value: float, protocol: str, **changes: Any) -> dict[str, Any]:
    """Of finetune on Pins with ResNet-18, as a sweep leaves it."""
    full = target is not None
    sets = ("forget", "forget_test", "retain", "test", "retain_test")
    names = ["accuracy/forget", "accuracy/retain", "membership/entropy_attack", "weight_distance/reference"]
    names += [f"{metric}/{part}" for metric in ("legacy_batch_accuracy", "legacy_activation_distance") for part in sets]
    values = dict.fromkeys(names, value)
    scenario = {"target": target} if full else {"fraction": 0.001, "count": None}
    return {
        "cell": cell_of("finetune", seed, target, value, protocol, changes),
        "data": "pins",
        "model": "resnet18",
        "recipe": "pins-resnet18",
        "scenario": "full_class" if full else "random",
        "method": "finetune",
        "protocol": protocol,
        "seed": seed,
        "seeds": {"forget": seed, "reference": 0, "unlearn": 0, "evaluate": 0},
        "metrics": values,
        "reference": dict.fromkeys(values, 0.0),
        "original": dict.fromkeys(values, 1.0),
        "reasons": {},
        "sets": dict.fromkeys(sets, 20),
        "config": {
            "data": {"_target_": "d.D"},
            "model": {"_target_": "m.M"},
            "recipe": {"_target_": "r.R"},
            "scenario": {"_target_": "s.S", **scenario},
            "method": {"_target_": "u.U"},
            "metric": {"membership": membership("sklearn" if protocol == "supreme_paper" else "optimum")},
        },
        "notes": [],
        "provenance": {},
    } | changes


def beside(folder: Any, theirs: Sequence[Number] = published()) -> pd.DataFrame:
    """The lines of single numbers, without averages."""
    found = against(read_results(folder)[0], theirs)
    return found.loc[found["quantity"] != AVERAGE]


def pins() -> pd.DataFrame:
    return pd.DataFrame(map(vars, (one for one in published() if one.recipe.startswith("pins_"))))


def five_seeds(protocol: str) -> list[dict[str, Any]]:
    return [
        row(260 + place, target, value, protocol, provenance={"finished": f"2026-01-01T00:{target:02}:00+00:00"})
        for target, values in OURS.items()
        for place, value in enumerate(values)
    ]


# The published numbers.


def test_every_published_number_of_pins_is_there() -> None:
    found = pins()
    assert found.groupby(["model", "scenario", "quantity"]).size().to_dict() == {
        # Of six methods (five: no unsir): dAcc twice and dMIA; two accuracies, MIA, layer and two activation distances,
        # and of the retrained model two accuracies and MIA.
        **{(model, "full_class", "gap"): 18 for model in ("resnet18", "vit_b16")},
        **{(model, "full_class", "value"): 39 for model in ("resnet18", "vit_b16")},
        **{(model, "random", "gap"): 15 for model in ("resnet18", "vit_b16")},
        **{(model, "random", "value"): 33 for model in ("resnet18", "vit_b16")},
    }
    assert set(found["seeds"]) == {10}
    assert set(found["spread_kind"]) == {"sd"}
    assert not found.duplicated(["model", "scenario", "method", "quantity", "column"]).any()


@pytest.mark.parametrize("model", ["resnet18", "vit_b16"])
@pytest.mark.parametrize("scenario", ["full_class", "random"])
def test_the_published_differences_are_those_of_the_published_values(model: str, scenario: str) -> None:
    """They subtract the retrained model from each; so the transcription of both tables agrees, up to rounding."""
    found = pins().query("model == @model and scenario == @scenario")
    values = found[found["quantity"] == "value"].set_index(["method", "metric"])["mean"]
    gaps = found[found["quantity"] == "gap"]
    assert len(gaps) > 10
    for line in gaps.to_dict("records"):
        tolerance = 0.00011 if "accuracy" in line["metric"] else 0.0101
        difference = values[line["method"], line["metric"]] - values["reference", line["metric"]]
        assert line["mean"] == pytest.approx(difference, abs=tolerance), line


# Which stand together.


def test_under_the_paper_protocol_each_number_stands_beside_the_column_that_computes_the_same(saved: Any) -> None:
    found = beside(saved(*five_seeds("supreme_paper")))
    told = {(line["metric"], line["quantity"]) for line in found.query("method == 'finetune'").to_dict("records")}
    assert told == {
        ("legacy_batch_accuracy/forget_test", "value"),
        ("legacy_batch_accuracy/forget_test", "gap"),
        ("legacy_batch_accuracy/retain_test", "value"),
        ("legacy_batch_accuracy/retain_test", "gap"),
        ("legacy_activation_distance/forget_test", "value"),
        ("legacy_activation_distance/retain_test", "value"),
        ("membership/entropy_attack", "value"),
        ("membership/entropy_attack", "gap"),
        ("weight_distance/reference", "value"),
    }
    assert set(found["method"]) == {"finetune", "reference"}  # the original is published nowhere


@pytest.mark.parametrize("solver", ["optimum", None])
def test_the_entropy_attack_stands_beside_the_published_one_only_where_the_same_solver_fitted_it(
    saved: Any, capsys: pytest.CaptureFixture[str], solver: str | None
) -> None:
    rows = five_seeds("supreme_paper")
    for one in rows:
        one["config"]["metric"]["membership"] = membership(solver)
    folder = saved(*rows)
    found = beside(folder)
    assert "membership/entropy_attack" not in set(found["metric"])
    assert "legacy_batch_accuracy/forget_test" in set(found["metric"])
    sentence = (
        "membership/entropy_attack is not compared where it was computed without entropy_solver=sklearn, as the "
        "published is: type metric.membership.entropy_solver=sklearn."
    )
    assert found.attrs["left_out"][0] == sentence
    for form in ("markdown", "terminal"):
        assert main([str(folder), "--against", "published", "--format", form]) == 0
        assert sentence in " ".join(capsys.readouterr().out.split())
    assert sentence not in beside(saved(*five_seeds("supreme_paper"))).attrs["left_out"]


def test_a_metric_keeps_its_name_under_each_protocol_and_says_its_values_beside_it(saved: Any) -> None:
    frame = load(saved(*five_seeds("fixed"), *five_seeds("supreme_paper")))
    own = frame[frame["metric"].str.startswith("membership/")]
    assert set(own["metric"]) == {"membership/entropy_attack"}
    assert set(own.query("protocol == 'fixed'")["metric_values"]) == {"fpr=0.01, entropy_solver=optimum"}
    assert set(own.query("protocol == 'supreme_paper'")["metric_values"]) == {"fpr=0.01, entropy_solver=sklearn"}
    assert set(frame[frame["metric"].str.startswith("accuracy/")]["metric_values"]) == {""}


def test_under_the_fixed_protocol_only_accuracies_of_training_images_and_weights_are_alike(saved: Any) -> None:
    found = beside(saved(*five_seeds("fixed")))
    assert set(found["metric"]) == {"accuracy/forget", "accuracy/retain", "weight_distance/reference"}


def test_rows_of_two_protocols_are_compared_apart_and_never_pooled(saved: Any) -> None:
    folder = saved(*five_seeds("fixed"), *five_seeds("supreme_paper"))
    frame = load(folder)
    assert set(frame["setting"]) == {
        *("", "scenario.target=10"),  # the second that was made
        *("protocol=supreme_paper", "protocol=supreme_paper, scenario.target=10"),
    }
    found = beside(folder)
    assert set(found["protocol"]) == {"fixed", "supreme_paper"}
    assert set(found["seeds"]) == {3}


def test_another_fraction_or_class_than_the_published_one_is_not_compared(saved: Any) -> None:
    other = row(260, None, 0.9, "fixed")
    other["config"]["scenario"]["fraction"] = 0.1
    assert len(beside(saved(other, row(260, 3, 0.9, "fixed")))) == 0
    found = beside(saved(row(260, None, 0.9, "fixed")))
    assert set(found["scenario"]) == {"random"}


# The difference.


def test_targets_are_averaged_within_a_seed_and_the_difference_is_welchs(saved: Any) -> None:
    found = beside(saved(*five_seeds("supreme_paper")))
    lines = found.query(
        "metric == 'legacy_batch_accuracy/forget_test' and method == 'finetune' and quantity == 'value'"
    )
    (line,) = lines.to_dict("records")
    assert line["targets"] == "1, 10"
    assert line["targets_published"] == "1, 10, 20, 30, 40"
    by_seed = [0.2, 0.3, 0.4]
    assert line["mean"] == pytest.approx(0.3)
    assert (line["low"], line["high"]) == pytest.approx((0.3 - 0.2484138, 0.3 + 0.2484138))  # 4.302653 x 0.1 / sqrt 3
    assert (line["published"], line["published_spread"], line["published_seeds"]) == (0.2922, 0.0521, 10)
    welch = stats.ttest_ind_from_stats(0.3, np.std(by_seed, ddof=1), 3, 0.2922, 0.0521, 10, equal_var=False)
    shares = 0.1**2 / 3, 0.0521**2 / 10
    freedom = sum(shares) ** 2 / (shares[0] ** 2 / 2 + shares[1] ** 2 / 9)
    half = stats.t.ppf(0.975, freedom) * sum(shares) ** 0.5
    assert line["difference"] == pytest.approx(0.0078)
    assert (line["difference_low"], line["difference_high"]) == pytest.approx((0.0078 - half, 0.0078 + half))
    interval = summary_gap_interval(by_seed, 0.2922, 0.0521, 10)
    assert interval is not None
    assert interval.p == pytest.approx(welch.pvalue)


def test_a_seed_that_lacks_a_target_is_left_out(saved: Any) -> None:
    rows = [
        one for one in five_seeds("supreme_paper") if (one["seed"], one["config"]["scenario"]["target"]) != (262, 1)
    ]
    found = beside(saved(*rows))
    assert set(found.query("method == 'finetune'")["seeds"]) == {2}


def test_from_values_and_from_their_summary_welch_is_the_same() -> None:
    ours, theirs = [0.1, 0.5, 0.3], [0.4, 0.2, 0.9, 0.7]
    whole = gap_interval(ours, theirs, paired=False)
    short = summary_gap_interval(ours, float(np.mean(theirs)), float(np.std(theirs, ddof=1)), 4)
    assert whole is not None
    assert short is not None
    assert (short.low, short.high, short.p) == pytest.approx((whole.low, whole.high, whole.p))
    assert summary_gap_interval([0.1], 0.5, 0.1, 10) is None


def test_where_their_spread_is_no_sd_the_interval_is_ours_alone(saved: Any) -> None:
    theirs = [replace(one, spread_kind="unsaid") for one in published()]
    found = beside(saved(*five_seeds("supreme_paper")), theirs)
    line = found.query("quantity == 'value' and metric == 'legacy_batch_accuracy/forget_test'").iloc[0]
    assert line["difference_by"] == "interval of ours only"
    assert line["difference_high"] == pytest.approx(line["high"] - line["published"])


# The command.


def test_the_command_prints_each_number_with_how_it_came_about(saved: Any, capsys: pytest.CaptureFixture[str]) -> None:
    folder = saved(*five_seeds("supreme_paper"))
    assert main([str(folder), "--against", "published", "--format", "markdown"]) == 0
    told = capsys.readouterr().out
    assert "## beside the published pins_resnet18: pins · resnet18 · pins-resnet18 · full_class · supreme_paper" in told
    assert "| 30.00 ± 10.00 [5.16, 54.84], 3 seeds | 29.22 ± 5.21 10 seeds | +0.78 [" in told
    assert "Welch, from their sd" in told
    assert "their non-members hold all members but the forget set" in told
    assert main([str(folder), "--against", "published"]) == 0
    assert "beside the published" in capsys.readouterr().out
    assert main([str(folder), "--against", "published", "--format", "csv"]) == 0
    lines = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert {line["published_as"] for line in lines} >= {"Acc D_f (test)", "Layer"}


def test_where_nothing_matches_one_sentence_says_what_was_looked_for(
    saved: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = saved(row(0, 1, 0.5, "fixed", data="digits"))
    assert main([str(folder), "--against", "published"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("No row stands beside a published number, which there are of cifar10 (class_cards, ")
    assert ", pins (pins_resnet18), " in told
    assert "these rows are of digits · resnet18" in told
    assert told.count("\n") == 1


@pytest.mark.parametrize("more", [("--format", "latex"), ("--figures",), ("--metrics", "accuracy/forget")])
def test_options_that_say_nothing_to_it_are_refused(
    saved: Any, capsys: pytest.CaptureFixture[str], more: tuple[str, ...]
) -> None:
    assert main([str(saved(*five_seeds("fixed"))), "--against", "published", *more]) == 1
    assert "--against" in capsys.readouterr().err
