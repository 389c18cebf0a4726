"""A model that was given: its weights as a stage leaves them, refused where they are of something else."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import torch

from supreme.core import Cost, Split, SupremeError, seeds
from supreme.core.images import Images
from supreme.functional import given_weights
from supreme.functional.classifier import Classifier
from supreme.pipeline.cell import Cell
from supreme.pipeline.evaluation import BATCH, CellEvaluation, inference
from supreme.pipeline.given_files import given_content
from supreme.pipeline.method_suitability import without_values
from supreme.pipeline.prepared import Prepared
from supreme.store.artefact import Contents
from supreme.store.provenance import provenance

LOOKED_AT = 2_000
"""Images, at most, that a given model must answer better than by chance: enough to tell, and little work."""

ERRORS = 4
"""Standard errors above the accuracy of always naming the largest class, from which an accuracy is no chance."""

DOUBTED = 3
"""Standard errors by which a reference must do better on the forget set than elsewhere before that is doubtful."""

UNKNOWN_COST: dict[str, Any] = {**dict.fromkeys(Cost.__dataclass_fields__), "shared_device": False}
"""As records hold the cost of what was not done here."""


def cost_of(record: dict[str, Any]) -> Cost:
    """The cost in the record of a stage; its numbers are NaN where nobody knows them."""
    if record["seconds"] is not None:
        return Cost(**record)
    nan: Any = math.nan
    return Cost(seconds=nan, peak_memory_bytes=nan, forward_samples=nan, backward_samples=nan, shared_device=False)


def refuse_misfit(cell: Cell, stage: str) -> None:
    """Refuse a file that is no model of this cell's kind, before anything runs; nothing where that cannot be told."""
    model = without_values(cell)
    if model is not None:
        given_weights.load(model, str(cell.given_path(stage)), key=stage)


def contents(prepared: Prepared, stage: str) -> Contents:
    """What the stage leaves: the weights of the file, and where they came from.

    Raises:
        SupremeError: the file does not fit, has changed since the key was made, or its model answers the training
            images (of the reference: the retained ones) no better than chance.
    """
    cell, place = prepared.cell, prepared.place
    path = cell.given_path(stage)
    assert path is not None
    model = prepared.fresh(0, untrained=True)
    told = given_weights.load(model, str(path), key=stage)
    if told.sha256 != given_content(path, stage):
        raise SupremeError(f"{stage}={path} is being written; give the same command again when it is whole")
    images = prepared.training_images if stage == "original" else prepared.own_split().retain
    what = "training" if stage == "original" else "retained"
    with prepared.evaluating():
        _refuse_chance(model, images, f"{stage}={path}", what, told)
    tensors = {name: tensor.detach().cpu() for name, tensor in model.state_dict().items()}
    source = {**provenance(place.device), "given": asdict(told)}
    return Contents(tensors=tensors, record={"cost": UNKNOWN_COST, "curve": [], "provenance": source})


def doubts(cell: Cell, split: Split, reference: CellEvaluation) -> list[str]:
    """Why a given reference may have been trained on what it should never have seen; for the notes of a row.

    It answers the forget set better than images that it cannot know, by more than their numbers explain: than test
    images, or, where whole classes are forgotten, than by chance.
    """
    if "reference" not in cell.given or not len(split.forget):
        return []
    right, others = _accuracy(reference, "forget"), _accuracy(reference, "test")
    if split.forget_classes:
        expected, error = 1 / split.num_classes, 0.0
    else:
        expected, error = others, others * (1 - others) / len(split.test)
    error += max(right * (1 - right), expected * (1 - expected)) / len(split.forget)
    if right <= expected + DOUBTED * math.sqrt(error):
        return []
    than = f"chance is {expected:.1%}" if split.forget_classes else f"of test images {others:.1%}"
    return [f"the given reference answers {right:.1%} of the forget set right ({than}): it may have been trained on it"]


def _accuracy(evaluation: CellEvaluation, name: str) -> float:
    return float((evaluation.subject.logits(name).argmax(1) == evaluation.labels(name).cpu()).double().mean())


def _refuse_chance(model: Classifier, images: Images, what: str, which: str, told: given_weights.Given) -> None:
    draw = torch.randperm(len(images), generator=torch.Generator().manual_seed(seeds.stream("evaluate", 0)))
    some = images.subset(draw[:LOOKED_AT].tolist())
    with inference(model):
        answers = [(model(x).argmax(1).cpu(), y.cpu()) for x, y in some.batches(BATCH)]
    labels = torch.cat([y for _, y in answers])
    right = float((torch.cat([answer for answer, _ in answers]) == labels).double().mean())
    chance = float(labels.bincount().max()) / len(labels)
    if right > chance + ERRORS * math.sqrt(chance * (1 - chance) / len(labels)):
        return
    doubts = ["trained on other images", "numbered its classes otherwise"]
    doubts += ["connects the same layers otherwise"] * told.by_order
    if told.normalisation != "of the file":
        doubts += ["normalised pixels otherwise (keep its mean and std, three numbers each, in the file)"]
    raise SupremeError(
        f"{what} answers {right:.1%} of {len(labels)} {which} images right, no better than chance ({chance:.1%}): "
        f"it was {', or '.join(doubts)}"
    )
