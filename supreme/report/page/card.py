"""The evaluation card: what was evaluated, how, with what, and what the numbers do not say."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
import yaml

from supreme.report.catalogue.methods import method_entries
from supreme.report.rows.environments import environment_counts
from supreme.report.rows.failures import by_block
from supreme.report.rows.labels import titled
from supreme.report.rows.reading import COMPONENTS
from supreme.report.rows.spread import by_block
from supreme.report.rows.tuning import tuning_text
from supreme.report.rows.twins import twin_claims
from supreme.report.statistics.aggregate import BLOCK
from supreme.report.tables.failed import failed_methods

STEPS = ("original", "reference", "unlearned")
FEW_SEEDS = 5
"""With fewer training seeds an interval says next to nothing: the exact sign-flip test of 5 has no p below .0625."""


def evaluation_card(frame: pd.DataFrame, table: pd.DataFrame, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The card of these cells: what `load` gives, its `lines` and the rows; plain values, to write as YAML or JSON."""
    labels = {label["cell"]: label for label in frame.drop_duplicates("cell").to_dict("records")}
    labelled = [(labels[row["cell"]], row) for row in rows]
    return {
        "evaluation_card": 1,
        **{name: _components(labelled, name) for name in COMPONENTS},
        "method": _methods(labelled),
        "seeds": _seeds(frame),
        "reference": "a model of the same architecture and recipe, trained from a fresh start on the retain set only, "
        "with random streams of its own; methods are paired with it by training seed. The method retrain is a second, "
        "independent one: its row is the noise floor.",
        "metrics": _metrics(frame, rows),
        "threat_model": "an attacker who sees the outputs of one model (population attack); no attack per sample, and "
        "no attacker who trains models of their own, unless a metric above says so",
        "statistics": {
            "unit_of_replication": "the training seed; draws within a seed are averaged before anything is inferred",
            "estimand": "the mean over training seeds of value minus reference, paired by training seed",
            "spread": "; ".join(by_block(frame, lambda words: f"{words.sd} (ddof 1)")),
            "intervals": "95 % t intervals of the mean over training seeds, not simultaneous",
            "margins": _margins(table),
            "corrections": sorted({str(name) for name in table["adjustment"] if name}) or "none",
            "missing": _missing(table),
            "failed": _failed(frame),
        },
        "compute": _compute(rows),
        "determinism": _unique(
            {"deterministic": row["config"]["deterministic"], "threads": row["provenance"]["threads"]} for row in rows
        ),
        "environments": environment_counts(rows),
        "not_supported": _not_supported(frame, rows),
    }


def as_yaml(card: Mapping[str, Any]) -> str:
    return yaml.safe_dump(card, sort_keys=False, allow_unicode=True, width=110)


def _components(labelled: Iterable[tuple[Mapping[Any, Any], Mapping[str, Any]]], name: str) -> list[dict[str, Any]]:
    """Every config of one component: its label, values and, of data and scenario, what was drawn."""
    found: dict[str, dict[str, Any]] = {}
    for label, row in labelled:
        values = row["config"][name]
        # The same images are the same data, wherever they lie.
        apart = (name == "data" and row["provenance"].get("data_fingerprint")) or json.dumps(values, sort_keys=True)
        apart = f"{apart} {values.get('twins', '')}" if name == "data" else apart
        entry = found.setdefault(f"{label[name]} {apart}", {"label": label[name], "values": values})
        if name == "data":
            entry["fingerprint"] = row["provenance"].get("data_fingerprint")
        elif name == "scenario":
            entry.setdefault("images", []).append(row.get("sets", {}))
            entry.setdefault("forget_sets", {})[row["seeds"]["forget"]] = row.get("forget_digest")
        elif name == "recipe":
            entry["stop_rule"] = "the last epoch"
    for entry in found.values():
        if "images" in entry:
            entry["images"] = _unique(entry["images"])
            entry["forget_sets"] = {f"seed {seed}": digest for seed, digest in sorted(entry["forget_sets"].items())}
    return list(found.values())


def _methods(labelled: Iterable[tuple[Mapping[Any, Any], Mapping[str, Any]]]) -> list[dict[str, Any]]:
    known = {entry.name: entry for entry in method_entries()}
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for label, row in labelled:
        key = (label["method"], label["variant"], *(label[name] for name in BLOCK))
        values = {
            "label": titled(label["method"], label["variant"]),
            "name": row["method"],
            "values": row["config"]["method"],
        }
        found.setdefault((*key, told := tuning_text(row)), {**values, "tuning": told})
    entries = _unique(found.values())
    for entry in entries:
        if about := known.get(entry.pop("name")):
            entry["paper"] = f"{about.title}, {about.venue}, {about.url}" if about.title else None
            entry["data_accessed"] = about.needs or "none"
    return entries


