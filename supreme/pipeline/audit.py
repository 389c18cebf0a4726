"""The record of an audit: what it says of the unlearned and the retrained models of one ensemble."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from torch import Tensor

from supreme.core import SET_NAMES, Split, SupremeError, Undefined, seeds
from supreme.core.row import sealed_audit
from supreme.pipeline.ensembles import AuditJob
from supreme.pipeline.evaluation import StoredPredictions
from supreme.pipeline.keys import SCHEMA
from supreme.pipeline.predictions import predictions
from supreme.pipeline.prepared import Prepared
from supreme.pipeline.process_state import untouched
from supreme.pipeline.workplace import Workplace
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


def audit(job: AuditJob, place: Workplace) -> dict[str, Any]:
    """Write the record of the audit of those cells that have a row; the stored one if it is of the same cells."""
    cells = job.present(place)
    if (record := job.record(place, cells)) is not None:
        return record
    first, start = Prepared(job.cells[0], place), time.monotonic()
    first.configure()
    ensemble = _ensemble(first, [Prepared(cell, place) for cell in cells])
    component = job.build()
    seed = seeds.branch(seeds.stream("audit", ensemble.stream), job.name)
    with untouched(f"audit {job.name}", component), seeds.scoped(seed):
        measured = _measured(component, ensemble)
    record = {
        "audit": job.id,
        "schema": SCHEMA["audit"],
        "name": job.name,
        **first.cell.names,
        "cells": [cell.id for cell in cells],
        "seeds": [cell.seed for cell in cells],
        "missing": [cell.seed for cell in job.cells if cell not in cells],
        "sets": {name: len(getattr(ensemble.split, name)) for name in ensemble.sets},
        "forget_digest": ensemble.split.forget_digest,
        "config": {**first.cell.nodes, "audit": dict(job.node), **first.cell.numerics},
        "changed": first.cell.changed,
        **measured,
        "provenance": {
            **provenance(place.device),
            "data_fingerprint": first.cell.decoded.fingerprint,
            "finished": datetime.now(UTC).isoformat(),
            "seconds": time.monotonic() - start,
        },
    }
    sealed = sealed_audit(record)
    write_json(job.record_path(place), sealed)
    return sealed


def _ensemble(first: Prepared, members: Sequence[Prepared]) -> StoredEnsemble:
    """The models of these cells; all cells have the split digest of the first."""
    return StoredEnsemble(
        split=first.split,
        seeds=[member.cell.seed for member in members],
        unlearned=[predictions(member, "unlearned") for member in members],
        references=[predictions(member, "reference") for member in members],
        stream=first.cell.seeds["evaluate"],
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
