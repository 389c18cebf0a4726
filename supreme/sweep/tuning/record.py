"""What is kept of a search beside its journal: every trial, in JSON that needs no Optuna to be read."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from supreme.core import SupremeError
from supreme.pipeline.cell import Cell
from supreme.report.studies.read import SCHEMA, study_digest
from supreme.sweep.plan.plan import read_row
from supreme.sweep.tuning.goal import reads_reference
from supreme.sweep.tuning.study import MethodStudy, needs_optuna
from supreme.sweep.tuning.trial import DEFAULTS, Proposal, Trial, best_of
from supreme.sweep.tuning.tune import Searched


def record_of(done: Searched) -> dict[str, Any]:
    """The content of `study.json`.

    Raises:
        SupremeError: no trial of any method has succeeded.
    """
    options, trials = done.options, done.trials
    methods = {study.method: _method(study, done) for study in done.studies}
    if not any(of["winner"] is not None for of in methods.values()):
        errors = {trial["error"] for of in methods.values() for trial in of["trials"]}
        raise SupremeError(f"every trial of every method failed, the first with: {sorted(errors)[0] if errors else ''}")
    cell = next(iter(trials.located.values()))
    record = {
        "schema": SCHEMA,
        "study": done.folder.name,
        **{group: cell.names[group] for group in ("data", "model", "recipe", "scenario")},
        "for": scope_of(cell),
        "objective": str(trials.goal),
        "columns": list(trials.goal.columns),
        "direction": trials.goal.direction,
        "images": "validation",
        "uses_reference": _uses_reference(done),
        "seeds": list(options.seeds),
        "budget": {"trials": options.budget, "sample_passes": options.budget_passes},
        "sampler": f"TPE of Optuna {needs_optuna().__version__}, {options.at_once} trials at once",
        "finished": time.strftime("%Y-%m-%d %H:%M:%S"),
        "methods": methods,
    }
    for method, told in methods.items():
        told["sha256"] = study_digest(record, method)
    return record


def scope_of(cell: Cell) -> dict[str, Any]:
    """What values that are found on such cells are for.

    The choices, every number and truth of data, model and recipe, and every value of the scenario. Paths, and what
    names files, are no part of it.
    """
    scope: dict[str, Any] = {}
    for group in ("data", "model", "recipe", "scenario"):
        scope[group] = cell.names[group]
        for field, value in cell.nodes[group].items():
            numbers = all(isinstance(one, int | float) for one in (value if isinstance(value, list) else [value]))
            if numbers or (group == "scenario" and not field.startswith("_")):
                scope[f"{group}.{field}"] = [value] if isinstance(value, list) else value
    return scope


def _method(study: MethodStudy, done: Searched) -> dict[str, Any]:
    trials = study.ended(done.options.budget)
    best = best_of(trials, study.direction)
    first = _cell(study, done, trials[DEFAULTS]) if trials else None
    ran = {} if best is None else _cell(study, done, best).nodes["method"]
    return {
        "space": {name: one.text for name, one in study.space.items()},
        "log": [name for name, one in study.space.items() if one.log],
        "defaults": dict(study.defaults),
        "starts_from": str(((first and first.tuned) or {}).get("preset", "")),
        "trials": [asdict(trial) for trial in trials],
        "importances": study.importances(),
        "winner": None if best is None else best.number,
        "values": {name: value for name, value in ran.items() if name != "_target_"},
    }


def _cell(study: MethodStudy, done: Searched, trial: Trial) -> Cell:
    values = {} if trial.number == DEFAULTS else trial.values
    return done.trials.cell(Proposal(method=study.method, number=trial.number, values=values), done.options.seeds[0])


def _uses_reference(done: Searched) -> bool:
    """Whether any objective of this search read the retrained model, as the rows of its trials tell."""
    at = done.trials.settings.workplace()
    for study in done.studies:
        best = best_of(study.ended(done.options.budget), study.direction)
        row = best and read_row(_cell(study, done, best), at)
        if row:
            return reads_reference(done.trials.goal, [row])
    return reads_reference(done.trials.goal, [])
