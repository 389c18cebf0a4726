"""Summary, verdicts and leaderboard against the auditor's own arithmetic, on drawn sweeps of every design."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
import recompute
from tidy_frames import frame

from supreme.report import summary
from supreme.report.rows.labels import titled
from supreme.report.rows.per_seed import BLOCK
from supreme.report.statistics.joint import verdicts
from supreme.report.tables.leaderboard import leaderboard_of
from supreme.report.tables.output import summary_csv

METRICS = (
    *("accuracy/forget", "accuracy/test", "membership/auc", "js_divergence/forget", "loss/forget"),
    *("agreement/test", "cost/seconds"),
)
ON_A_GRID = ("accuracy/", "agreement/")
DISTANCES = ("js_divergence/", "agreement/")


def drawn(generator: np.random.Generator, design: str) -> pd.DataFrame:
    """A sweep of four methods and the models they are compared with, with ties, equal seeds and gaps of every size.

    In most of them method a and the retrained models lie close to the reference, and the original does not.
    """
    seeds, sets, near = int(generator.integers(2, 8)), int(generator.integers(2, 5)), generator.random() < 0.7
    of_class = ("accuracy/forget_test", "accuracy/retain_test") if generator.random() < 0.3 else ()
    parts = [_metric(generator, metric, design, seeds, sets, near) for metric in (*METRICS, *of_class)]
    found = pd.concat(parts, ignore_index=True)
    if generator.random() < 0.15:
        found = found.loc[found["method"] != "retrain"].reset_index(drop=True)
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
    if generator.random() < 0.8:
        margins = {"accuracy/forget": 0.3, "loss/forget": "relative", "accuracy/test": 0.2, "accuracy/retain_test": 0.2}
        margins |= {"js_divergence/forget": "relative"} if generator.random() < 0.5 else {}
        found["declared"] = json.dumps({"margins": margins, "most_left": 0.4})
    if generator.random() < 0.2:
        found.loc[found["method"] == "b", "notes"] = "identical to the reference"
    if generator.random() < 0.2:
        images = str(generator.choice(["test", "validation", ""]))
        found.loc[found["method"] == "a", ["tuned_on", "tuned_images"]] = "accuracy/forget", images
    return found


def _metric(
    generator: np.random.Generator, metric: str, design: str, seeds: int, sets: int, near: bool
) -> pd.DataFrame:
    def on_grid(own: float) -> float:
        return round(own * 20) / 20 if metric.startswith(ON_A_GRID) else own

    def value() -> float:
        return on_grid(float(generator.normal(0.5, 0.1)) if generator.random() < 0.9 else 0.5)

    def value_of(method: str, seed: int) -> float:
        if near and method in ("a", "retrain"):
            return on_grid(references[seed] + float(generator.normal(0.01, 0.01)))
        return references[seed] if equal and method == "c" else value()

    references, equal = [value() for _ in range(seeds)], generator.random() < 0.2
    values: dict[str, list[Any]] = {}
    for method in ("a", "b", "c", "retrain"):
        own: list[Any] = [
            (value_of(method, seed), references[seed])
            for seed in range(max(1, seeds - (design == "missing" and method == "b")))
        ]
        if design == "draws":
            own = [
                {(draw, 0): (value_of(method, seed), references[seed]) for draw in range(2)} for seed in range(seeds)
            ]
        values[method] = own
    found = frame(values, metric, images=20.0 if metric.startswith(("accuracy/", *DISTANCES)) else math.nan)
    if design == "crossed":
        several = [found.assign(seed_forget=number, forget_digest=f"set {number}") for number in range(sets)]
        found = pd.concat(several, ignore_index=True)
        found["value"] = [value_of(method, seed) for method, seed in zip(found["method"], found["seed"], strict=True)]
    place = found.groupby(["seed", "seed_forget"]).ngroup().to_numpy()
    before = np.array([value() + (0.6 if near else 0.3 * (generator.random() < 0.8)) for _ in range(place.max() + 1)])
    found["original"] = before[place]
    if metric.startswith(DISTANCES):
        found["reference"], found["reason_reference"] = math.nan, "the reference model would be compared with itself"
    return found


@pytest.mark.parametrize("design", ["plain", "draws", "crossed", "missing", "targets"])
def test_an_auditor_finds_every_number_of_the_summary_and_every_verdict_again(design: str) -> None:
    shown, letters = set[str](), set[str]()
    for number in range(8):
        own = drawn(np.random.default_rng([number, len(design)]), design)
        table = summary(own)
        assert table["scenario"].str.contains("mean of targets 1, 10").any() == (design == "targets")
        results = rows_of(own)
        told = recompute.recompute(results)
        largest = recompute.differences(list(csv.DictReader(io.StringIO(summary_csv(table)))), told)
        assert max(largest.values()) < 1e-6
        shown |= set(table["verdict"])
        letters |= compared(verdicts(own, table), recompute.verdicts(results, told))
    assert {"different", "inconclusive"} <= shown
    assert {"D", "?"} <= letters
    assert letters & {"E", "N", "e", "n"}


def rows_of(own: pd.DataFrame) -> list[dict[str, str]]:
    """As a file has them."""
    return list(csv.DictReader(io.StringIO(own.to_csv(index=False))))


def compared(found: pd.DataFrame, again: Mapping[Any, Mapping[str, Any]]) -> set[str]:
    """The letters, after every number was found again."""
    assert {tuple(line) for line in found[[*BLOCK, "method", "variant"]].itertuples(index=False)} == set(again)
    for line in found.to_dict("records"):
        made = again[tuple(line[name] for name in (*BLOCK, "method", "variant"))]
        assert line["letter"] == made["letter"], line
        numbers = {name: value for name, value in made.items() if name != "letter"}
        assert {name: line[name] for name in numbers} == pytest.approx(numbers, rel=1e-6, abs=1e-6, nan_ok=True), line
    return set(found["letter"])


@pytest.mark.parametrize("design", ["plain", "missing", "targets"])
def test_an_auditor_ranks_the_methods_as_the_leaderboard_does(design: str) -> None:
    ranked = 0
    for number in range(6):
        generator = np.random.default_rng([number, len(design), 1])
        parts = [drawn(generator, design).assign(data=data) for data in ("d", "e")]
        values = [f"data.size=8, {setting}".removesuffix(", ") for setting in parts[0]["setting"]]
        parts.append(parts[0].assign(setting=values))  # a unit of its own, with the ranks of the first
        for part in parts:
            part.loc[part["method"] == "c", "variant"] = "k=1"
        own = pd.concat(parts, ignore_index=True)
        results, board = rows_of(own), leaderboard_of(own, summary(own))
        again = recompute.leaderboard(results, recompute.recompute(results))
        assert (board is None) == (again == {})
        if board is not None:
            assert set(board.table.index) == set(again)
            for method, line in board.table.iterrows():
                rank, scores = again[method]
                assert dict(line) == pytest.approx({**scores, "mean_rank": rank}, rel=1e-9)
            ranked += 1
            assert titled("c", "k=1") in again
    assert ranked >= 2
