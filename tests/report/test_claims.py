"""What is said below a table of verdicts: each sentence where it is true, and nowhere else."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import numpy as np
import pandas as pd
from tidy_frames import frame

from supreme.core.endpoints import Endpoints
from supreme.report import render

ENDPOINTS = Endpoints({"accuracy/forget": 0.02, "js_divergence/forget": None, "accuracy/test": 0.01})
WAVE = (0.01, -0.01, 0.006, -0.006, 0.003, -0.003)


def rows(seeds: int = 6, **methods: dict[str, Any]) -> pd.DataFrame:
    """Of methods with the mean contrast on each endpoint, to which a wave of seeds is added; the reference is 0."""
    parts = []
    for metric in ENDPOINTS.margins:
        null = {"retrain": {}} if "retrain" not in methods else {}
        values = {
            name: [means.get(metric, 0.0) + WAVE[(seed + at) % 6] / 5 for seed in range(seeds)]
            for at, (name, means) in enumerate({**methods, **null}.items())
        }
        own = frame(values, metric, declared=json.dumps(ENDPOINTS.record(), sort_keys=True))
        own["original"] = np.where(metric == "accuracy/test", 0.0, 0.3) + 0.01 * own["seed"]
        if metric == "js_divergence/forget":
            own[["value", "original"]] += 0.1
            own["reference"], own["reason_reference"] = math.nan, "the reference model would be compared with itself"
        parts.append(own)
    return pd.concat(parts, ignore_index=True)


def notes(own: pd.DataFrame) -> str:
    return " ".join(render(own, "markdown", notes=True).split())


GOOD: dict[str, Any] = {}
LEFT = {"accuracy/forget": 0.15}


def test_margins_and_where_they_come_from_are_told() -> None:
    told = notes(rows(a=GOOD))
    assert "Margins, declared with the sweep: forget acc. 2.00, test acc. 1.00, JS div. forget relative;" in told
    assert "of what the original remembers, at most 25 % may be left." in told
    assert "Margins, given afterwards" in notes(rows(a=GOOD).assign(declared=""))


def test_what_is_different_is_named_and_what_is_removed_has_its_interval() -> None:
    told = notes(rows(a=GOOD, b=LEFT))
    assert "Different in: b (forget acc.)." in told
    assert "estimate in %: a forget acc. 9" in told
    assert "b forget acc. " in told


def test_an_equivalence_says_how_many_trainings_may_still_go_wrong() -> None:
    assert "with 6 seeds that all went well, up to 39 % of trainings may go wrong." in notes(rows(a=GOOD))
    assert "may go wrong" not in notes(rows(a=LEFT))


def test_a_retraining_that_differs_from_the_other_is_a_false_alarm_or_a_defect() -> None:
    sentence = "Different, though both are retrained: retrain in test acc."
    assert sentence in notes(rows(a=GOOD, retrain={"accuracy/test": 0.05}))
    assert sentence not in notes(rows(a=GOOD))


def test_what_is_nearer_to_the_reference_than_a_retraining_is_asked_about() -> None:
    sentence = "Closer to the reference than an independent retraining is: a in JS div. forget."
    assert sentence in notes(rows(a={"js_divergence/forget": -0.1}))
    assert "Closer to the reference" not in notes(rows(a={"js_divergence/forget": 0.05}))


def test_a_difference_that_leans_on_normality_is_named() -> None:
    own = rows(seeds=6, a=GOOD)
    skewed = [0.05, 0.05, 0.05, 0.05, 0.05, -0.01]
    here = (own["metric"] == "accuracy/test") & (own["method"] == "a")
    own.loc[here, "value"] = skewed
    (told,) = re.findall(r"by the exact test not: (.*?)\. -", notes(own))
    assert "a (test acc.)" in told
    own.loc[here, "value"] = [0.05, 0.051, 0.052, 0.05, 0.049, 0.05]
    assert not any("a (test acc.)" in told for told in re.findall(r"by the exact test not: (.*?)\. -", notes(own)))


def test_the_seeds_that_a_design_needs_are_told_once() -> None:
    told = notes(rows(a=GOOD))
    assert told.count("is called E in 80 % of sweeps: forget acc. ") == 1
    few = notes(rows(seeds=3, a=GOOD))
    assert "of sweeps: n/a (5 seeds of retrain are needed, there are 3)." in few


def test_the_target_that_is_farthest_is_named_below_the_mean_of_targets() -> None:
    targets = {
        target: rows(a=GOOD if target == 1 else {"accuracy/forget": 0.05}).assign(
            scenario="full_class", setting=f"scenario.target={target}", scenario_values=f"target={target}"
        )
        for target in (1, 10)
    }
    told = notes(pd.concat(targets.values(), ignore_index=True))
    assert "Target with the largest mean gap: a 10 (forget acc.)" in told
    assert "Each seed's value is its mean over targets 1, 10; nothing is said of other classes." in told
