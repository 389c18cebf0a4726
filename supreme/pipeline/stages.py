"""The stages of a cell that make models: train the original, train the reference, unlearn; and their predictions.

Each is a function of the cell and the store. What a stage leaves there is found again by its key, by any process.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from supreme.core import Cost, Epoch, Split, SupremeError, seeds
from supreme.functional.classifier import Classifier, origin
from supreme.pipeline.cell import SCHEMA, Cell, Workplace
from supreme.pipeline.device import Measured, autocast
from supreme.pipeline.evaluation import BATCH, StoredPredictions, predict
from supreme.pipeline.method_context import context_of
from supreme.pipeline.process_state import Touched, listed, watching
from supreme.pipeline.training import (
    data_of,
    evaluating,
    fresh,
    loaded,
    prepare,
    split_of,
    train,
    training_images,
    warm_up,
)
from supreme.store.artefact import Artefact, Contents
from supreme.store.files import digest
from supreme.store.fingerprint import identity
from supreme.store.provenance import provenance

log = logging.getLogger(__name__)


# Training.


def original(cell: Cell, at: Workplace) -> Artefact:
    """The model trained on all training data."""
    return _trained(cell, at, "original", seeds.stream("train", cell.seed))


def reference(cell: Cell, at: Workplace) -> Artefact:
    """The model trained from a fresh start on the retain set only, from a stream of its own."""
    return _trained(cell, at, "reference", seeds.stream("reference", cell.seed, cell.seeds["reference"]))


def _trained(cell: Cell, at: Workplace, stage: str, seed: int) -> Artefact:
    def create() -> Contents:
        images = training_images(cell, at) if stage == "original" else split_of(cell, at).retain
        log.info("training the %s model on %d images", stage, len(images))
        at.activity.begin(stage)
        model, curve = fresh(cell, at, seed), list[Epoch]()
        warm_up(cell, at)
        with Measured(at.device, at.shared) as work:
            train(cell, at, model, images, seed, after_epoch=curve.append, stage=stage, work=work)
        return _weights_of(model, at, work.cost, curve)

    prepare(cell, at)
    artefact, _ = at.store.get_or_create(stage, cell.key(stage), create)
    return artefact


def unlearned(cell: Cell, at: Workplace) -> Artefact:
    """What the method makes of a copy of the original."""

    def create() -> Contents:
        split, method = split_of(cell, at), cell.build("method")
        before = original(cell, at).tensors()
        model, curve = loaded(cell, at, before), list[Epoch]()
        seed = seeds.stream("unlearn", cell.seed, cell.seeds["unlearn"])
        rng = torch.Generator().manual_seed(seeds.branch(seed, "method"))
        warm_up(cell, at)
        log.info("unlearning %d of %d images", len(split.forget), len(split.forget) + len(split.retain))
        at.activity.begin("unlearn")
        with (
            watching(f"method {cell.names['method']}", method) as watch,
            seeds.scoped(seeds.branch(seed, "dropout")),
            autocast(at.device, precision),
            Measured(at.device, at.shared) as work,
        ):
            model = method(model, split, context_of(cell, at, rng, work, curve))
        return _checked(cell, at, model, before, work.cost, curve, watch.left)

    precision = prepare(cell, at)
    artefact, is_new = at.store.get_or_create("unlearned", cell.key("unlearned"), create)
    if is_new and artefact.record["left"]:
        raise Touched(f"method {cell.names['method']} left {listed(artefact.record['left'])}")
    return artefact


def _weights_of(model: nn.Module, at: Workplace, cost: Cost, curve: Sequence[Epoch], **record: Any) -> Contents:
    tensors = {name: tensor.detach().cpu() for name, tensor in model.state_dict().items()}
    came = {"checkpoint": file} if (file := origin(model)) else {}
    told = {"cost": asdict(cost), "curve": _points(curve), "provenance": {**provenance(at.device), **came}}
    return Contents(tensors=tensors, record={**told, **record})


def _points(curve: Sequence[Epoch]) -> list[dict[str, float | None]]:
    """The curve as JSON can say it: null where a training that diverged has no finite value."""
    return [
        {"epoch": number, **{name: value if math.isfinite(value) else None for name, value in asdict(epoch).items()}}
        for number, epoch in enumerate(curve, 1)
    ]


def _checked(
    cell: Cell,
    at: Workplace,
    model: object,
    before: Mapping[str, Tensor],
    cost: Cost,
    curve: Sequence[Epoch],
    left: Sequence[str],
) -> Contents:
    """What the method returned, refused when it is no model of this kind or not finite; no tensors when unchanged."""
    name = f"method {cell.names['method']}"
    if not isinstance(model, nn.Module):
        raise SupremeError(f"{name} returned {type(model).__name__} and not a model")
    contents = _weights_of(model, at, cost, curve, unchanged=False, left=list(left))
    shapes = {key: (tuple(tensor.shape), tensor.dtype) for key, tensor in contents.tensors.items()}
    wanted = {key: (tuple(tensor.shape), tensor.dtype) for key, tensor in before.items()}
    if shapes != wanted:
        odd = sorted({key for key, _ in shapes.items() ^ wanted.items()})
        raise SupremeError(f"{name} returned another architecture than the original's; it differs in {odd[0]}")
    for key, tensor in contents.tensors.items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise SupremeError(f"{name} returned weights that are not finite: {key}")
    if all(torch.equal(tensor, before[key]) for key, tensor in contents.tensors.items()):
        return Contents(record={**contents.record, "unchanged": True})
    return contents


STAGES: dict[str, Callable[[Cell, Workplace], Artefact]] = {
    "original": original,
    "reference": reference,
    "unlearned": unlearned,
}


# What the models answer.


def model_of(cell: Cell, at: Workplace, stage: str) -> Classifier:
    """The model that a stage left, on the device."""
    artefact = STAGES[stage](cell, at)
    if artefact.record.get("unchanged"):
        artefact = original(cell, at)
    return loaded(cell, at, artefact.tensors())


def predictions(cell: Cell, at: Workplace, stage: str) -> Callable[[str], np.ndarray]:
    """A function from "logits" or "features" to that model's answers, computed once and kept in the store."""
    key = cell.key(stage)
    return _answers(cell, at, {"stage": stage, "key": key}, lambda: model_of(cell, at, stage), {stage: key})


