"""The parts of supreme tune, with a run of trials that takes no time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from supreme.command_line.words import readable
from supreme.core import SupremeError
from supreme.core.endpoints import Endpoints
from supreme.core.errors import COMPARED_WITH_ITSELF
from supreme.report.studies.read import study_digest
from supreme.sweep.objective import objectives_in
from supreme.sweep.plan.dimension import dimension
from supreme.sweep.plan.preset_files import _preset
from supreme.sweep.tuning.freeze import freeze, preset_of
from supreme.sweep.tuning.goal import Asked, Distance, distance_of, reads_reference
from supreme.sweep.tuning.method_space import space_of
from supreme.sweep.tuning.options import read
from supreme.sweep.tuning.search import Budget, search
from supreme.sweep.tuning.study import MethodStudy
from supreme.sweep.tuning.trial import Proposal, Tried, best_of

pytest.importorskip("optuna", minversion="5", reason="needs Optuna 5: pip install -e '.[tune]'")

SPACE = {
    "lr": dimension("lr", "tag(log, interval(1e-5, 1e-1))"),
    "epochs": dimension("epochs", "range(1, 11)"),
    "order": dimension("order", "choice(mixed, first, failing)"),
}
DEFAULTS = {"lr": 0.5, "epochs": 3, "order": "mixed"}
"""Of which lr lies outside of the space."""


def made(folder: Path, method: str = "scrub", at_once: int = 4, direction: str = "minimize") -> MethodStudy:
    return MethodStudy(
        method=method,
        name=f"{method}-1",
        space=SPACE,
        defaults=DEFAULTS,
        direction=direction,
        journal=folder / "journal.log",
        at_once=at_once,
    )


def tried(proposal: Proposal) -> Tried:
    """Best at a learning rate of 0.001 and one epoch; one order always fails."""
    values = {**DEFAULTS, **proposal.values}
    if values["order"] == "failing":
        return Tried(error="the loss is not finite")
    distance = abs(math.log10(values["lr"]) + 3) + values["epochs"] / 10
    return Tried(per_seed=[distance - 0.1, distance + 0.1], sample_passes=100 * values["epochs"])


def run(proposals: Sequence[Proposal]) -> Iterator[tuple[Proposal, Tried]]:
    return ((proposal, tried(proposal)) for proposal in proposals)


# The space.


@pytest.mark.parametrize(
    ("text", "holds", "lacks"),
    [
        ("tag(log, interval(1e-5, 1e-2))", [1e-5, 0.002, 1e-2], [1e-6, 0.1, True, "a"]),
        ("interval(0, 1)", [0, 0.5, 1], [-1, 1.01]),
        ("range(1, 11)", [1, 10], [0, 11, 1.5]),
        ("range(0, 1, 0.25)", [0.25, 0.75], [0.3, 1.0]),
        ("tag(log, range(1, 101))", [1, 100], [0, 101]),
        ("int(interval(1, 4))", [1, 4], [0, 5]),
        ("choice(0.1, 1, 10)", [0.1, 10], [2, "1"]),
        ("choice(mixed, first)", ["mixed"], ["second"]),
    ],
)
def test_a_text_in_hydras_words_spans_these_values_and_optuna_proposes_no_others(
    text: str, holds: list[Any], lacks: list[Any]
) -> None:
    found = dimension("lr", text)
    assert all(found.holds(value) for value in holds)
    assert not any(found.holds(value) for value in lacks)
    assert all(found.distribution()._contains(found.distribution().to_internal_repr(value)) for value in holds)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("0.5", "lr: 0.5 is no range of values to search: give choice"),
        (0.5, "lr: 0.5 is no range of values to search: give choice"),
        ("choice(1)", "is no range of values to search"),
        ("interval(2, 1)", "is no range of values to search"),
        ("range(1, 1)", "is no range of values to search"),
        ("choice([1, 2], [3])", "is no range of values to search"),
        ("tag(log, interval(0, 1))", "a logarithmic scale needs numbers above 0"),
        ("tag(exp, interval(0, 1))", "tag exp means nothing here"),
        ("interval(1", "is no range of values to search"),
    ],
)
def test_a_text_that_spans_nothing_is_refused(text: Any, sentence: str) -> None:
    with pytest.raises(SupremeError) as caught:
        dimension("lr", text)
    assert sentence in str(caught.value)


def test_a_space_names_fields_that_the_method_has() -> None:
    node = {"_target_": "x.SCRUB", "lr": 0.1, "optimizer": {"_target_": "x.SGD", "momentum": 0.9}}
    assert list(space_of("scrub", node, {"optimizer": {"momentum": "interval(0, 1)"}}, "here")) == [
        "optimizer.momentum"
    ]
    with pytest.raises(SupremeError, match="here: method scrub has no value lrr; did you mean lr"):
        space_of("scrub", node, {"lrr": "interval(0, 1)"}, "here")
    with pytest.raises(SupremeError, match="here: space is empty"):
        space_of("scrub", node, {}, "here")


# The words.


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("method=scrub budget=abc seeds=1", "budget=abc is not allowed: give a whole number from 1, as in budget=30"),
        ("method=scrub budget=0 seeds=1", "budget=0 is not allowed"),
        ("method=scrub budget=1.5 seeds=1", "budget=1.5 is not allowed"),
        ("method=scrub budget=nan seeds=1", "budget=nan is not allowed"),
        ("method=scrub budget=3", "supreme tune needs seeds="),
        ("method=scrub seeds=1", "supreme tune needs budget="),
        ("budget=3 seeds=1", "supreme tune needs method="),
        ("method=scrub budget=3 seeds=", "seeds= is not allowed: give training seeds"),
        ("method=scrub budget=3 seeds=1,1", "seeds=1,1 is not allowed"),
        ("method=scrub budget=3 seeds=a", "seeds=a is not allowed"),
        ("method=scrub budget=3 seeds=-1", "seeds=-1 is not allowed"),
        ("method=scrub budget=3 seed=1..3", "type seeds="),
        ("method=scrub budgett=3 seeds=1", "supreme tune has no budgett; did you mean budget?"),
        ("method=scrub budget=3 seeds=1 data.evaluate_on=test", "never on test images: leave it out"),
        ("method=scrub budget=3 seeds=1 audit=[u_lira]", "a trial is no result to audit"),
        ("method=scrub budget=3 seeds=1 hydra/sweeper=optuna", "supreme tune is a sweeper of its own"),
        ("method=scrub budget=3 seeds=1 space.scrub=1", "name method and field"),
        (
            "method=scrub budget=3 seeds=1 write=there",
            "write=there is not allowed: presets lie in a folder called tuned",
        ),
        ("method=scrub budget=3 seeds=1 budget_passes=0", "budget_passes=0 is not allowed"),
    ],
)
def test_a_word_that_makes_no_search_is_refused_in_a_sentence(typed: str, sentence: str) -> None:
    with pytest.raises(SupremeError) as caught:
        read(readable(typed.split(), ["tune"], sweeps=True))
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("seeds", "found"), [("100..102", (100, 101, 102)), ("5", (5,)), ("[1,2]", (1, 2)), ("7,9", (7, 9))]
)
def test_the_words_of_a_search_are_taken_and_the_others_left(seeds: str, found: tuple[int, ...]) -> None:
    words = ["method=scrub,salun", "budget=3", f"seeds={seeds}", "space.scrub.lr=interval(0,1)", "recipe.epochs=2"]
    options, rest = read(readable(words, ["tune"], sweeps=True))
    assert options.seeds == found
    assert options.spaces == {"scrub": {"lr": "interval(0,1)"}}
    assert rest == ["method=scrub,salun", "recipe.epochs=2"]


# The trials.


def test_the_first_trial_is_that_of_the_defaults_also_where_they_lie_outside_of_the_space(tmp_path: Path) -> None:
    study = made(tmp_path)
    search([study], Budget(trials=6), run)
    first, *others = study.ended(6)
    assert first.number == 0
    assert first.values == DEFAULTS
    assert first.per_seed == list(tried(Proposal(method="scrub", number=0, values={})).per_seed)
    assert all(SPACE[name].holds(value) for trial in others for name, value in trial.values.items())


def test_every_method_gets_as_many_trials_and_failed_ones_count(tmp_path: Path) -> None:
    studies = [made(tmp_path, method) for method in ("scrub", "salun")]
    search(studies, Budget(trials=21), run)
    for study in studies:
        trials = study.ended(21)
        failed = [trial for trial in trials if trial.objective is None]
        assert len(trials) == 21
        assert failed
        assert {(trial.error, trial.values["order"]) for trial in failed} == {("the loss is not finite", "failing")}
    assert studies[0].ended(21)[1].values != studies[1].ended(21)[1].values


def test_a_limit_of_sample_passes_ends_the_rounds_of_the_method_that_has_spent_it(tmp_path: Path) -> None:
    study = made(tmp_path)
    search([study], Budget(trials=100, sample_passes=2_000), run)
    trials = study.ended(100)
    assert 0 < len(trials) < 100
    assert sum(trial.sample_passes for trial in trials) >= 2_000
    assert sum(trial.sample_passes for trial in trials[:-4]) < 2_000


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_search_that_is_killed_again_and_again_tries_what_an_uninterrupted_one_tries(
    tmp_path: Path, after: int
) -> None:
    whole = made(tmp_path)
    search([whole], Budget(trials=14), run)
    other = tmp_path / "other"
    other.mkdir()
    while proposals := made(other).round(14):  # a new object has nothing but the journal
        study = made(other)
        for proposal in proposals[:after]:
            study.tell(proposal, tried(proposal))
    assert made(other).ended(14) == whole.ended(14)


def test_a_larger_budget_goes_on_with_the_trials_of_a_smaller_one(tmp_path: Path) -> None:
    study = made(tmp_path)
    search([study], Budget(trials=8), run)
    before = study.ended(8)
    search([made(tmp_path)], Budget(trials=12), run)
    assert made(tmp_path).ended(12)[:8] == before
    assert len(made(tmp_path).ended(12)) == 12
    assert made(tmp_path).ended(8) == before


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_the_best_trial_is_better_than_most_and_lies_where_the_objective_is_good(
    tmp_path: Path, direction: str
) -> None:
    study = made(tmp_path, direction=direction)
    search([study], Budget(trials=30), run)
    best = best_of(study.ended(30), direction)
    assert best
    assert made(tmp_path, method="salun").importances() == {}
    if direction == "minimize":
        assert 1e-4 < best.values["lr"] < 1e-2
        assert max(study.importances(), key=study.importances().__getitem__) == "lr"
    else:
        assert best.values["epochs"] > 5 or best.number == 0


# What is made small.


def row(forget: float, reference: float, original: float, distance: float = 0.0) -> dict[str, Any]:
    itself = {"js_divergence/forget": COMPARED_WITH_ITSELF.format("reference")}
    return {
        "metrics": {"accuracy/forget": forget, "js_divergence/forget": distance},
        "reference": {"accuracy/forget": reference, "js_divergence/forget": None},
        "original": {"accuracy/forget": original, "js_divergence/forget": 0.4},
        "reasons": {"metrics": {}, "original": {}, "reference": itself},
    }


def test_the_distance_is_the_mean_over_endpoints_in_units_of_their_margins() -> None:
    endpoints = Endpoints({"accuracy/forget": 0.02, "js_divergence/forget": None}, most_left=0.25)
    rows = [row(0.96, 0.90, 1.0, distance=0.2), row(0.90, 0.92, 1.0, distance=0.0)]
    found = Distance(endpoints=endpoints).per_seed(rows)
    assert found == pytest.approx([(3 + 2) / 2, (1 + 0) / 2])  # of the divergence 0.25 x 0.4 is the unit


def test_a_relative_endpoint_on_which_the_original_is_the_reference_is_no_unit() -> None:
    endpoints = Endpoints({"accuracy/forget": None})
    with pytest.raises(SupremeError, match=r"type report\.margins\.accuracy/forget=null"):
        Distance(endpoints=endpoints).per_seed([row(0.9, 1.0, 1.0)])


@pytest.mark.parametrize(
    ("columns", "kept"),
    [
        (("accuracy/forget", "accuracy/test"), "accuracy/test"),
        (("accuracy/forget", "accuracy/test", "accuracy/retain_test", "accuracy/forget_test"), "accuracy/retain_test"),
    ],
)
def test_utility_is_that_on_retained_classes_where_a_class_is_forgotten(columns: tuple[str, ...], kept: str) -> None:
    margins = {"accuracy/forget": 0.02, "accuracy/test": 0.01, "accuracy/retain_test": 0.01}
    assert distance_of({"margins": margins}, columns).columns == ("accuracy/forget", kept)


@pytest.mark.parametrize(
    ("declared", "sentence"),
    [({}, "declares no endpoint"), ({"margins": {"zrf/forget": 0.1}}, "declares zrf/forget, which no metric of this")],
)
def test_without_endpoints_there_is_nothing_to_be_near_to(declared: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SupremeError, match=sentence):
        distance_of(declared, ("accuracy/forget",))


@pytest.mark.parametrize(
    ("objective", "reads"),
    [("gap/accuracy/forget", True), ("accuracy/forget", False), ("js_divergence/forget", True)],
)
def test_whether_a_search_read_the_retrained_model_is_found_in_the_rows(objective: str, reads: bool) -> None:
    goal = Asked(objective=objectives_in(objective)[0], direction="minimize")
    assert reads_reference(goal, [row(0.9, 0.9, 1.0)]) is reads


# What is kept.


def record(study: MethodStudy, budget: int) -> dict[str, Any]:
    from dataclasses import asdict

    trials = study.ended(budget)
    best = best_of(trials, study.direction)
    values = {"lr": 0.001, "compat": "paper", "decay_epochs": [5, 8]}
    told = {
        "space": {name: one.text for name, one in study.space.items()},
        "trials": [asdict(trial) for trial in trials],
        "winner": None if best is None else best.number,
        "values": values,
    }
    found = {
        "study": "digits-small_cnn-random-1234",
        "data": "digits",
        "model": "small_cnn",
        "recipe": "sgd",
        "scenario": "random",
        "for": {"data": "digits", "model": "small_cnn", "scenario": "random", "scenario.fraction": 0.1},
        "objective": "minimize: gap/accuracy/forget",
        "columns": ["accuracy/forget"],
        "images": "validation",
        "uses_reference": True,
        "seeds": [100, 101],
        "methods": {study.method: told},
    }
    told["sha256"] = study_digest(found, study.method)
    return found


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> MethodStudy:
    study = made(tmp_path_factory.mktemp("searched"))
    search([study], Budget(trials=8), run)
    return study


def test_a_winner_is_written_as_a_preset_that_reads_back_and_tells_of_its_search(
    searched: MethodStudy, tmp_path: Path
) -> None:
    path, told = tmp_path / "tuned" / "scrub.yaml", record(searched, 8)
    preset = preset_of(told, "scrub", {"compat": "paper"})
    freeze(preset, path)
    (entry,) = yaml.safe_load(path.read_text())
    assert entry == preset
    read_back = _preset("scrub", entry, "file", "file, entry 1")
    assert read_back.scope.conventions == {"compat": "paper"}
    assert read_back.fields == {"compat": "paper", "lr": 0.001, "decay_epochs": [5, 8]}
    assert entry["chosen"]["search"] == {
        "objective": "minimize: gap/accuracy/forget",
        "best": preset["chosen"]["search"]["best"],
        "defaults": searched.ended(1)[0].objective,
        "winner": f"trial {told['methods']['scrub']['winner']}",
        "trials": 8,
        "failed": sum(trial.objective is None for trial in searched.ended(8)),
        "sample_passes": sum(trial.sample_passes for trial in searched.ended(8)),
        "study": "digits-small_cnn-random-1234",
        "sha256": study_digest(told, "scrub"),
    }
    assert max(map(len, path.read_text().splitlines())) <= 118


def test_writing_a_preset_again_changes_nothing_and_what_else_is_in_the_file_stays(
    searched: MethodStudy, tmp_path: Path
) -> None:
    path = tmp_path / "scrub.yaml"
    body = "  for: {data: pins}\n  values: {lr: 0.5}\n  chosen: {source: reasoned}\n"
    theirs = f"# Of somebody else\n- name: theirs\n{body}"
    path.write_text(theirs)
    preset = preset_of(record(searched, 8), "scrub", {})
    freeze(preset, path)
    once = path.read_text()
    assert once.startswith(theirs)
    freeze(preset, path)
    assert path.read_text() == once
    path.write_text(
        once + "\n# Last\n- name: last\n  for: {data: pins}\n  values: {lr: 1}\n  chosen: {source: reasoned}\n"
    )
    freeze({**preset, "values": {"lr": 1e-05}}, path)
    entries = yaml.safe_load(path.read_text())
    assert [entry["name"] for entry in entries] == ["theirs", preset["name"], "last"]
    assert entries[1]["values"] == {"lr": 1e-05}
    assert "# Last\n- name: last" in path.read_text()


def test_where_no_trial_does_better_the_defaults_win_and_the_file_says_so(tmp_path: Path) -> None:
    study = made(tmp_path)
    search([study], Budget(trials=4), lambda proposals: ((one, Tried(per_seed=[1.0])) for one in proposals))
    preset = preset_of(record(study, 4), "scrub", {})
    assert preset["chosen"]["search"]["winner"] == "defaults"
    freeze(preset, tmp_path / "scrub.yaml")
    assert "no trial did better, so these are the values without a search" in (tmp_path / "scrub.yaml").read_text()


def test_the_digest_of_a_study_changes_with_any_of_its_trials(searched: MethodStudy) -> None:
    told = record(searched, 8)
    before = study_digest(told, "scrub")
    assert study_digest(record(searched, 8), "scrub") == before
    told["methods"]["scrub"]["trials"][3]["sample_passes"] += 1
    assert study_digest(told, "scrub") != before
