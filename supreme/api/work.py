"""The passes and the metrics of an evaluation, replicate by replicate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

import numpy as np

from supreme.api.answers import predictions_of
from supreme.api.as_rows import Told, row_of
from supreme.api.given import Given, Models
from supreme.api.measuring import Measured, Replicate, measured_of, nothing_of, together
from supreme.api.missing import without_missing
from supreme.api.not_given import ROLES
from supreme.api.sets import GivenSets
from supreme.core import Split
from supreme.core.row import IDENTICAL, UNCHANGED
from supreme.pipeline.evaluation import StoredPredictions


def images_to_answer(models: Models, fresh: Sequence[Given], sets: Sequence[GivenSets]) -> int:
    """How many images go through networks, each replicate having the models of its training seed."""
    total = 0
    for number in range(models.count):
        own = sets[number if len(sets) > 1 else 0]
        passes = {id(one.network) for one in _models_of(models, fresh, number).values() if one.network is not None}
        total += len(passes) * len(own)
    return total


def replicates_of(
    models: Models,
    fresh: Sequence[Given],
    splits: Sequence[Split],
    sets: Sequence[GivenSets],
    seeds: Sequence[int],
    told: Callable[[int], None],
) -> tuple[list[Replicate], list[str]]:
    """What is evaluated together, with all predictions; and what is to be doubted of these, each once."""
    found: list[Replicate] = []
    doubts: dict[str, None] = {}
    for number in range(models.count):
        place = number if len(sets) > 1 else 0
        answered: dict[int, StoredPredictions] = {}  # a model may be given under two names
        done: dict[str, StoredPredictions] = {}
        for name, one in _models_of(models, fresh, number).items():
            key = id(one if one.network is None else one.network)
            if key not in answered:
                answered[key], doubt = predictions_of(one, splits[place], sets[place], told)
                doubts |= dict.fromkeys([doubt] if doubt else [])
            done[name] = answered[key]
        seed = seeds[0 if models.draws else number]
        found.append(
            Replicate(
                number=place,
                seed=seed,
                draw=number if models.draws else 0,
                split=splits[place],
                sets=sets[place],
                methods={name: done[f"method {name}"] for name in models.methods},
                anchors={role: done[role] for role in ROLES if role in done},
                untrained=[done[f"untrained {place}"] for place in range(len(fresh))],
            )
        )
    return found, list(doubts)


def rows_of(told: Told, models: Models, replicates: Sequence[Replicate]) -> tuple[list[dict[str, Any]], list[str]]:
    """The rows, and notes of what is missing in all of them.

    Raises:
        SupremeError: a metric fails, or one that was asked for needs what was not given.
    """
    methods = [
        {name: measured_of(told.asked, one, "unlearned", subject) for name, subject in one.methods.items()}
        for one in replicates
    ]
    kept, gone, missing = without_missing(told.asked, [own for one in methods for own in one.values()])
    told = replace(told, asked=kept)
    rows = []
    for one, measured in zip(replicates, methods, strict=True):
        known = {
            role: together(kept, measured_of(kept, one, role, subject), gone) for role, subject in one.anchors.items()
        }
        for name in models.methods:
            own = together(kept, measured[name], gone)
            rows.append(_row(told, name, one, own, known))
    return rows, missing


def _row(
    told: Told, method: str, replicate: Replicate, measured: Measured, known: Mapping[str, Measured]
) -> dict[str, Any]:
    subject = replicate.methods[method]
    said = {"original": UNCHANGED, "reference": IDENTICAL}
    notes = [
        note for role, note in said.items() if role in replicate.anchors and _alike(subject, replicate.anchors[role])
    ]
    return row_of(
        told,
        method=method,
        replicate=replicate,
        measured=measured,
        anchors={role: known.get(role) or nothing_of(role, measured["values"]) for role in ROLES},
        digests={name: _digest(one) for name, one in {"unlearned": subject, **replicate.anchors}.items()},
        notes=notes,
    )


def _models_of(models: Models, fresh: Sequence[Given], number: int) -> dict[str, Given]:
    """Every model of this training seed or draw, by a name of its own."""
    methods = {f"method {name}": several[number] for name, several in models.methods.items()}
    return {**methods, **models.anchors(number), **{f"untrained {place}": one for place, one in enumerate(fresh)}}


def _alike(one: StoredPredictions, other: StoredPredictions) -> bool:
    """Whether two models give equal logits to every image."""
    return np.array_equal(one.load("logits"), other.load("logits"), equal_nan=True)


def _digest(one: StoredPredictions) -> str:
    return sha256(np.ascontiguousarray(one.load("logits")).tobytes()).hexdigest()
