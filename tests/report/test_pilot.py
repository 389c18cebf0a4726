"""Margins that come from a pilot, and the seeds that cannot be judged by them."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest
from conftest import Run
from tidy_frames import frame

from supreme.core import SupremeError
from supreme.core.endpoints import Endpoints
from supreme.report import summary
from supreme.report.rows.endpoints import parse_endpoints
from supreme.report.statistics.pilot import noise, pilot_margin, pilot_margins

DIFFERENCES = (0.05, -0.05, 0, 0.10, -0.05)


def pilot(**changes: Any) -> pd.DataFrame:
    names = ("accuracy/forget", "membership/auc", "accuracy/retain", "accuracy/test", "js_divergence/forget")
    parts = [frame({"retrain": DIFFERENCES}, name) for name in names]
    return pd.concat(parts, ignore_index=True).assign(original=0.05, **changes)


def test_the_margin_is_the_noise_and_at_most_a_quarter_of_what_is_remembered() -> None:
    assert noise(DIFFERENCES) == pytest.approx(0.0418, abs=5e-5)
    assert pilot_margin(DIFFERENCES, 0.05, memory=True) == pytest.approx(0.0125)
    assert pilot_margin(DIFFERENCES, 0.05, memory=False) == pytest.approx(0.0418, abs=5e-5)


def test_a_pilot_says_what_to_type() -> None:
    (found,) = pilot_margins(pilot())
    assert found.words == (
        "'report.margins=\"accuracy/forget=0.0125,membership/auc=0.0125,js_divergence/forget=relative,"
        "accuracy/retain=0.04183,accuracy/test=0.04183\"' 'report.pilot_seeds=[0,1,2,3,4]'"
    )


@pytest.mark.parametrize(
    ("own", "sentence"),
    [
        (pilot().query("seed < 4"), "a pilot needs 5 training seeds of one method=retrain, and there are 4"),
        (pilot(method="scrub"), "and there are 0"),
        (pilot(value=0.0), "all models of the pilot agree in accuracy/forget"),
    ],
)
def test_what_is_no_pilot_is_refused_in_a_sentence(own: pd.DataFrame, sentence: str) -> None:
    with pytest.raises(SupremeError, match=sentence):
        pilot_margins(own)


def test_seeds_of_the_pilot_are_judged_by_other_margins_only() -> None:
    endpoints = Endpoints.of({"accuracy/forget": 0.0125}, pilot_seeds=[3, 4])
    assert Endpoints.of(**endpoints.record()) == endpoints
    with pytest.raises(SupremeError, match=r"training seeds 3, 4 \(report.pilot_seeds\).*'seed=range\(5,15\)'"):
        summary(pilot(), endpoints=endpoints)
    for wrong in (3, ["a"], [0.5]):
        with pytest.raises(SupremeError, match=r"report.pilot_seeds=.* is not allowed"):
            Endpoints.of({}, pilot_seeds=wrong)


def test_a_sweep_with_a_seed_of_its_pilot_is_refused_before_anything_runs(supreme: Run, tmp_path: Any) -> None:
    done = supreme("-m", "method=ssd", "seed=range(3)", "report.pilot_seeds=[2]", "dry_run=true")
    assert done.returncode == 1
    assert "the margins were found from training seed 2 (report.pilot_seeds)" in done.stderr
    done = supreme("method=ssd", 'report.margins="accuracy/forget=much"', "dry_run=true")
    assert done.returncode == 1
    assert "accuracy/forget=much" in done.stderr
    done = supreme("method=ssd", 'report.margins="acuracy/forget=0.02"', "dry_run=true")
    assert done.returncode == 1
    assert "no metric of this sweep gives it: did you mean accuracy/forget?" in done.stderr
    done = supreme("method=ssd", "+report.margin=0.02", "dry_run=true")
    assert "margin: it has margins, and may have most_left, pilot_seeds, samples, and nothing else" in done.stderr
    assert not (tmp_path / "outputs" / "rows").exists()


def test_margins_given_afterwards_keep_the_share_that_the_rows_declare() -> None:
    own = pilot(declared=json.dumps({"margins": {"accuracy/forget": 0.1}, "most_left": 0.1}))
    assert parse_endpoints("accuracy/forget=0.2", own) == Endpoints({"accuracy/forget": 0.2}, 0.1)
    assert parse_endpoints("accuracy/forget=0.2", pilot()).most_left == 0.25
