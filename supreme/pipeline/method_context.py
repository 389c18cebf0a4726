"""The `Context` of a cell: what a method may ask for beside the model and the split."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from supreme.core import Context, Cost, Epoch
from supreme.pipeline.device import Measured
from supreme.pipeline.fitting import fit_by, seed_from
from supreme.pipeline.history import StoredHistory
from supreme.pipeline.keys import SCHEMA
from supreme.pipeline.prepared import Prepared
from supreme.pipeline.process_state import refuse_touched
from supreme.store.artefact import Contents
from supreme.store.files import digest
from supreme.store.fingerprint import code_of_functions


def method_context(prepared: Prepared, rng: torch.Generator, work: Measured, curve: list[Epoch]) -> Context:
    """Return the context of the cell's method.

    Args:
        rng: the method's stream.
        work: what measures the method.
        curve: gets every epoch that the method trains with `fit`, one training after the other.
    """
    cell, place, recipe = prepared.cell, prepared.place, prepared.recipe.of_reference()

    def once(name: str, settings: Mapping[str, Any], compute: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
        def create() -> Contents:
            with Measured(place.device, place.shared) as own:
                tensors = compute()
            refuse_touched()
            return Contents(
                tensors=tensors, record={"cost": asdict(own.cost), "of": {"original": cell.key("original")}}
            )

        parts = {
            "schema": SCHEMA["shared"],
            "original": cell.key("original"),
            "name": name,
            "settings": settings,
            "code": code_of_functions([compute]).digest,
        }
        with work.paused():
            artefact, _ = place.store.get_or_create("shared", digest(parts), create)
            tensors = {name: tensor.to(place.device) for name, tensor in artefact.tensors().items()}
        work.add(Cost(**artefact.record["cost"]))
        return tensors

    return Context(
        device=place.device,
        rng=rng,
        fresh=lambda: prepared.fresh(seed_from(rng)),
        untrained=lambda: prepared.fresh(seed_from(rng), untrained=True),
        fit=fit_by(recipe, rng, progress=place.activity, after_epoch=curve.append, paused=work.paused),
        once=once,
        history=StoredHistory(prepared, work),
        progress=place.activity,
    )
