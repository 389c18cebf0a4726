"""Of the card: what the work took, on which devices, and how far it can be repeated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from supreme.report.page.card.entries import Entry, unique

UNKNOWN = "not recorded"


def compute(entries: Sequence[Entry]) -> dict[str, Any]:
    """Sums over the unlearned models, each once however many rows evaluate it; null where nothing is recorded."""
    models = {_model(entry): entry.row.get("cost") or {} for entry in entries}
    costs = list(models.values())
    memory = _known(costs, "peak_memory_bytes")
    shared = _known(costs, "shared_device")
    return {
        "devices": _devices(entries),
        "cells": len(entries),
        "unlearned_models": len(models),
        "unlearning_seconds": _sum(_known(costs, "seconds"), 3),
        "unlearning_forward_samples": _sum(_known(costs, "forward_samples")),
        "unlearning_backward_samples": _sum(_known(costs, "backward_samples")),
        "unlearning_peak_memory_bytes": int(max(memory)) if memory else None,
        "models_without_a_cost": sum(not cost for cost in costs),
        "models_whose_device_other_jobs_shared": sum(map(bool, shared)) if shared else UNKNOWN,
    }


def determinism(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """The settings that decide whether the same command gives the same bits, each with its rows."""
    counts = Counter((entry.row["config"]["deterministic"], entry.row["provenance"]["threads"]) for entry in entries)
    return [{"deterministic": on, "threads": threads, "rows": rows} for (on, threads), rows in counts.items()]


def has_local_changes(row: Mapping[str, Any]) -> bool:
    """Whether a row, or one of the models that it is about, was made by code that its commit does not hold."""
    every = (row["provenance"], *row["provenance"]["stages"].values())
    return any((one.get("git") or {}).get("changed") for one in every)


def _model(entry: Entry) -> Any:
    """What tells unlearned models apart: the key of the artefact, beside what a row says of it."""
    row = entry.row
    drawn = (row["seed"], row["seeds"]["forget"], row["seeds"]["unlearn"])
    return row["provenance"]["keys"]["unlearned"], entry.block, entry.method, drawn


def _devices(entries: Iterable[Entry]) -> dict[str, list[str]]:
    """By what was done there: evaluated, or a model made."""
    found: dict[str, list[str]] = {}
    for entry in entries:
        provenance = entry.row["provenance"]
        for what, one in {**provenance["stages"], "evaluation": provenance}.items():
            found[what] = unique([*found.get(what, []), str(one["device"])])
    return found


def _known(costs: Iterable[Mapping[str, Any]], name: str) -> list[Any]:
    return [cost[name] for cost in costs if cost.get(name) is not None]


def _sum(values: Sequence[float], digits: int | None = None) -> float | None:
    return round(sum(values), digits) if values else None
