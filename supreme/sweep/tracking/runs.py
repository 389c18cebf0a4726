"""What trackers are told of a cell, read from what its stages have left. No torch here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from supreme.core import Run
from supreme.pipeline.cell import Cell
from supreme.pipeline.workplace import Workplace
from supreme.sweep.plan.plan import read_row

TRAINED = {
    "original": (("data", "model", "recipe"), ()),
    "reference": (("data", "model", "recipe", "scenario"), ("forget", "reference")),
}
"""Of each stage that trains: the components, and the streams beside the training seed, that it depends on."""


def runs_of(cell: Cell, at: Workplace) -> Iterator[Run]:
    """What is there of this cell by now: its original, its reference, and itself when it has its row."""
    for stage in TRAINED:
        if record := at.store.record(stage, cell.key(stage)):
            yield _trained(cell, stage, record)
    if row := read_row(cell, at):
        yield _unlearned(row, at.store.record("unlearned", cell.key("unlearned")) or {})


def _trained(cell: Cell, stage: str, record: Mapping[str, Any]) -> Run:
    components, streams = TRAINED[stage]
    key, names = cell.key(stage), {name: cell.names[name] for name in components}
    about = {
        **names,
        "seed": cell.seed,
        "seeds": {name: cell.seeds[name] for name in streams},
        "shared_device": record["cost"]["shared_device"],
        "provenance": {"data_fingerprint": cell.fingerprint, "keys": {stage: key}, **record["provenance"]},
    }
    config = {**{name: cell.nodes[name] for name in components}, **cell.numerics}
    return Run(
        id=key[:16],
        stage=stage,
        name=" ".join([stage, *names.values(), f"seed={cell.seed}"]),
        config=flat(about) | flat(config),
        curve=record.get("curve", ()),  # the first versions kept none
        columns=_numbers(record["cost"], "cost/"),
    )


def _unlearned(row: Mapping[str, Any], record: Mapping[str, Any]) -> Run:
    names = {name: row[name] for name in ("method", "data", "model", "recipe", "scenario")}
    about = {name: row[name] for name in ("cell", "seed", "seeds", "sets", "notes", "forget_digest", "provenance")}
    about["shared_device"] = row["cost"]["shared_device"]
    changed = [f"{key}={json.dumps(value)}" for key, value in row.get("changed", {}).items() if "metric." not in key]
    return Run(
        id=row["cell"],
        stage="unlearned",
        name=" ".join([*names.values(), *changed, f"seed={row['seed']}"]),
        config=flat(names) | flat(about) | flat(row["config"]),
        curve=record.get("curve", ()),
        columns=_numbers(row["cost"], "cost/")
        | _numbers(row["metrics"])
        | _numbers(row["reference"], "reference/")
        | _numbers(row["original"], "original/"),
    )


def flat(node: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The values of a nested mapping under dotted names; a list as its JSON."""
    found: dict[str, Any] = {}
    for name, value in node.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = json.dumps(value) if isinstance(value, list) else value
    return found


def _numbers(values: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    return {f"{prefix}{name}": value for name, value in values.items() if type(value) in (int, float)}
