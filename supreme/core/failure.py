"""The record of a cell that failed: what was to be computed, and why there is no row. See `supreme.core.row`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict, cast

from supreme.core.row import CellRecord
from supreme.core.sealing import sealed, unsealed

HOLDS_NO_ARITHMETIC = True  # so that no result depends on it: see supreme.store.fingerprint

SCHEMA = 1
"""As those of `supreme.core.row`."""


class FailureProvenance(TypedDict):
    """Where a failure comes from."""

    data_fingerprint: str
    overrides: list[str]
    finished: str


class StoredFailure(CellRecord):
    """A cell that ended without its row."""

    error: str
    """Why, in one line; of a cell whose original or reference failed, that of this one."""
    log: str
    """File name in `logs/`."""
    provenance: FailureProvenance


def sealed_failure(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record as its file holds it: with its digest, and of the declared types.

    Raises:
        TypeError: it is not what `StoredFailure` declares.
    """
    return sealed(record, StoredFailure, "failure")


def read_failure(path: Path) -> StoredFailure:
    """The record in this file, whose name is that of its cell.

    Raises:
        FileNotFoundError: there is none.
        Damaged: it cannot be read, or is not what was written; OtherSchema: it is of another version.
    """
    return cast(StoredFailure, unsealed(path, StoredFailure, "failure", field="cell", schema=SCHEMA))
