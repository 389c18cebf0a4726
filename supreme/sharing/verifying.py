"""Metrics of a row of somebody else, computed again from the predictions in its export.

Nothing that a row names is imported: a metric is built only where its class is that of a YAML of conf/metric here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import numpy as np
import yaml

from supreme.core import Split, SupremeError, registry
from supreme.core.components import version_of
from supreme.core.row import StoredRow
from supreme.report.catalogue.methods import CONF
from supreme.report.leaderboard.exports import Check
from supreme.sharing.reading import Shared

TOLERANCE = 1e-6
"""How far a value may be from the stored one, in its own units, or as a share of it where it is above 1."""

ROLES = {"metrics": "unlearned", "reference": "reference", "original": "original"}
"""Of each part of a row that holds values, the model that they are of."""

PREDICTIONS = frozenset({"logits"})


class Verifier:
    """Of the rows of one export; what several rows have in common is computed once."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._splits: dict[str, Split | None] = {}
        self._anchors: dict[str, Mapping[str, Any]] = {}

    def check(self, row: StoredRow) -> Check | None:
        """What was computed again; None where the export has no predictions of this row.

        Raises:
            SupremeError: a value is not that of the row, or the predictions cannot be of its models.
        """
        keys, wanted = row["provenance"]["keys"], row["provenance"]["depends"]["split"]
        if wanted not in self._splits:
            self._splits[wanted] = self._shared.split(wanted)
        split = self._splits[wanted]
        if split is None or any((role, keys[role]) not in self._shared.models for role in ROLES.values()):
            return None
        self._refuse_other_images(row, split)
        again, left = _metrics_of(row)
        for part, role in ROLES.items():
            found = self._measured(row, role, split, again)
            for metric, values in found.items():
                self._compare(row, part, metric, values)
        return Check(metrics=sorted(again), left=left)

    def _refuse_other_images(self, row: StoredRow, split: Split) -> None:
        name = f"rows/{row['cell']}.json"
        sizes = {set_: len(images) for set_, images in split.sets.items() if len(images)}
        stated = row["forget_digest"], row["provenance"]["depends"]["data"]
        if (split.forget_digest, split.data.fingerprint) != stated:
            raise self._shared.refused(name, "its forget set or its data are others than those of its split")
        if sizes != row["sets"]:
            raise self._shared.refused(name, "its sets have other sizes than those of its split")
        largest = max(int(images.indices.max()) for images in split.sets.values() if len(images))
        for role in ROLES.values():
            logits = self._shared.logits(role, row["provenance"]["keys"][role])
            if len(logits) <= largest or logits.shape[1] != split.num_classes:
                raise self._shared.refused(
                    name,
                    f"the logits of its {role} model are {len(logits)} x {logits.shape[1]}, and its split has images "
                    f"up to number {largest} and {split.num_classes} classes",
                )

    def _measured(
        self, row: StoredRow, role: str, split: Split, metrics: Mapping[str, Any]
    ) -> Mapping[str, Mapping[str, float | None]]:
        """By metric, its columns of this model."""
        if role == "unlearned":
            return self._evaluate(row, role, split, metrics)
        told = [row["provenance"]["keys"][name] for name in ("original", "reference")]
        nodes = {name: row["config"]["metric"][name] for name in metrics}
        streams = [row["seed"], row["seeds"]["evaluate"], row["provenance"]["depends"]["split"]]
        key = json.dumps([role, told, streams, nodes], sort_keys=True)
        if key not in self._anchors:
            self._anchors[key] = self._evaluate(row, role, split, metrics)
        return self._anchors[key]

    def _evaluate(
        self, row: StoredRow, role: str, split: Split, metrics: Mapping[str, Any]
    ) -> Mapping[str, Mapping[str, float | None]]:
        from supreme.pipeline.evaluation import CellEvaluation, StoredPredictions
        from supreme.pipeline.rows import measure

        keys = row["provenance"]["keys"]

        def answers(stage: str) -> StoredPredictions:
            def load(what: str) -> np.ndarray[Any, Any]:
                if what != "logits":
                    raise LookupError(f"{what} are not in an export")
                return self._shared.logits(stage, keys[stage])

            def model() -> Any:
                raise LookupError("models are not in an export")

            return StoredPredictions(split, load, model)

        subjects = {stage: answers(stage) for stage in ROLES.values()}
        evaluation = CellEvaluation(
            subject_name=role,
            split=split,
            subject=subjects[role],
            all=subjects,
            costs={},
            load_untrained=lambda: (),
            stream=(row["seed"], row["seeds"]["evaluate"]),
        )
        found = {}
        for name, metric in metrics.items():
            try:
                found[name] = measure({name: metric}, evaluation)["values"]
            except SupremeError:
                raise
            except Exception as error:  # whatever somebody else's numbers make of it
                why = f"{name} cannot be computed again from its predictions: {type(error).__name__}: {error}"
                raise self._shared.refused(f"rows/{row['cell']}.json", why) from error
        return found

    def _compare(self, row: StoredRow, part: str, metric: str, values: Mapping[str, float | None]) -> None:
        stored: Any = row[part]
        for column, value in values.items():
            if not _agree(stored.get(column), value):
                of = f"{column} of its {ROLES[part]} model"
                versions = ", ".join(f"{name} {one}" for name, one in row["provenance"]["versions"].items())
                raise self._shared.refused(
                    f"rows/{row['cell']}.json",
                    f"{row['method']}, seed {row['seed']}: {of} is {stored.get(column)}, and {value} when {metric} is "
                    f"computed again from the predictions; the row was made by {versions}",
                )


def _agree(stored: float | None, value: float | None) -> bool:
    if stored is None or value is None:
        return stored is value
    return math.isclose(stored, value, rel_tol=TOLERANCE, abs_tol=TOLERANCE)


def _metrics_of(row: StoredRow) -> tuple[dict[str, Any], dict[str, str]]:
    """The metrics of a row that predictions alone give, built, and why the others are left."""
    built: dict[str, Any] = {}
    left: dict[str, str] = {}
    for name, node in row["config"]["metric"].items():
        metric, why = _metric(name, node, row.get("meanings", {}).get(f"metric.{name}", 1))
        if why:
            left[name] = why
        else:
            built[name] = metric
    return built, left


def _metric(name: str, node: Mapping[str, Any], version: int) -> tuple[Any, str]:
    if node.get("_target_") not in _known() or any("_target_" in one for one in _nested(node)):
        return None, "its class is not one of those here"
    try:
        metric = registry.build(node, f"metric {name}")
    except SupremeError:
        return None, "its values are not those of its class here"
    if (own := version_of(metric)) != version:
        return None, f"it is of version {version}, and here of {own}"
    if metric.needs != PREDICTIONS:
        return None, f"needs {', '.join(sorted(metric.needs - PREDICTIONS))}" if metric.needs else "measured as it ran"
    return metric, ""


def _nested(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The mappings inside a node, however deep."""
    for value in node.values():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, Mapping):
                yield one
                yield from _nested(one)


@cache
def _known() -> frozenset[str]:
    """The classes that the YAML files of conf/metric name."""
    nodes = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in (CONF / "metric").glob("*.yaml")]
    return frozenset(str(node.get("_target_")) for node in nodes)
