"""One verdict per method: of all primary endpoints of its block together."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tidy_frames import frame

from supreme.report import Endpoints, summary
from supreme.report.statistics.joint import verdicts

ENDPOINTS = Endpoints({"accuracy/forget": 0.02, "membership/auc": 0.02, "accuracy/test": 0.01})
DECLARED = json.dumps(ENDPOINTS.record(), sort_keys=True)
SEEDS = 6
GOOD = {"accuracy/forget": (0.004, -0.004), "membership/auc": (0.003, -0.003), "accuracy/test": (0.002, -0.002)}
FAR = {"accuracy/forget": (0.1, 0.12), "membership/auc": (0.003, -0.003), "accuracy/test": (0.002, -0.002)}


def rows(methods: dict[str, dict[str, tuple[float, float]]], seeds: int = SEEDS, **labels: Any) -> pd.DataFrame:
    """Of methods with a pair of contrasts, taken in turn by the seeds, on each metric; the reference is 0."""
    parts = []
    for metric in ENDPOINTS.margins:
        values = {
            name: [contrasts[metric][seed % 2] * (1 + 0.1 * (seed // 2)) for seed in range(seeds)]
            for name, contrasts in methods.items()
        }
        own = frame(values, metric, declared=DECLARED, **labels)
        parts.append(own.assign(original=0.2 + 0.01 * own["seed"] if metric != "accuracy/test" else 0.001))
    return pd.concat(parts, ignore_index=True)


def verdict(own: pd.DataFrame, method: str = "a", **options: Any) -> dict[str, Any]:
    found = verdicts(own, **options).set_index("method").loc[method]
    return {str(name): value for name, value in found.items()}


def test_as_good_as_retrained_on_every_endpoint() -> None:
    own = rows({"a": GOOD})
    found, table = verdict(own), summary(own)
    assert (found["letter"], found["verdict"], found["reason"]) == ("E", "equivalent", "")
    p_values = table.loc[table["method"] == "a", "p_equivalent"]
    assert found["p_joint"] == p_values.max()
    assert found["p_different"] == min(1.0, 3 * table.loc[table["method"] == "a", "p"].min())
    assert found["removed_metric"] == "accuracy/forget"
    assert 0.9 < found["removed_low"] < found["removed"] < found["removed_high"] < 1.1


def test_one_endpoint_is_enough_for_a_difference() -> None:
    found = verdict(rows({"a": FAR}))
    assert (found["letter"], found["different_in"]) == ("D", "accuracy/forget")
    assert found["removed_metric"] == "accuracy/forget"
    assert found["removed"] < 0.6


def test_many_methods_take_a_small_p_back() -> None:
    weak = {"accuracy/forget": (0.019, -0.012), "membership/auc": (0.003, -0.003), "accuracy/test": (0.002, -0.002)}
    alone = verdict(rows({"a": weak}))
    among = verdict(rows(dict.fromkeys("abcdefghij", weak)))
    assert 0.005 < alone["p_joint"] < 0.05
    assert alone["letter"] == "E"
    assert among["letter"] == "e"
    assert among["p_joint_adjusted"] == pytest.approx(min(1, 10 * alone["p_joint"]))


@pytest.mark.parametrize(
    ("own", "reason"),
    [
        (rows({"a": GOOD}).query("metric != 'membership/auc'"), "membership/auc was not evaluated"),
        (rows({"a": GOOD}, seeds=2), "a verdict takes 3 training seeds, and there are 2"),
        (rows({"a": GOOD}).assign(declared=""), "the margins are not those that all rows declare"),
        (rows({"a": GOOD}).assign(notes="identical to the reference"), "it is identical to the reference"),
        (
            rows({"a": GOOD}).assign(tuned_on="accuracy/forget", tuned_images="test"),
            "its values were chosen on the test images",
        ),
    ],
)
def test_no_equivalence_is_claimed_where_the_evidence_lacks_a_part(own: pd.DataFrame, reason: str) -> None:
    found = verdict(own.reset_index(drop=True))
    assert math.isnan(found["p_joint"])
    assert found["letter"] in ("?", "")
    assert reason in found["reason"]


@pytest.mark.parametrize("images", ["validation", "training"])
def test_values_chosen_on_images_that_do_not_judge_may_be_called_equivalent(images: str) -> None:
    assert verdict(rows({"a": GOOD}).assign(tuned_on="accuracy/forget", tuned_images=images))["letter"] == "E"


def test_retrain_is_told_to_be_the_floor_that_its_distances_would_be_held_against() -> None:
    endpoints = Endpoints({"js_divergence/forget": None})
    values = [0.02 + 0.001 * seed for seed in range(SEEDS)]
    own = frame({"a": values, "retrain": values[::-1]}, "js_divergence/forget", reference=math.nan)
    own = own.assign(original=0.2, reason_reference="the reference model would be compared with itself")
    own = own.assign(declared=json.dumps(endpoints.record(), sort_keys=True))
    assert verdict(own, "retrain")["reason"] == "distances are held against itself"
    assert verdict(own)["reason"] == ""


def test_margins_given_afterwards_allow_no_joint_equivalence() -> None:
    own = rows({"a": GOOD})
    assert verdict(own, endpoints=ENDPOINTS)["letter"] == "E"
    other = Endpoints({**ENDPOINTS.margins, "accuracy/test": 0.02})
    found = verdict(own, endpoints=other)
    assert (found["letter"], found["origin"]) == ("?", "given afterwards")


def test_an_endpoint_on_which_the_original_is_close_is_never_dropped() -> None:
    own = rows({"a": GOOD})
    near = np.where(own["metric"] == "membership/auc", 0.015 + 0.001 * (own["seed"] % 3), own["original"])
    found = verdict(own.assign(original=near))
    assert found["letter"] == "?"
    assert "AUC: the original itself lies within the margin (+0.016 [" in found["reason"]


def test_a_distance_needs_a_retraining_to_be_held_against() -> None:
    endpoints = Endpoints({**ENDPOINTS.margins, "js_divergence/forget": None})
    distance = frame({"a": [0.02 + 0.001 * seed for seed in range(SEEDS)]}, "js_divergence/forget", reference=math.nan)
    distance = distance.assign(original=0.2, reason_reference="the reference model would be compared with itself")
    declared = json.dumps(endpoints.record(), sort_keys=True)
    own = pd.concat([rows({"a": GOOD}), distance], ignore_index=True).assign(declared=declared)
    found = verdict(own)
    assert found["letter"] == "?"
    assert "there is no retrain to hold it against: sweep method=retrain" in found["reason"]


def test_the_reference_has_no_verdict_and_the_original_is_different() -> None:
    own = rows({"a": GOOD})
    assert verdict(own, "reference")["letter"] == ""
    original = verdict(own, "original")
    assert original["letter"] == "D"
    assert math.isnan(original["p_different_adjusted"])
    assert original["removed"] == 0
