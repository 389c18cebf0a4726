"""The predictions of a cell's models for all images, computed once and kept in the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

import numpy as np

from supreme.core import seeds
from supreme.functional.classifier import Classifier
from supreme.pipeline.evaluation import BATCH, StoredPredictions, predict
from supreme.pipeline.keys import SCHEMA
from supreme.pipeline.prepared import Prepared
from supreme.pipeline.stages import model_of
from supreme.store.artefact import Contents
from supreme.store.files import digest
from supreme.store.fingerprint import identity


def predictions(prepared: Prepared, stage: str) -> StoredPredictions:
    """The predictions of the model that a stage left."""
    key = prepared.cell.key(stage)
    model = partial(model_of, prepared, stage)
    answers = _answers(prepared, {"stage": stage, "key": key}, model, {stage: key})
    return StoredPredictions(prepared.judging_split, answers, model)


def untrained(prepared: Prepared, number: int) -> StoredPredictions:
    """Those of a randomly initialised model: the same for every cell of this data, model and evaluation draw."""
    cell = prepared.cell
    stream = [cell.seeds["evaluate"], number]

    def model() -> Classifier:
        return prepared.fresh(seeds.stream("untrained", *stream), untrained=True)

    of = {"untrained": identity(cell.nodes["model"]), "stream": stream, **cell.numerics}
    of["channels_last"] = cell.nodes["recipe"]["channels_last"]
    answers = _answers(prepared, of, model, {"untrained": cell.nodes["model"]})
    return StoredPredictions(prepared.judging_split, answers, model)


def _answers(
    prepared: Prepared, of: Mapping[str, Any], model: Callable[[], Classifier], owner: Mapping[str, Any]
) -> Callable[[str], np.ndarray]:
    """A function from "logits" or "features" to the array of a model's answers.

    Args:
        owner: whose answers they are, for the record, where `supreme store gc` reads it.
    """

    @cache
    def load(what: str) -> np.ndarray:
        def create() -> Contents:
            with prepared.evaluating():
                answers = predict(model(), prepared.data, prepared.device, what)
            return Contents(arrays={what: answers}, record={"of": owner})

        parts = {"schema": SCHEMA["predictions"], "of": of, "data": prepared.cell.fingerprint, "batch": BATCH}
        return prepared.store.get_or_create("predictions", digest({**parts, "what": what}), create)[0].array(what)

    return load
