"""Metrics of a row of somebody else, computed again from the predictions in its export."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from supreme.core import Split
from supreme.core.row import StoredRow
from supreme.report.leaderboard.exports import Check
from supreme.sharing.reading import Shared
from supreme.sharing.recomputable import metrics_of

TOLERANCE = 1e-6
"""How far a value may be from the stored one, in its own units, or as a share of it where it is above 1."""

ROLES = {"metrics": "unlearned", "reference": "reference", "original": "original"}
"""Of each part of a row that holds values, the model that they are of."""


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
        again, left = metrics_of(row)
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
                with _threads(row["config"]["threads"]):
                    found[name] = measure({name: metric}, evaluation)["values"]
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


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """As many threads of torch as the row was computed with, and no more than there are cores."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(max(1, min(count, os.cpu_count() or 1)))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _agree(stored: float | None, value: float | None) -> bool:
    if stored is None or value is None:
        return stored is value
    return math.isclose(stored, value, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
