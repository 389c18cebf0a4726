"""The row of a cell and the record of an audit: what such a file holds, and whether it is still what was written.

Each holds the SHA-256 of the canonical JSON of everything else in it. So what a disk, a copy or an editor has changed
is never taken for a result. Other keys than those declared here may stand in a file; the digest covers them, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict, cast

from supreme.core.canonical import Damaged
from supreme.core.sealing import OtherSchema, sealed, unsealed

__all__ = ["SCHEMAS", "OtherSchema", "StoredAudit", "StoredRow", "read_audit", "read_row", "sealed_audit", "sealed_row"]

HOLDS_NO_ARITHMETIC = True  # so that no result depends on it: see supreme.store.fingerprint

SCHEMAS = {"row": 2, "audit": 2}
"""Raised when what a file holds changes its meaning: files of another one are left alone, and made again."""

UNCHANGED, IDENTICAL = "unchanged", "identical to the reference"
"""Notes of a row whose method returned the original, and of one whose method returned the reference."""

Values = Mapping[str, float | None]
"""Of columns; null has its reason beside it."""


class Curves(TypedDict):
    """A curve or a bar chart."""

    x: list[str | float]
    y: list[float]


class ByModel(TypedDict):
    """Of the unlearned model (`metrics`), and of those that every row holds to compare with."""

    metrics: Mapping[str, str]
    reference: Mapping[str, str]
    original: Mapping[str, str]


class CurvesByModel(TypedDict):
    """The same of series."""

    metrics: Mapping[str, Curves]
    reference: Mapping[str, Curves]
    original: Mapping[str, Curves]


class Seeds(TypedDict):
    """Of the streams beside the training seed."""

    forget: int
    reference: int
    unlearn: int
    evaluate: int


class RowConfig(TypedDict):
    """Every value that the cell was computed with."""

    data: Mapping[str, Any]
    model: Mapping[str, Any]
    recipe: Mapping[str, Any]
    scenario: Mapping[str, Any]
    method: Mapping[str, Any]
    metric: Mapping[str, Mapping[str, Any]]
    deterministic: bool
    threads: int


class AuditConfig(TypedDict):
    """Every value that the audit was computed with."""

    data: Mapping[str, Any]
    model: Mapping[str, Any]
    recipe: Mapping[str, Any]
    scenario: Mapping[str, Any]
    method: Mapping[str, Any]
    audit: Mapping[str, Any]


class Keys(TypedDict):
    """Of the artefacts of the three models."""

    original: str
    reference: str
    unlearned: str


class Depends(TypedDict):
    """What a row depends on beside its values."""

    schemas: Mapping[str, int]
    data: str
    split: str
    code: Mapping[str, str]
    files: Mapping[str, str]


class RowProvenance(TypedDict):
    """Where a row comes from."""

    depends: Depends
    versions: Mapping[str, str]
    host: str
    device: str
    cpu_capability: str
    threads: int
    data_fingerprint: str
    keys: Keys
    stages: Mapping[str, Mapping[str, Any]]
    overrides: list[str]
    code_keys: Mapping[str, str]
    finished: str
    evaluation_seconds: float


class AuditProvenance(TypedDict):
    """Where a record comes from."""

    versions: Mapping[str, str]
    host: str
    device: str
    cpu_capability: str
    threads: int
    data_fingerprint: str
    finished: str
    seconds: float


class RowOfLater(TypedDict, total=False):
    """What rows hold that were written since their schema was last raised, and older ones of the same schema lack."""

    columns: Mapping[str, Mapping[str, str | int | bool]]
    """What the metrics declare of their columns: the fields of a `Column`, by the name of the column."""
    declared: Mapping[str, Any]
    """The endpoints that the sweep declared before it ran: the fields of `supreme.core.endpoints.Endpoints`."""
    twins: Mapping[str, int]
    """How many images of one set are identical to one of another: see `supreme.core.twins.twins_of`."""
    samples: bool
    """Whether reports may show images that it forgets: `report.samples` of the sweep."""
    meanings: Mapping[str, int]
    """The `version_of` the scenario, under scenario, and of each metric, under metric.<name>; without it all are 1."""


class GivenModels(TypedDict, total=False):
    """What records of cells hold since models may be given, and older ones lack."""

    given: Mapping[str, Mapping[str, str]]
    """By stage, of models that were not made here: pattern and name of the file, and, in a row, its SHA-256."""


class CellRecord(GivenModels):
    """What a row and the record of a failure say of their cell."""

    cell: str
    schema: int
    data: str
    model: str
    recipe: str
    scenario: str
    method: str
    protocol: str
    tuned: Mapping[str, Any] | None
    changed: Mapping[str, Any]
    seed: int
    seeds: Seeds
    config: RowConfig


class StoredRow(CellRecord, RowOfLater):
    """The result of one cell."""

    metrics: Values
    reference: Values
    original: Values
    reasons: ByModel
    warnings: Mapping[str, str]
    series: CurvesByModel
    notes: list[str]
    cost: Mapping[str, float | bool | None]
    sets: Mapping[str, int]
    forget_digest: str
    metric_keys: Mapping[str, str]
    provenance: RowProvenance


class StoredAudit(TypedDict):
    """The result of one audit of one ensemble."""

    audit: str
    schema: int
    name: str
    data: str
    model: str
    recipe: str
    scenario: str
    method: str
    cells: list[str]
    seeds: list[int]
    missing: list[int]
    sets: Mapping[str, int]
    forget_digest: str
    config: AuditConfig
    changed: Mapping[str, Any]
    values: Values
    reasons: Mapping[str, str]
    series: Mapping[str, Curves]
    provenance: AuditProvenance


def sealed_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row as its file holds it: with its digest, and of the declared types.

    Raises:
        TypeError: it is not what `StoredRow` declares.
    """
    return sealed(row, StoredRow, "row")


def sealed_audit(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record as its file holds it; see `sealed_row`."""
    return sealed(record, StoredAudit, "audit")


def read_row(path: Path) -> StoredRow:
    """The row in this file, whose name is that of its cell.

    Raises:
        FileNotFoundError: there is none.
        Damaged: it cannot be read, or is not what was written; OtherSchema: it is of another version.
    """
    content = unsealed(path, StoredRow, "row", field="cell", schema=SCHEMAS["row"])
    return cast(StoredRow, _with_forget_set(content, "row"))


def read_audit(path: Path) -> StoredAudit:
    """The record in this file, whose name is that of its audit; see `read_row`."""
    content = unsealed(path, StoredAudit, "audit", field="audit", schema=SCHEMAS["audit"])
    return cast(StoredAudit, _with_forget_set(content, "audit"))


def _with_forget_set(content: Mapping[str, Any], what: str) -> Mapping[str, Any]:
    if "forget" not in content["sets"]:
        raise Damaged(f"it is no {what}: its sets lack forget")
    return content
