"""Versions of what scenarios and metrics mean: raised when the code asks for it, and never pooled."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from results import save_row
from test_report import row

from supreme.core import SupremeError
from supreme.core.components import version_of
from supreme.report.rows.load import load
from tests.meanings import meanings_now, recorded, told
from tests.stage_code import changed_under_its_number


def test_a_metric_or_a_scenario_computes_something_else_only_under_another_version() -> None:
    changed = changed_under_its_number(recorded(), meanings_now())
    assert not changed, told(changed)


def test_the_record_has_every_metric_and_scenario_with_its_present_version() -> None:
    now = {name: own["schema"] for name, own in meanings_now().items()}
    assert {name: own["schema"] for name, own in recorded().items()} == now, "type `python -m tests.meanings`"


def test_other_arithmetic_of_a_metric_is_named_unless_its_version_is_raised() -> None:
    now = meanings_now()["metric accuracy"]
    name = "supreme.metrics.arithmetic.answers.accuracy"
    other = {**now, "definitions": {**now["definitions"], name: "0" * 16}}
    assert changed_under_its_number({"metric accuracy": now}, {"metric accuracy": other}) == {"metric accuracy": [name]}
    assert not changed_under_its_number({"metric accuracy": now}, {"metric accuracy": {**other, "schema": 2}})


@pytest.mark.parametrize("given", ["2", 0, -1, True, 1.0, None])
def test_a_version_that_is_no_whole_number_from_1_is_refused(given: Any) -> None:
    class Odd:
        version: ClassVar[Any] = given

    with pytest.raises(SupremeError, match=r"Odd\.version=.* is not allowed: declare a whole number from 1"):
        version_of(Odd())


def test_a_component_without_a_version_has_the_first_one_and_a_field_of_that_name_is_none() -> None:
    class Plain:
        def __init__(self) -> None:
            self.version = 7

    assert version_of(Plain()) == 1


def _settings(tmp_path: Any, *rows: dict[str, Any]) -> list[str]:
    """The setting of each method, in the order of these rows, which arrive one after the other."""
    for hour, content in enumerate(rows):
        save_row(tmp_path, {**content, "provenance": {"finished": f"2026-01-01T{hour:02}:00:00+00:00"}})
    frame = load(tmp_path).drop_duplicates("cell").set_index("method")
    return [str(frame.loc[content["method"], "setting"]) for content in rows]


METRICS = {"metric": {"accuracy": {}, "js_divergence": {}}}


def test_rows_of_two_versions_stand_apart_and_the_first_that_came_keeps_its_name(tmp_path: Any) -> None:
    first, second = row("ssd", 0, config=METRICS), row("scrub", 0, config=METRICS)
    found = _settings(tmp_path, first, {**second, "meanings": {"scenario": 1, "metric.js_divergence": 3}})
    assert found == ["", "metric.js_divergence.version=3"]


def test_rows_that_are_older_than_versions_stand_with_those_of_the_first(tmp_path: Any) -> None:
    first, second = row("ssd", 0, config=METRICS), row("scrub", 0, config=METRICS)
    assert _settings(tmp_path, first, {**second, "meanings": {"scenario": 1, "metric.accuracy": 1}}) == ["", ""]


def test_another_version_of_a_scenario_is_told_and_a_row_without_the_metric_is_of_no_version(tmp_path: Any) -> None:
    first, second = row("ssd", 0, config=METRICS), row("scrub", 0, config=METRICS)
    third = row("neggrad", 0, config={"metric": {"accuracy": {}}})
    rows = (first, {**second, "meanings": {"scenario": 2}}, {**third, "meanings": {"metric.js_divergence": 9}})
    assert _settings(tmp_path, *rows) == ["", "scenario.version=2", ""]
