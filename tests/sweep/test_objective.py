"""`objective=`: what it takes, what it makes of a row, and what sweepers that search expect of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import hydra
import pytest
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from supreme.command_line.conf_folder import CONF
from supreme.core import SupremeError
from supreme.pipeline.cell import Cell
from supreme.sweep.objective import objectives_in, returned
from supreme.sweep.plan.compose import Composer, Problems
from supreme.sweep.plan.objectives import check_in_row, check_objectives
from supreme.sweep.plan.plan import resolve
from supreme.sweep.plan.planned_columns import planned_columns
from supreme.sweep.searches import check_search

ROW: dict[str, Any] = {
    "metrics": {"accuracy/forget": 0.5, "accuracy/test": 0.75, "membership/auc": None, "js_divergence/forget": 0.25},
    "reference": {"accuracy/forget": 0.75, "accuracy/test": 0.5, "membership/auc": 0.5, "js_divergence/forget": None},
    "reasons": {
        "metrics": {"membership/auc": "there are no non-members"},
        "reference": {"js_divergence/forget": "the reference would be compared with itself"},
    },
    "columns": {"js_divergence/forget": {"direction": "lower"}},
}


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Cell:
    """One of class forgetting, with its split drawn."""
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        config = hydra.compose("config", return_hydra_config=True)
        composer = Composer(SimpleNamespace(config_loader=GlobalHydra.instance().config_loader()), config)
        composed, _ = composer(["scenario=full_class", "scenario.target=3", "metric=[accuracy,js_divergence]"])
    (found,) = resolve([composed], tmp_path_factory.mktemp("objective"), Problems())
    return found


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("accuracy/forget", 0.5),
        ("maximize:accuracy/forget", 0.5),
        ("gap/accuracy/forget", 0.25),
        ("gap/accuracy/forget+gap/accuracy/test", 0.5),
        ("gap/accuracy/forget + js_divergence/forget", 0.5),
        (["accuracy/forget", "maximize:accuracy/test"], [0.5, 0.75]),
        (None, ROW),
    ],
)
def test_a_run_returns_a_column_a_gap_a_sum_or_a_list_and_without_an_objective_its_row(
    given: Any, expected: Any
) -> None:
    assert returned(objectives_in(given), ROW) == expected


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (3, r"^objective=3 is not allowed: give a column of the row, as in objective=accuracy/forget; its distance"),
        (True, "^objective=True is not allowed"),
        ({"a": 1}, "is not allowed: give a column"),
        ([], r"^objective=\[\] names nothing"),
        ([None], "^objective=None is not allowed"),
        ("", "^objective= is not allowed"),
        ("gap/", "^objective=gap/ is not allowed"),
        ("gap", "^objective=gap is not allowed"),
        ("accuracy/forget+", r"^objective=accuracy/forget\+ is not allowed"),
        ("-accuracy/test", "^objective=-accuracy/test is not allowed"),
        ("min:accuracy/test", "'min' is no direction; type minimize:accuracy/test or maximize:accuracy/test"),
    ],
)
def test_what_is_no_objective_is_refused_in_one_sentence(given: Any, sentence: str) -> None:
    with pytest.raises(SupremeError, match=sentence) as refused:
        objectives_in(given)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("membership/auc", "objective=membership/auc has no value here: membership/auc is n/a (there are no non-"),
        ("gap/js_divergence/forget", "js_divergence/forget of the reference is n/a (the reference would be compared"),
        ("accuracy/retain", "there is no column accuracy/retain in the row; did you mean"),
    ],
)
def test_a_column_without_a_value_fails_the_run_with_the_reason(given: str, sentence: str) -> None:
    with pytest.raises(SupremeError) as refused:
        returned(objectives_in(given), ROW)
    assert sentence in str(refused.value)


REFUSED = {
    "accuracy/forgot": "did you mean accuracy/forget or",
    "forget_accuracy": "did you mean accuracy/forget?",
    "retain_test_accuracy": "did you mean accuracy/retain_test?",
    "accuracy": "did you mean accuracy/forget or",
    "zzz": "whose metrics are accuracy, js_divergence, loss: give a column of the row, as in objective=accuracy/forget",
    "membership/auc": "metric membership is not chosen; add it, as in 'metric=[accuracy,js_divergence,membership]'",
    "gap/js_divergence/forget": "better values of js_divergence/forget are lower ones, not those nearer to the",
}


@pytest.mark.parametrize("given", REFUSED)
def test_an_objective_that_no_row_could_answer_is_refused_before_anything_is_trained(given: str, cell: Cell) -> None:
    problems = Problems()
    check_objectives([cell, cell], objectives_in(given), problems)
    (sentence,) = problems.counts
    assert sentence.startswith(f"objective={given}")
    assert REFUSED[given] in sentence


@pytest.mark.parametrize("given", ["accuracy/forget_test", "gap/loss/retain+js_divergence/forget", None])
def test_an_objective_of_the_row_is_taken(given: str | None, cell: Cell) -> None:
    problems = Problems()
    check_objectives([cell], objectives_in(given), problems)
    assert not problems.counts


def test_a_row_that_was_found_answers_for_itself(cell: Cell) -> None:
    problems = Problems()
    check_in_row(
        cell, ROW, objectives_in(["gap/accuracy/forget", "accuracy/forgot", "gap/js_divergence/forget"]), problems
    )
    first, second = problems.counts
    assert "did you mean accuracy/forget" in first
    assert "type objective=js_divergence/forget" in second


def test_the_columns_of_a_cell_are_known_before_its_models_and_those_of_a_stranger_are_not(cell: Cell) -> None:
    columns = planned_columns(cell)
    assert columns is not None
    assert {"accuracy/forget_test", "loss/retain", "js_divergence/forget"} <= columns.keys()
    assert columns["js_divergence/forget"].direction == "lower"
    stranger = SimpleNamespace(judging_split=cell.split, metrics={"broken": {"_target_": "broken.NoSuchMetric"}})
    assert planned_columns(stranger) is None  # type: ignore[arg-type]


OPTUNA, BOTH = {"direction": "minimize"}, {"direction": ["minimize", "maximize"]}
NEVERGRAD, AX = {"optim": {"maximize": True}}, {"ax_config": {"experiment": {"minimize": True}}}


@pytest.mark.parametrize(
    ("given", "sweeper"),
    [
        (None, {"params": None}),
        ("accuracy/forget", {"params": None}),
        ("gap/accuracy/forget", OPTUNA),
        ("accuracy/test", OPTUNA),  # which way is better, nobody has said
        ("maximize:accuracy/test", NEVERGRAD),
        (["gap/accuracy/forget", "maximize:accuracy/test"], BOTH),
    ],
)
def test_an_objective_that_suits_the_sweeper_is_taken(given: Any, sweeper: dict[str, Any]) -> None:
    check_search(objectives_in(given), OmegaConf.create(sweeper), {})


@pytest.mark.parametrize(
    ("given", "sweeper", "sentence"),
    [
        (None, OPTUNA, "this sweeper needs a number from each run: type objective=gap/accuracy/forget"),
        (None, AX, "this sweeper needs a number"),
        ("gap/accuracy/forget", BOTH, "objective names 1 number and hydra.sweeper.direction 2 directions"),
        (["accuracy/forget", "accuracy/test"], OPTUNA, "'hydra.sweeper.direction=[minimize,minimize]'"),
        (
            "maximize:accuracy/test",
            OPTUNA,
            "asks to maximize, and the sweeper minimizes: type hydra.sweeper.direction=max",
        ),
        ("maximize:accuracy/test", AX, "type hydra.sweeper.ax_config.experiment.minimize=false"),
        (
            "gap/accuracy/forget",
            NEVERGRAD,
            "is there to minimize, and the sweeper maximizes: type hydra.sweeper.optim.max",
        ),
    ],
)
def test_an_objective_that_the_sweeper_would_drive_the_wrong_way_is_refused(
    given: Any, sweeper: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(SupremeError) as refused:
        check_search(objectives_in(given), OmegaConf.create(sweeper), {})
    assert sentence in str(refused.value)