def _seeds(frame: pd.DataFrame) -> dict[str, Any]:
    cells: Any = frame.drop_duplicates("cell")
    names = [name for name in cells.columns if name.startswith("seed_")]
    within = cells.groupby([*BLOCK, "method", "variant", "seed"])[names].nunique().max()
    return {
        "training": sorted(int(seed) for seed in cells["seed"].unique()),
        "draws_within_a_training_seed": {name.removeprefix("seed_"): int(within[name]) for name in names},
        "derivation": "every stream is a hash of its role and numbers; no stream is another plus something",
    }


def _metrics(frame: pd.DataFrame, rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    configs = _unique({"metric": name, "values": values} for row in rows for name, values in _metric_configs(row))
    return {
        "columns": [str(metric) for metric in frame["metric"].unique()],
        "definitions": configs,
        "conventions": "accuracies are fractions; logarithms natural but for js_divergence (base 2)",
    }


def _metric_configs(row: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    return row["config"].get("metric", {}).items()


def _margins(table: pd.DataFrame) -> dict[str, list[float]] | str:
    """Of equivalence, by metric; several where they follow the spread of the reference."""
    given: Any = table[table["margin"].notna()]
    found = {
        str(metric): sorted({float(margin) for margin in own}) for metric, own in given.groupby("metric")["margin"]
    }
    return found or "none: equivalence was not tested"


def _missing(table: pd.DataFrame) -> list[str] | str:
    lacking: Any = table[table["missing"] != ""]
    told = lacking[[*BLOCK, "method", "variant", "missing"]].drop_duplicates().itertuples(index=False, name=None)
    return [
        f"{titled(method, variant)} ({', '.join(filter(None, block))}): {what}"
        for *block, method, variant, what in told
    ] or "nothing"


def _failed(frame: pd.DataFrame) -> list[str] | str:
    """Per method and block, how many of its runs failed, and why."""
    told = [
        f"{one.note} ({', '.join(filter(None, block))})"
        for block, failed in by_block(frame).items()
        for one in failed_methods(frame.loc[(frame[BLOCK] == list(block)).all(axis=1)], failed)
    ]
    return told or "nothing"


def _compute(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    costs = [row.get("cost", {}) for row in rows]
    memory = [cost["peak_memory_bytes"] for cost in costs if cost.get("peak_memory_bytes") is not None]
    return {
        "devices": _unique(row["provenance"].get("device") for row in rows),
        "cells": len(rows),
        "unlearning_seconds": round(sum(cost.get("seconds", 0.0) for cost in costs), 3),
        "unlearning_forward_samples": int(sum(cost.get("forward_samples", 0) for cost in costs)),
        "unlearning_backward_samples": int(sum(cost.get("backward_samples", 0) for cost in costs)),
        "unlearning_peak_memory_bytes": int(max(memory)) if memory else None,
        "device_shared_with_other_jobs": any(cost.get("shared_device", False) for cost in costs),
    }


def _not_supported(frame: pd.DataFrame, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Leases that these numbers cannot carry, told by what was run."""
    cells: Any = frame.drop_duplicates("cell")
    by_seed = cells.groupby([*BLOCK, "method", "variant", "seed"])
    least = int(cells.groupby([*BLOCK, "method", "variant"])["seed"].nunique().min())
    claims = [
        "A difference that is not significant is no equivalence: only the verdict equivalent is.",
        "That a method forgets is shown against these attacks only; no formal guarantee follows.",
        "Nothing is said about other data, models, recipes and scenarios than those above.",
    ]
    if least < FEW_SEEDS:
        claims.append(
            f"A method has {least} training seed{'s' if least > 1 else ''}: too few for an interval to rely on."
        )
    claims += by_block(frame, lambda words: words.not_supported)
    if int(by_seed["seed_unlearn"].nunique().max()) == 1:
        claims.append("One unlearning draw per training seed: the method's own randomness is not told apart.")
    if int(by_seed["seed_reference"].nunique().max()) == 1:
        claims.append("One reference per training seed: part of every distance to it is its own randomness.")
    if "retrain" not in set(cells["method"]):
        claims.append(
            "Without the method retrain there is no noise floor: how far two retrained models differ is unknown."
        )
    if any(row["config"]["model"].get("pretrained") for row in rows):
        claims.append("The backbone is pretrained: what it saw before is not forgotten, by the reference neither.")
    if any(row["provenance"].get("git", {}) and row["provenance"]["git"].get("changed") for row in rows):
        claims.append("Some rows come from code with local changes: the commit alone does not reproduce them.")
    return claims + twin_claims(frame)


def _unique(values: Iterable[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if value not in found:
            found.append(value)
    return found
