"""The figures and the page of a search, from its record alone."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from supreme.core import SupremeError
from supreme.report.studies.command import PAGE, draw
from supreme.report.studies.figures import study_figures
from supreme.report.studies.read import RECORD, SCHEMA, find_study, read_study, study_digest
from supreme.report.studies.trials import Study, table_of


def trial(number: int, objective: float | None, passes: int, **values: Any) -> dict[str, Any]:
    per_seed = [] if objective is None else [objective - 1, objective + 1]
    error = "the loss is not finite" if objective is None else ""
    told = {"objective": objective, "per_seed": per_seed, "sample_passes": passes, "error": error}
    return {"number": number, "values": values, **told}


def record_with(direction: str = "minimize", **methods: list[dict[str, Any]]) -> dict[str, Any]:
    sign = 1 if direction == "minimize" else -1
    found: dict[str, Any] = {
        "schema": SCHEMA,
        "study": "digits-small_cnn-random-1",
        "data": "digits",
        "model": "small_cnn",
        "recipe": "sgd",
        "scenario": "random",
        "for": {"data": "digits"},
        "objective": f"{direction}: <something>",
        "direction": direction,
        "images": "validation",
        "uses_reference": True,
        "seeds": [100, 101],
        "sampler": "TPE",
        "finished": "2026-01-01 00:00:00",
        "methods": {},
    }
    for method, trials in methods.items():
        done = [one for one in trials if one["objective"] is not None]
        found["methods"][method] = {
            "space": {"lr": "tag(log, interval(1e-5, 1))", "order": "choice(a, b)"},
            "log": ["lr"],
            "importances": {"lr": 0.9, "order": 0.1} if done else {},
            "trials": trials,
            "winner": min(done, key=lambda one: sign * one["objective"])["number"] if done else None,
        }
    for method, told in found["methods"].items():
        told["sha256"] = study_digest(found, method)
    return found


SALUN = [
    trial(0, 4.0, 100, lr=0.1, order="a"),
    trial(1, None, 0, lr=1.0, order="b"),
    trial(2, 5.0, 300, lr=0.001, order="a"),
    trial(3, 2.0, 200, lr=1e-5, order="b"),
]
SCRUB = [trial(0, 3.0, 10, lr=0.1, order="a"), trial(1, 1.0, 30, lr=0.01, order="b")]
FAILED = [trial(0, None, 0, lr=0.1, order="a")]


@pytest.fixture
def study() -> Study:
    return Study(record_with(salun=SALUN, scrub=SCRUB, ssd=FAILED))


def test_the_curve_is_the_best_so_far_against_trials_and_passes_and_failed_trials_count(study: Study) -> None:
    salun = study.trials[study.trials["method"] == "salun"]
    assert salun["best"].to_list() == [4.0, 4.0, 4.0, 2.0]
    assert salun["spent"].to_list() == [100, 100, 400, 600]
    assert salun["count"].to_list() == [1, 2, 3, 4]
    assert math.isnan(salun["objective"].iloc[1])


def test_of_a_search_for_large_values_the_best_is_the_largest() -> None:
    study = Study(record_with("maximize", salun=SALUN))
    assert study.trials["best"].to_list() == [4.0, 4.0, 5.0, 5.0]


def test_values_stand_on_a_logarithmic_axis_where_the_search_was_and_words_stand_apart(study: Study) -> None:
    table, ends = study.coordinates("salun")
    rates = table[table["field"] == "lr"]
    assert rates["place"].to_list() == pytest.approx([1.0, 0.5, 0.0])
    assert ends[ends["field"] == "lr"]["label"].to_list() == ["1e-05", "0.1"]
    assert table[table["field"] == "order"]["place"].to_list() == [0.0, 0.0, 1.0]


def test_a_method_whose_trials_all_failed_is_in_the_table_and_in_no_figure(study: Study) -> None:
    assert study.methods == ["salun", "scrub"]
    assert "values-ssd" not in [name for name, _, _ in study_figures(study)]
    line = table_of(study).set_index("method").loc["ssd"]
    assert (line["trials"], line["failed"], line["sample passes"]) == (1, 1, 0)
    assert line["best objective"] != line["best objective"]


def test_every_figure_is_drawn_into_the_page_and_into_files(tmp_path: Path) -> None:
    folder = tmp_path / "outputs" / "studies" / "a"
    folder.mkdir(parents=True)
    (folder / RECORD).write_text(json.dumps(record_with(salun=SALUN, scrub=SCRUB)))
    assert find_study(tmp_path / "outputs") == find_study(folder) == folder
    page, *files = draw(folder)
    text = page.read_text()
    assert page == folder / PAGE
    assert text.count("<svg") == 6
    assert "minimize: &lt;something&gt;" in text
    names = ["budget-passes", "budget-trials", "history", "importances", "values-salun", "values-scrub"]
    assert sorted({path.stem for path in files}) == names
    assert all(path.stat().st_size > 1_000 for path in files)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            lambda record: record["methods"]["scrub"]["trials"][1].update(objective=0.5),
            "trials of scrub have another",
        ),
        (lambda record: record.update(schema=99), "is of another version"),
        (lambda record: record.pop("methods"), "cannot be read"),
    ],
)
def test_a_record_that_was_changed_is_refused_by_name(tmp_path: Path, change: Any, told: str) -> None:
    record = record_with(scrub=SCRUB)
    change(record)
    (tmp_path / RECORD).write_text(json.dumps(record))
    with pytest.raises(SupremeError, match=told):
        read_study(tmp_path)
