"""Rows and records that tests write by hand, as a sweep leaves them: complete, sealed, and named after their cell."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from supreme.core.failure import SCHEMA, sealed_failure
from supreme.core.row import SCHEMAS, sealed_audit, sealed_row
from supreme.store.files import digest

PARTS = ("metrics", "reference", "original")
PROVENANCE = {
    "versions": {},
    "host": "here",
    "device": "cpu",
    "cpu_capability": "DEFAULT",
    "threads": 1,
    "data_fingerprint": "da7a" * 16,
    "keys": dict.fromkeys(("original", "reference", "unlearned"), "0" * 64),
    "stages": {},
    "overrides": [],
    "depends": {"schemas": {}, "data": "da7a" * 16, "split": "00", "code": {}, "files": {}},
    "code_keys": dict.fromkeys(("model", "recipe", "scenario", "method"), "0" * 64),
    "finished": "2026-01-01T00:00:00+00:00",
    "evaluation_seconds": 0.0,
    "seconds": 0.0,
}


def cell_of(method: str, seed: int, *parts: Any) -> str:
    """A name for a cell that begins with its method and seed, the same for the same parts."""
    return f"{re.sub(r'[^a-z_]', '', method)}-{seed}-{digest([method, seed, *parts])[:16]}"


def complete(content: Mapping[str, Any]) -> dict[str, Any]:
    """The row with what it does not say itself."""
    each: dict[str, Any] = {part: {} for part in PARTS}
    usual = {
        "schema": SCHEMAS["row"],
        "protocol": "fixed",
        "tuned": None,
        "changed": {},
        "warnings": {},
        "notes": [],
        "cost": {},
        "forget_digest": "00",
        "metric_keys": {},
    }
    return {
        **usual,
        **content,
        "reasons": each | content.get("reasons", {}),
        "series": each | content.get("series", {}),
        "config": {"metric": {}, "deterministic": True, "threads": 1, **content["config"]},
        "provenance": PROVENANCE | content.get("provenance", {}),
    }


def save_row(directory: Path, content: Mapping[str, Any]) -> Path:
    """Write the row as a sweep would into this output directory."""
    return _save(directory / "rows" / f"{content['cell']}.json", sealed_row(complete(content)))


def save_failure(directory: Path, content: Mapping[str, Any], error: str, finished: str = "") -> Path:
    """Write the record of a cell that failed as a sweep would, from what its row would hold."""
    whole = complete(content)
    shared = ("cell", "data", "model", "recipe", "scenario", "method", "protocol", "tuned", "changed", "seed", "seeds")
    record = {name: whole[name] for name in (*shared, "config")} | {
        "schema": SCHEMA,
        "error": error,
        "log": f"{whole['cell'][:16]}.log",
        "provenance": {
            "data_fingerprint": whole["provenance"]["data_fingerprint"],
            "overrides": [],
            "finished": finished or whole["provenance"]["finished"],
        },
    }
    return _save(directory / "failures" / f"{whole['cell']}.json", sealed_failure(record))


def save_audit(directory: Path, record: Mapping[str, Any]) -> Path:
    """Write the record of an audit as a sweep would into this output directory."""
    named: dict[str, Any] = {kind: {} for kind in ("data", "model", "recipe", "scenario", "method")}
    whole = {
        "schema": SCHEMAS["audit"],
        "series": {},
        "changed": {},
        **record,
        "config": named | record["config"],
        "provenance": PROVENANCE | record.get("provenance", {}),
    }
    return _save(directory / "audits" / f"{record['audit']}.json", sealed_audit(whole))


def _save(path: Path, content: Mapping[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2))
    return path
