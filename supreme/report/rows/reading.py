"""One row of a sweep, from its file."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from supreme.core.canonical import Damaged
from supreme.core.failure import StoredFailure
from supreme.core.row import RowProvenance, StoredRow, Values, read_row
from supreme.report.rows.environments import MACHINE, environment
from supreme.report.rows.tuning import tuned_of
from supreme.report.rows.twins import twins_text

FloatArray = np.ndarray[Any, np.dtype[np.float64]]

COMPONENTS = ("data", "model", "recipe", "scenario")
OF_THE_RUN = ("protocol", "deterministic", "threads", "original", "reference")
"""Values of no component that change what is trained; they stand with those of the recipe."""

SEEDS = ("seed", "seed_forget", "seed_reference", "seed_unlearn", "seed_evaluate")
PARTS = ("metrics", "reference", "original")
"""The parts of a row that hold values, and of its reasons."""


@dataclass(frozen=True, kw_only=True)
class Row:
    cell: str
    names: Mapping[str, str]
    """Of each component and of the method."""
    settings: Mapping[str, Mapping[str, Any]]
    """The resolved config of each of these, flat; where two rows have the same, it is the same object."""
    metric_settings: Mapping[str, Mapping[str, Any]]
    changed: Mapping[str, Mapping[str, Any]]
    """Of each component, the method and each metric (`metric.scores`), the fields that are not as its YAML has them."""
    code: str
    """Digests of the code and values of the model, recipe and scenario, and of the method."""
    versions: str
    """What made the row and its models, see `environment`."""
    commit: str
    """Of the checkout that made the row, with a + where it had local changes; empty of an installed package."""
    seeds: tuple[int, ...]
    forget_size: int
    forget_digest: str
    """Of the images that are forgotten: two rows with the same one forget the same images."""
    notes: str
    twins: str
    """How many images are identical to one of another set; see `twins_text`."""
    given: str
    """The files of models that were made elsewhere, by stage, as JSON; empty where there are none."""
    protocol: str
    """fixed, or another one of conf/protocol."""
    tuned: tuple[str, str, str, str, str, str, str]
    """The preset that set values of the method, and, where results chose these, by what; see `tuned_of`."""
    endpoints: str
    """What the sweep declared of them, as JSON; empty in a row that is older than such declarations."""
    meanings: Mapping[str, int]
    """Version of what the scenario and each metric mean, where it is not 1: `metric.accuracy`."""
    columns: tuple[str, ...]
    """Of the metrics."""
    declared: Mapping[str, Mapping[str, Any]] | None
    """What the metrics declare of them, by name; None in a row that is older than such declarations."""
    images: Sequence[float]
    """For each column, in the set that it speaks of: 20 for `accuracy/forget`; NaN where it names none."""
    values: Mapping[str, FloatArray]
    """For each of `PARTS` and each column; NaN where the row has null."""
    texts: Mapping[str, Mapping[str, str]]
    """For each of `PARTS` why columns are null, and for `warnings` what is doubtful about others; few have any."""
    path: Path
    written: float
    """When, in seconds since 1970, as the row says."""


class Reader:
    """Reads rows; keeps what most of them have in common."""

    def __init__(self) -> None:
        self._flat: dict[str, Mapping[str, Any]] = {}
        self._environments: dict[Any, str] = {}
        self._images: dict[Any, tuple[tuple[str, ...], Sequence[float]]] = {}

    def read(self, path: Path) -> Row:
        """The row in this file.

        Raises:
            OSError: it is gone.
            Damaged: it is not what was written; OtherSchema: it is of another version.
        """
        return self.parsed(path, read_row(path))

    def parsed(self, path: Path, content: StoredRow) -> Row:
        """The row with this content, whether or not it lies in a file of this name.

        Raises:
            Damaged: its config is of another form.
        """
        try:
            return self._parsed(path, content)
        except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:  # a config of another form
            raise Damaged(f"it is no row: {type(error).__name__}: {error}") from error

    def _parsed(self, path: Path, content: StoredRow) -> Row:
        config, nodes = content["config"], nodes_of(content, content["provenance"]["data_fingerprint"])
        columns = tuple(content["metrics"])
        images = (columns, *sorted(content["sets"].items()))
        if images not in self._images:
            sizes = [float(content["sets"].get(column.rpartition("/")[2], math.nan)) for column in columns]
            self._images[images] = columns, sizes
        columns, sizes = self._images[images]
        provenance = content["provenance"]
        texts = {**content["reasons"], "warnings": content["warnings"]}
        return Row(
            cell=content["cell"],
            names={kind: content[kind] for kind in nodes},
            settings={kind: self._settings(node) for kind, node in nodes.items()},
            metric_settings={name: self._settings(node) for name, node in config["metric"].items()},
            changed=changed_of(content),
            code=_code(provenance["code_keys"]),
            versions=self._versions(provenance),
            commit=_commit(provenance.get("git")),
            seeds=seeds_of(content["seed"], content["seeds"]),
            forget_size=content["sets"]["forget"],
            forget_digest=content["forget_digest"],
            notes="; ".join(content["notes"]),
            twins=twins_text(content.get("twins"), content["sets"]),
            given=json.dumps(told, sort_keys=True) if (told := content.get("given")) else "",
            protocol=content["protocol"] or "fixed",
            tuned=tuned_of(content["tuned"]),
            endpoints=json.dumps(told, sort_keys=True) if (told := content.get("declared")) else "",
            meanings={name: version for name, version in content.get("meanings", {}).items() if version != 1},
            columns=columns,
            declared=content.get("columns"),
            images=sizes,
            values={part: _numbers(content[part], columns) for part in PARTS},
            texts=texts,
            path=path,
            written=moment(provenance["finished"]),
        )

    def _versions(self, provenance: RowProvenance) -> str:
        every = (provenance, *provenance["stages"].values())
        key = tuple((*one["versions"].items(), *(one[name] for name in MACHINE)) for one in every)
        if key not in self._environments:
            self._environments[key] = environment(provenance)
        return self._environments[key]

    def _settings(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        key = json.dumps(node)
        if key not in self._flat:
            self._flat[key] = flat(node)
        return self._flat[key]


def nodes_of(content: StoredRow | StoredFailure, data_fingerprint: str) -> dict[str, dict[str, Any]]:
    """The config of each component and of the method, with what else changes what is trained."""
    config = content["config"]
    nodes = {kind: dict(config[kind]) for kind in (*COMPONENTS, "method")}
    # Of no component, but they change what is trained: with the recipe. Rows of two protocols are never pooled,
    # whether or not they differ where they were stored.
    protocol = content["protocol"] or "fixed"
    numerics = {"deterministic": config["deterministic"], "threads": config["threads"]}
    given = content.get("given", {})  # in place of trainings by the recipe
    patterns = {stage: given[stage]["pattern"] for stage in ("original", "reference") if stage in given}
    nodes["recipe"] = {"protocol": protocol, **nodes["recipe"], **numerics, **patterns}
    nodes["data"]["content"] = data_fingerprint[:8]  # one config may have read others
    return nodes


def seeds_of(seed: int, streams: Mapping[str, Any]) -> tuple[int, ...]:
    """As `SEEDS` names them."""
    return (seed, *(streams[name.removeprefix("seed_")] for name in SEEDS[1:]))


def _numbers(part: Values, columns: Sequence[str]) -> FloatArray:
    return np.array([part.get(column) for column in columns], dtype=np.float64)  # None becomes NaN


def changed_of(content: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """`Row.changed` of a row, or of a record of an audit."""
    changed, protocol = content["changed"], str(content.get("protocol") or "fixed")
    found: dict[str, dict[str, Any]] = {}
    if protocol != "fixed":
        found["recipe"] = {"protocol": protocol}
    for key, value in changed.items():
        kind, _, field = key.partition(".")
        if kind in ("metric", "audit"):
            name, _, field = field.partition(".")
            kind = f"{kind}.{name}"
        if key in OF_THE_RUN:
            kind, field = "recipe", key
        found.setdefault(kind, {})[field] = value
    if found.get("method", {}).get("label"):  # by which a method wants to be called, instead of by its file
        found["method"].pop("path", None)
    return found


def _code(keys: Mapping[str, str]) -> str:
    of_block = repr(sorted((name, key) for name, key in keys.items() if name != "method"))
    return f"{hashlib.sha256(of_block.encode()).hexdigest()[:8]}.{keys['method'][:8]}"


def _commit(git: object) -> str:
    """Of what a row says of the checkout, in a part that is not declared and so may be anything."""
    if not isinstance(git, Mapping) or not isinstance(git.get("commit"), str):
        return ""
    return str(git["commit"]) + "+" * bool(git.get("changed"))


def moment(told: str) -> float:
    return datetime.fromisoformat(told).timestamp()


def flat(node: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The values of a nested mapping by their dotted names."""
    found: dict[str, Any] = {}
    for name, value in node.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {prefix + name: value}
    return found
