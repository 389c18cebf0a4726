"""The stages of a cell that make models: train the original, train the reference, unlearn.

Each is a function of the prepared cell. What a stage leaves in the store is found again by its key, by any process.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from supreme.core import Epoch, SupremeError, seeds
from supreme.functional.classifier import Classifier, origin
from supreme.pipeline import given_models
from supreme.pipeline.device import Measured, autocast
from supreme.pipeline.method_context import method_context
from supreme.pipeline.prepared import Prepared
from supreme.pipeline.process_state import Touched, listed, watching
from supreme.pipeline.watched_split import declared_reads
from supreme.pipeline.workplace import Workplace
from supreme.store.artefact import Artefact, Contents
from supreme.store.provenance import provenance

log = logging.getLogger(__name__)


def original(prepared: Prepared) -> Artefact:
    """The model trained on all training data."""
    return _trained(prepared, "original", seeds.stream("train", prepared.cell.seed))


def reference(prepared: Prepared) -> Artefact:
    """The model trained from a fresh start on the retain set only, from a stream of its own."""
    cell = prepared.cell
    return _trained(prepared, "reference", seeds.stream("reference", cell.seed, cell.seeds["reference"]))


def _trained(prepared: Prepared, stage: str, seed: int) -> Artefact:
    place = prepared.place

    def create() -> Contents:
        if stage in prepared.cell.given:
            return given_models.contents(prepared, stage)
        images = prepared.training_images if stage == "original" else prepared.own_split().retain
        log.info("training the %s model on %d images", stage, len(images))
        place.activity.begin(stage)
        model, curve = prepared.fresh(seed), list[Epoch]()
        prepared.warm_up()
        with Measured(place.device, place.shared) as work:
            prepared.train(model, images, seed, after_epoch=curve.append, stage=stage, work=work)
        return _weights_of(model, place, asdict(work.cost), curve)

    prepared.configure()
    artefact, _ = prepared.store.get_or_create(stage, prepared.cell.key(stage), create)
    return artefact


def unlearned(prepared: Prepared) -> Artefact:
    """What the method makes of a copy of the original."""
    cell, place = prepared.cell, prepared.place

    def create() -> Contents:
        split, method = prepared.own_split(), prepared.method
        before = original(prepared).tensors()
        model, curve = prepared.loaded(before), list[Epoch]()
        seed = seeds.stream("unlearn", cell.seed, cell.seeds["unlearn"])
        rng = torch.Generator().manual_seed(seeds.branch(seed, "method"))
        prepared.warm_up()
        log.info("unlearning %d of %d images", len(split.forget), len(split.forget) + len(split.retain))
        place.activity.begin("unlearn")
        with (
            watching(name := f"method {cell.names['method']}", method) as watch,
            declared_reads(split, method, name) as declared,
            seeds.scoped(seeds.branch(seed, "dropout")),
            autocast(place.device, prepared.recipe.precision),
            Measured(place.device, place.shared) as work,
        ):
            model = method(model, declared, method_context(prepared, rng, work, curve))
        made_here = not getattr(method, "made_elsewhere", False)
        cost = asdict(work.cost) if made_here else given_models.UNKNOWN_COST
        return _checked(prepared, model, before, cost, curve, watch.left)

    prepared.configure()
    artefact, is_new = prepared.store.get_or_create("unlearned", cell.key("unlearned"), create)
    if is_new and artefact.record["left"]:
        raise Touched(f"method {cell.names['method']} left {listed(artefact.record['left'])}")
    return artefact


def _weights_of(
    model: nn.Module, place: Workplace, cost: Mapping[str, Any], curve: Sequence[Epoch], **record: Any
) -> Contents:
    tensors = {name: tensor.detach().cpu() for name, tensor in model.state_dict().items()}
    came = {"checkpoint": file} if (file := origin(model)) else {}
    told = {"cost": cost, "curve": _points(curve), "provenance": {**provenance(place.device), **came}}
    return Contents(tensors=tensors, record={**told, **record})


def _points(curve: Sequence[Epoch]) -> list[dict[str, float | None]]:
    """The curve as JSON can say it: null where a training that diverged has no finite value."""
    return [
        {"epoch": number, **{name: value if math.isfinite(value) else None for name, value in asdict(epoch).items()}}
        for number, epoch in enumerate(curve, 1)
    ]


def _checked(
    prepared: Prepared,
    model: object,
    before: Mapping[str, Tensor],
    cost: Mapping[str, Any],
    curve: Sequence[Epoch],
    left: Sequence[str],
) -> Contents:
    """What the method returned, refused when it is no model of this kind or not finite; no tensors when unchanged."""
    name = f"method {prepared.cell.names['method']}"
    if not isinstance(model, nn.Module):
        raise SupremeError(f"{name} returned {type(model).__name__} and not a model")
    contents = _weights_of(model, prepared.place, cost, curve, unchanged=False, left=list(left))
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


STAGES: dict[str, Callable[[Prepared], Artefact]] = {
    "original": original,
    "reference": reference,
    "unlearned": unlearned,
}


def model_of(prepared: Prepared, stage: str) -> Classifier:
    """The model that a stage left, on the device."""
    artefact = STAGES[stage](prepared)
    if artefact.record.get("unchanged"):
        artefact = original(prepared)
    return prepared.loaded(artefact.tensors())


def returned_reference(done: Mapping[str, Artefact]) -> bool:
    """Whether every weight and buffer of the unlearned model equals the reference's; `done` has both, by stage."""
    unlearned = done["original" if done["unlearned"].record.get("unchanged") else "unlearned"]
    return unlearned.has_tensors_of(done["reference"])
