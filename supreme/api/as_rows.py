"""What was measured, as the rows that a sweep would have stored: all that reports know is made from rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import torch

from supreme.api.measuring import Measured, Replicate
from supreme.api.metrics import Asked
from supreme.core.column import columns_in, declared_of
from supreme.core.components import version_of
from supreme.core.endpoints import Endpoints
from supreme.core.row import SCHEMAS, sealed_row
from supreme.store.files import digest
from supreme.store.provenance import provenance

GIVEN = "given"
"""Where a sweep names the class that made something."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """What all rows of a call say alike."""

    data: str
    """Name of the data, for the title of the table."""
    model: str
    device: str
    """cpu, cuda or mps."""
    data_digest: str
    """SHA-256 of all sets of all seeds."""
    declared: Endpoints
    asked: Sequence[Asked]
    """Metrics that have values here."""
    all_asked: Sequence[Asked]
    """These, and those that have none."""


def row_of(
    told: Told,
    *,
    method: str,
    replicate: Replicate,
    measured: Measured,
    anchors: Mapping[str, Measured],
    digests: Mapping[str, str],
    notes: Sequence[str],
) -> dict[str, Any]:
    """The row of one unlearned model.

    Args:
        digests: SHA-256 of the logits of unlearned, reference and original, of those that there are.
        notes: as `supreme.core.row` names them.
    """
    parts, split, sets = ("reference", "original"), replicate.split, replicate.sets
    classes = list(split.forget_classes)
    scenario = f"class {', '.join(map(str, classes))} forgotten" if classes else "images forgotten"
    made = provenance(told.device)
    metrics = {one.name: dict(one.node) for one in told.all_asked}
    row = {
        "schema": SCHEMAS["row"],
        "data": told.data,
        "model": told.model,
        "recipe": "",
        "scenario": scenario,
        "method": method,
        "protocol": "",
        "tuned": None,
        "declared": told.declared.record(),
        "changed": {name: value for one in told.all_asked for name, value in one.changed.items()},
        "seed": replicate.seed,
        "seeds": {"forget": replicate.number, "reference": 0, "unlearn": replicate.draw, "evaluate": 0},
        "metrics": measured["values"],
        **{name: anchors[name]["values"] for name in parts},
        "reasons": {"metrics": measured["reasons"], **{name: anchors[name]["reasons"] for name in parts}},
        "columns": {
            name: column.record()
            for one in told.asked
            for name, column in columns_in(declared_of(one.metric), measured["values"]).items()
        },
        "warnings": measured["warnings"],
        "series": {"metrics": measured["series"], **{name: anchors[name]["series"] for name in parts}},
        "notes": list(notes),
        "cost": {},
        "sets": {name: len(images) for name, images in split.sets.items() if len(images)},
        **({} if sets.twins is None else {"twins": sets.twins}),
        "forget_digest": sets.forget_digest,
        "meanings": {f"metric.{one.name}": version_of(one.metric) for one in told.all_asked},
        "metric_keys": {name: digest(node) for name, node in metrics.items()},
        "config": {
            **{group: {"_target_": GIVEN} for group in ("data", "model", "recipe", "method")},
            "scenario": {"_target_": GIVEN, "forget_classes": classes},
            "metric": metrics,
            "deterministic": torch.are_deterministic_algorithms_enabled(),
            "threads": made["threads"],
        },
        "provenance": {
            **made,
            "data_fingerprint": told.data_digest,
            "keys": {stage: digests.get(stage, "") for stage in ("original", "reference", "unlearned")},
            "depends": {"schemas": {}, "data": told.data_digest, "split": split.digest, "code": {}, "files": {}},
            "stages": {},
            "code_keys": dict.fromkeys(("model", "recipe", "scenario", "method"), digest(GIVEN)),
            "overrides": [],
            "finished": datetime.now(UTC).isoformat(),
            "evaluation_seconds": 0.0,
        },
    }
    parts_of_id = [told.data_digest, method, replicate.seed, replicate.draw, replicate.number, dict(digests), metrics]
    return sealed_row({"cell": digest(parts_of_id)[:16], **row})
