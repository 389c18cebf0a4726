"""The record of an audit: what it says of the unlearned and the retrained models of one ensemble."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
from torch import Tensor

from supreme.core import SET_NAMES, Split, SupremeError, Undefined, seeds
from supreme.core.row import sealed_audit
from supreme.pipeline import stages
from supreme.pipeline.cell import SCHEMA, Cell, Workplace, open_data
from supreme.pipeline.ensembles import AuditJob
from supreme.pipeline.evaluation import StoredPredictions
from supreme.pipeline.process_state import untouched
from supreme.pipeline.training import prepare, split_of
from supreme.store.files import write_json
from supreme.store.provenance import provenance


@dataclass(frozen=True, kw_only=True)
class StoredEnsemble:
    """The `Ensemble` of cells whose models are in the store; see `supreme.core.Ensemble`."""

    split: Split
    seeds: Sequence[int]
    unlearned: Sequence[StoredPredictions]
    references: Sequence[StoredPredictions]
    stream: int

    def labels(self, name: str) -> Tensor:
        return getattr(self.split, name).labels

    @property
    def sets(self) -> tuple[str, ...]:
        return tuple(name for name in SET_NAMES if len(getattr(self.split, name)))

    @property
    def forgets_class(self) -> bool:
        return bool(self.split.forget_classes)

    @property
    def rng(self) -> np.random.Generator:
        return seeds.numpy_generator("audit", self.stream)


def audit(job: AuditJob, at: Workplace) -> dict[str, Any]:
    """The record of the audit, of those cells that have a row; the stored one if it is of the same cells."""
    cells = job.present(at)
    if (record := job.record(at, cells)) is not None:
        return record
    first, start = job.cells[0], time.monotonic()
    prepare(first, at)
    ensemble = _ensemble(first, cells, at)
    component = job.build()
    seed = seeds.branch(seeds.stream("audit", ensemble.stream), job.name)
    with untouched(f"audit {job.name}", component), seeds.scoped(seed):
        measured = _measured(component, ensemble)
    record = {
        "audit": job.id,
        "schema": SCHEMA["audit"],
        "name": job.name,
        **first.names,
        "cells": [cell.id for cell in cells],
        "seeds": [cell.seed for cell in cells],
        "missing": [cell.seed for cell in job.cells if cell not in cells],
        "sets": {name: len(getattr(ensemble.split, name)) for name in ensemble.sets},
        "forget_digest": ensemble.split.forget_digest,
        "config": {**first.nodes, "audit": dict(job.node), **first.numerics},
        "changed": first.changed,
        **measured,
        "provenance": {
            **provenance(at.device),
            "data_fingerprint": open_data(first.data_path).fingerprint,
            "finished": datetime.now(UTC).isoformat(),
            "seconds": time.monotonic() - start,
        },
    }
    sealed = sealed_audit(record)
    write_json(job.record_path(at), sealed)
    return sealed


def _ensemble(first: Cell, cells: Sequence[Cell], at: Workplace) -> StoredEnsemble:
    split = split_of(first, at)  # of all of them: they have the same digest

    def models(stage: str) -> list[StoredPredictions]:
        return [
            StoredPredictions(split, stages.predictions(cell, at, stage), partial(stages.model_of, cell, at, stage))
            for cell in cells
        ]

    return StoredEnsemble(
        split=split,
        seeds=[cell.seed for cell in cells],
        unlearned=models("unlearned"),
        references=models("reference"),
        stream=first.seeds["evaluate"],
    )


def _measured(component: Any, ensemble: StoredEnsemble) -> dict[str, Any]:
    """Every column's value, or null with the reason beside it; and every series."""
    count, least = len(ensemble.seeds), component.minimum
    if count < least:
        reason = Undefined(f"needs {least} models of each kind, {count} here: {least - count} missing")
        found: Mapping[str, float | Undefined] = dict.fromkeys(component.columns(ensemble), reason)
        series = {}
    else:
        found = component(ensemble)
        series = component.series(ensemble) if hasattr(component, "series") else {}
    if odd := found.keys() ^ set(component.columns(ensemble)):
        raise SupremeError(f"{type(component).__name__} gives the column {min(odd)} or names it, but not both")
    reasons = {name: str(value) for name, value in found.items() if isinstance(value, Undefined)}
    reasons |= {
        name: f"the audit gave {value}"
        for name, value in found.items()
        if not isinstance(value, Undefined) and not np.isfinite(value)
    }
    return {
        "values": {name: None if name in reasons else float(value) for name, value in found.items()},
        "reasons": reasons,
        "series": {name: asdict(curve) for name, curve in series.items()},
    }
