"""Margins for columns that no metric of a sweep gives, told when it is planned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import hydra
import pytest

from supreme.core.registry import as_component
from supreme.pipeline.cell import Cell
from supreme.sweep.plan.endpoints import unknown_endpoints
from tests.conf_files import CONF
from tests.recorded_keys import composed


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Cell:
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        chosen = composed("metric=[accuracy,membership,cost]", "method=original")
    return chosen.resolved(Path(tmp_path_factory.mktemp("data")))


def told(cell: Cell, *names: str, **metrics: Any) -> list[str]:
    asked = replace(cell, declared={"margins": dict.fromkeys(names, 0.1)}, metrics={**cell.metrics, **metrics})
    return unknown_endpoints(asked)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("accuracy/forgett", "did you mean accuracy/forget?"),
        ("acuracy/test", "did you mean accuracy/test?"),
        ("membership/tpr_at_0.1", "did you mean membership/tpr_at_0.01?"),
        ("accuracy/forget_test", "did you mean accuracy/"),  # of scenarios that forget a whole class
        ("x", "there are accuracy/forget, loss/forget, "),
    ],
)
def test_a_margin_for_a_column_that_no_metric_gives_is_refused_with_a_near_name(
    cell: Cell, name: str, hint: str
) -> None:
    (sentence,) = told(cell, name)
    assert sentence.startswith(f"report.margins declares {name}, and no metric of this sweep gives it: {hint}")


def test_columns_of_the_metrics_that_were_chosen_are_not(cell: Cell) -> None:
    assert told(cell, "accuracy/forget", "loss/test", "cost/speedup", "membership/entropy_attack") == []


def test_those_of_the_config_are_passed_over_whatever_metrics_were_chosen(cell: Cell) -> None:
    assert told(cell, "js_divergence/forget", "accuracy/retain_test") == []


def test_a_plain_function_may_give_any_column(cell: Cell) -> None:
    own = as_component({"_target_": "tests.api.own_components.confidence"}, "metric")
    assert told(cell, "confidence/forget", confidence=own) == []