def untrained(cell: Cell, at: Workplace, split: Split, number: int) -> StoredPredictions:
    """A randomly initialised model: the same for every cell of this data, model and evaluation draw."""
    stream = [cell.seeds["evaluate"], number]

    def model() -> Classifier:
        return fresh(cell, at, seeds.stream("untrained", *stream), untrained=True)

    of = {"untrained": identity(cell.nodes["model"]), "stream": stream, **cell.numerics}
    of["channels_last"] = cell.nodes["recipe"]["channels_last"]
    owner = {"untrained": cell.nodes["model"]}
    return StoredPredictions(split, _answers(cell, at, of, model, owner), model)


def _answers(
    cell: Cell, at: Workplace, of: Mapping[str, Any], model: Callable[[], Classifier], owner: Mapping[str, Any]
) -> Callable[[str], np.ndarray]:
    """The answers of a model; `owner` says whose they are, for the record, where `supreme store gc` reads it."""

    @cache
    def load(what: str) -> np.ndarray:
        def create() -> Contents:
            with evaluating(cell, at):
                answers = predict(model(), data_of(cell, at), at.device, what)
            return Contents(arrays={what: answers}, record={"of": owner})

        parts = {"schema": SCHEMA["predictions"], "of": of, "data": cell.fingerprint, "batch": BATCH, "what": what}
        return at.store.get_or_create("predictions", digest(parts), create)[0].array(what)

    return load
