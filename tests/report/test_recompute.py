"""The summary against the auditor's own arithmetic, on drawn sweeps of every design."""

from __future__ import annotations

import csv
import io
import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
import recompute
from tidy_frames import frame

from supreme.report import summary
from supreme.report.tables.output import summary_csv

METRICS = (
    *("accuracy/forget", "accuracy/test", "membership/auc", "js_divergence/forget", "loss/forget"),
    *("agreement/test", "cost/seconds"),
)
ON_A_GRID = ("accuracy/", "agreement/")
DISTANCES = ("js_divergence/", "agreement/")


def drawn(generator: np.random.Generator, design: str) -> pd.DataFrame:
    """A sweep of four methods and the models they are compared with, with ties, equal seeds and gaps of every size."""
    seeds, sets = int(generator.integers(2, 7)), int(generator.integers(2, 5))
    of_class = ("accuracy/forget_test", "accuracy/retain_test") if generator.random() < 0.3 else ()
    parts = [_metric(generator, metric, design, seeds, sets) for metric in (*METRICS, *of_class)]
    found = pd.concat(parts, ignore_index=True)
    if design == "targets":
        of_target = [
            found.assign(setting=f"scenario.target={target}", scenario_values=f"target={target}") for target in (1, 10)
        ]
        for number, own in enumerate(of_target):
            own["value"] += number * 0.05 * generator.integers(0, 3, len(own)) * ~own["metric"].str.startswith("js")
        found = pd.concat(of_target, ignore_index=True)
        if generator.random() < 0.5:
            found = found.loc[
                (found["setting"] == "scenario.target=1") | (found["seed"] > 0) | (found["method"] != "b")
            ]
        found = found.reset_index(drop=True)
    if generator.random() < 0.3:
        margins = {"accuracy/forget": 0.3, "loss/forget": "relative", "accuracy/test": 0.2}
        found["declared"] = json.dumps({"margins": margins, "most_left": 0.4})
    if generator.random() < 0.2:
        found.loc[found["method"] == "b", "notes"] = "identical to the reference"
    return found


def _metric(generator: np.random.Generator, metric: str, design: str, seeds: int, sets: int) -> pd.DataFrame:
    def value() -> float:
        own = float(generator.normal(0.5, 0.1)) if generator.random() < 0.9 else 0.5
        return round(own * 20) / 20 if metric.startswith(ON_A_GRID) else own

    references, equal = [value() for _ in range(seeds)], generator.random() < 0.2
    values: dict[str, list[Any]] = {}
    for method in ("a", "b", "c", "retrain"):
        own: list[Any] = [
            (references[seed] if equal and method == "c" else value(), references[seed])
            for seed in range(max(1, seeds - (design == "missing" and method == "b")))
        ]
        if design == "draws":
            own = [{(draw, 0): (value(), references[seed]) for draw in range(2)} for seed in range(seeds)]
        values[method] = own
    found = frame(values, metric, images=20.0 if metric.startswith(("accuracy/", *DISTANCES)) else math.nan)
    if design == "crossed":
        several = [found.assign(seed_forget=number, forget_digest=f"set {number}") for number in range(sets)]
        found = pd.concat(several, ignore_index=True)
        found["value"] = [value() for _ in range(len(found))]
    place = found.groupby(["seed", "seed_forget"]).ngroup().to_numpy()
    before = np.array([value() + 0.3 * (generator.random() < 0.8) for _ in range(place.max() + 1)])
    found["original"] = before[place]
    if metric.startswith(DISTANCES):
        found["reference"], found["reason_reference"] = math.nan, "the reference model would be compared with itself"
    return found


@pytest.mark.parametrize("design", ["plain", "draws", "crossed", "missing", "targets"])
def test_an_auditor_finds_every_number_of_the_summary_again(design: str) -> None:
    verdicts = set()
    for number in range(5):
        own = drawn(np.random.default_rng([number, len(design)]), design)
        table = summary(own)
        assert table["scenario"].str.contains("mean of targets 1, 10").any() == (design == "targets")
        results = list(csv.DictReader(io.StringIO(own.to_csv(index=False))))
        written = list(csv.DictReader(io.StringIO(summary_csv(table))))
        largest = recompute.differences(written, recompute.recompute(results))
        assert max(largest.values()) < 1e-6
        verdicts |= set(table["verdict"])
    assert {"different", "inconclusive"} <= verdicts
