"""The row of a cell: every metric of the unlearned model, and of the reference and the original beside it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np

from supreme.core import SelfComparison, Series, SupremeError, Undefined, seeds
from supreme.core.column import columns_in, declared_of
from supreme.core.components import version_of
from supreme.core.row import IDENTICAL, UNCHANGED, sealed_row
from supreme.pipeline import given_models, keys, stages, twins
from supreme.pipeline.cell import Cell
from supreme.pipeline.evaluation import BATCH, CellEvaluation
from supreme.pipeline.inspection import with_inspected
from supreme.pipeline.judged import on_validation
from supreme.pipeline.keys import SCHEMA
from supreme.pipeline.predictions import predictions, untrained
from supreme.pipeline.prepared import Prepared
from supreme.pipeline.process_cache import PROCESS_CACHE
from supreme.pipeline.process_state import untouched
from supreme.store.artefact import Artefact, Contents
from supreme.store.files import digest, write_json
from supreme.store.fingerprint import Code
from supreme.store.provenance import provenance
from supreme.store.store import Store

ANCHORS = ("reference", "original")
"""The models that every row holds beside its own, to compare with."""

UNTRAINED_MODELS = 5
"""Randomly initialised models that ZRF averages over: with one, its value would depend on that one's seed.

They are the same for all training seeds, whose values would else differ by who judged them.
"""


def evaluate(prepared: Prepared) -> dict[str, Any]:
    """Write the cell's row: every metric of the unlearned model, and of the reference and the original beside it."""
    cell, place = prepared.cell, prepared.place
    done = {stage: make(prepared) for stage, make in stages.STAGES.items()}
    for code in cell.codes.values():  # before there is anything to lose, should another worker be at it
        _keep(place.store, code)
    start = time.monotonic()
    place.activity.begin("evaluate")
    prepared.configure()
    evaluations, metrics = _evaluations(prepared, done), prepared.metrics
    with prepared.evaluating():  # some metrics train, or take gradients
        anchors = _anchors(prepared, evaluations)
        measured = measure(metrics, evaluations["unlearned"])
    judging = cell.judging_split()
    row = {
        "cell": cell.id,
        "schema": SCHEMA["row"],
        **cell.names,
        "protocol": cell.protocol,
        "tuned": cell.tuned,
        "declared": cell.declared,
        "changed": cell.changed,
        "seed": cell.seed,
        "seeds": dict(cell.seeds),
        "metrics": measured["values"],
        **{name: anchors[name]["values"] for name in ANCHORS},
        "reasons": {"metrics": measured["reasons"], **{name: anchors[name]["reasons"] for name in ANCHORS}},
        "columns": {
            name: column.record()
            for metric in metrics.values()
            for name, column in columns_in(declared_of(metric), measured["values"]).items()
        },
        "warnings": _warnings(metrics, evaluations["unlearned"], measured["values"]),
        "series": with_inspected(
            {"metrics": measured["series"], **{name: anchors[name]["series"] for name in ANCHORS}},
            evaluations,
            metrics,
            cell.samples,
        ),
        "samples": cell.samples,
        "meanings": {
            "scenario": version_of(cell.build("scenario")),
            **{f"metric.{name}": version_of(metric) for name, metric in metrics.items()},
        },
        "notes": [*_notes(cell, done), *given_models.doubts(cell, prepared.judging_split, evaluations["reference"])],
        "cost": done["unlearned"].record["cost"],
        "sets": {name: len(images) for name, images in judging.sets.items() if len(images)},
        "twins": twins.counts(judging, judging.digest, cell.data_path, cell.decoded),
        "forget_digest": prepared.split.forget_digest,
        "metric_keys": cell.metric_keys,
        "given": cell.given_files(getattr(prepared.method, "made_elsewhere", False)),
        "config": {**cell.nodes, "metric": cell.metrics, **cell.numerics},
        "provenance": {
            **provenance(place.device),
            "data_fingerprint": cell.decoded.fingerprint,  # of the source, which all forget draws share
            "keys": {stage: cell.key(stage) for stage in done},
            "depends": keys.dependencies(cell),
            "stages": {stage: artefact.record["provenance"] for stage, artefact in done.items()},
            "code_keys": keys.component_keys(cell),
            "overrides": list(cell.overrides),
            "finished": datetime.now(UTC).isoformat(),
            "evaluation_seconds": time.monotonic() - start,  # of it all, what anchors and predictions took included
        },
    }
    sealed = sealed_row(row)
    write_json(place.row_path(cell), sealed)
    return sealed


def _keep(store: Store, code: Code) -> None:
    """Keep what the code of a component was, once in this process: a digest alone cannot tell what has changed."""

    def keep() -> None:
        record = {**code.record(), "of": {"code": code.digest}}
        store.get_or_create("code", code.digest, lambda: Contents(record=record))

    PROCESS_CACHE.stored_code.get((store.root, code.digest), keep)


def _notes(cell: Cell, done: Mapping[str, Artefact]) -> list[str]:
    """What the table is to say of a method that misbehaved, and of what a key could not see."""
    unlearned = done["unlearned"].record
    notes = [UNCHANGED] * unlearned["unchanged"] + [IDENTICAL] * stages.returned_reference(done)
    unseen = [warning for code in cell.codes.values() for warning in code.warnings]
    return [*notes, *(f"left {text}" for text in unlearned.get("left", ())), *unseen]


def _evaluations(prepared: Prepared, done: Mapping[str, Artefact]) -> dict[str, CellEvaluation]:
    subjects = {stage: predictions(prepared, stage) for stage in done}
    costs = {stage: given_models.cost_of(artefact.record["cost"]) for stage, artefact in done.items()}
    return {
        stage: CellEvaluation(
            subject_name=stage,
            split=prepared.judging_split,
            subject=subjects[stage],
            all=subjects,
            costs=costs,
            load_untrained=lambda: [untrained(prepared, number) for number in range(UNTRAINED_MODELS)],
            stream=(prepared.cell.seed, prepared.cell.seeds["evaluate"]),
            unknown_costs=frozenset(stage for stage in done if done[stage].record["cost"]["seconds"] is None),
        )
        for stage in subjects
    }


def _anchors(prepared: Prepared, evaluations: Mapping[str, CellEvaluation]) -> dict[str, Any]:
    """The metrics of the reference and of the original, measured once for all methods."""
    cell = prepared.cell

    def create() -> Contents:
        measured = {name: measure(prepared.metrics, evaluations[name]) for name in ANCHORS}
        return Contents(record={**measured, "of": {name: cell.key(name) for name in ANCHORS}})

    parts = {"schema": SCHEMA["anchors"], "metrics": cell.metric_keys, "split": cell.split_digest}
    if on_validation(cell.nodes["data"]):
        parts["evaluated on"] = "validation images"
    models = [cell.key("original"), cell.key("reference"), cell.seeds["evaluate"], BATCH, UNTRAINED_MODELS]
    return prepared.store.get_or_create("anchors", digest({**parts, "models": models}), create)[0].record


def measure(metrics: Mapping[str, Any], evaluation: CellEvaluation) -> dict[str, Any]:
    """Every column's value, or null with the reason beside it; and every series."""
    values: dict[str, float | None] = {}
    reasons: dict[str, str] = {}
    series: dict[str, Any] = {}
    for name, metric in metrics.items():
        with _alone(name, metric, evaluation):
            found, curves = _found(metric, evaluation), _series(metric, evaluation)
        for column, value in found.items():
            if column in values:
                raise SupremeError(f"two metrics give the column {column}: choose one of them")
            if isinstance(value, Undefined):
                values[column], reasons[column] = None, str(value)
            elif np.isfinite(value):
                values[column] = float(value)
            else:
                values[column], reasons[column] = None, _why_not_finite(value, evaluation)
        series |= {name: asdict(curve) for name, curve in curves.items()}
    return {"values": values, "reasons": reasons, "series": series}


def _why_not_finite(value: float, evaluation: CellEvaluation) -> str:
    if np.isnan(value) and (unknown := evaluation.unknown_costs & {evaluation.subject_name, "reference"}):
        return f"the {' and the '.join(sorted(unknown))} model was not made here, so its cost is unknown"
    return f"the metric gave {value}"


@contextmanager
def _alone(name: str, metric: Any, evaluation: CellEvaluation) -> Iterator[None]:
    """Whatever it draws from is seeded by the cell, and it leaves nothing behind."""
    seed = seeds.branch(seeds.stream("evaluate", *evaluation.stream), f"metric {name}")
    with untouched(f"metric {name}", metric), seeds.scoped(seed):
        yield


def _found(metric: Any, evaluation: CellEvaluation) -> Mapping[str, float | Undefined]:
    try:
        return metric(evaluation)
    except SelfComparison as reason:
        return {column: Undefined(reason) for column in metric.columns(evaluation)}


def _warnings(
    metrics: Mapping[str, Any], evaluation: CellEvaluation, values: Mapping[str, float | None]
) -> dict[str, str]:
    """For a column that has a value, why its metric doubts it here."""
    found: dict[str, str] = {}
    for name, metric in metrics.items():
        if hasattr(metric, "warnings"):
            with _alone(name, metric, evaluation):
                found |= metric.warnings(evaluation)
    return {column: text for column, text in found.items() if values[column] is not None}


def _series(metric: Any, evaluation: CellEvaluation) -> Mapping[str, Series]:
    """What the metric has for figures; nothing where the subject would be compared with itself."""
    try:
        return metric.series(evaluation) if hasattr(metric, "series") else {}
    except SelfComparison:
        return {}
