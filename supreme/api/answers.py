"""What the given models answer to the given sets, as metrics look at it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from supreme.api.given import Given
from supreme.api.networks import class_count, features_of, logits_of
from supreme.api.not_given import NotGiven
from supreme.api.sets import GivenSets
from supreme.core import Split, SupremeError
from supreme.pipeline.evaluation import StoredPredictions

NETWORKS = "the networks themselves, and not their logits alone"
"""What a model that is given by its logits lacks."""

PROBABILITIES = 1e-3
"""How near to 1 the sum of a row must be for it to look like probabilities."""


def number_of_classes(models: Sequence[Given], sets: GivenSets) -> int:
    """The one that all models have; nothing but two images is looked at.

    Raises:
        SupremeError: two models have another one, or there are no images for a network, or logits of another number.
    """
    counts: dict[str, int] = {}
    data = sets.split().data
    for one in models:
        if one.network is None:
            counts[one.name] = next(iter(one.logits.values())).shape[1]
        elif not sets.has_images:
            raise SupremeError(
                f"{one.name} is a network, and the sets are labels without images: give (x, y), or logits"
            )
        else:
            counts[one.name] = class_count(one.name, one.network, data)
    first, count = next(iter(counts.items()))
    for name, other in counts.items():
        if other != count:
            raise SupremeError(f"{first} has {count} classes and {name} {other}: all models must have the same classes")
    return count


def predictions_of(
    given: Given, split: Split, sets: GivenSets, progress: Callable[[int], None]
) -> tuple[StoredPredictions, str]:
    """The predictions of one model, its logits computed now; and what is to be doubted of them, or nothing.

    Raises:
        SupremeError: see `logits_of`; or arrays of logits are not those of these sets.
    """
    if given.network is None:
        whole = _of_arrays(given, split, sets)
    else:
        whole = logits_of(given.name, given.network, split.data, progress)

    @cache
    def load(what: str) -> np.ndarray:
        if what == "logits":
            return whole
        if given.network is None:
            raise NotGiven("features", NETWORKS)
        return features_of(given.name, given.network, split.data)

    def model() -> Any:
        if given.network is None or not any(True for _ in given.network.parameters()):
            raise NotGiven("model", NETWORKS)
        return given.network

    return StoredPredictions(split, load, model), _doubt(given, whole, split)


def _of_arrays(given: Given, split: Split, sets: GivenSets) -> np.ndarray:
    """Logits of every image of the source; NaN of those that are in no set."""
    for name, array in given.logits.items():
        if name not in sets.sets:
            raise SupremeError(
                f"{given.name} has logits of {name}, and there is no such set: give {name}=(x, y) or labels"
            )
        if len(array) != (count := len(sets.sets[name])):
            raise SupremeError(
                f"{given.name} has logits of {len(array)} images for {name}, which has {count}: give one row for each "
                "image, in the order of the set"
            )
    if missing := [name for name in sets.sets if name not in given.logits]:
        raise SupremeError(f"{given.name} has no logits of {missing[0]}: give them, or leave the set out")
    widths = {name: array.shape[1] for name, array in given.logits.items()}
    if len(set(widths.values())) > 1:
        told = ", ".join(f"{name} {width}" for name, width in widths.items())
        raise SupremeError(f"{given.name} has logits of several numbers of classes ({told}): they must be the same")
    kind = np.result_type(*given.logits.values())
    whole = np.full((len(split.data.labels), next(iter(widths.values()))), np.nan, kind)
    for name, array in given.logits.items():
        whole[split.sets[name].indices] = array
    return whole


def _doubt(given: Given, logits: np.ndarray, split: Split) -> str:
    used = np.unique(np.concatenate([images.indices for images in split.sets.values()]))
    rows = logits[used]
    if ((rows >= 0) & (rows <= 1)).all() and (np.abs(rows.sum(1) - 1) < PROBABILITIES).all():
        return (
            f"{given.name} seems to give probabilities: each row lies in [0, 1] and sums to 1. They were taken for "
            "logits, which makes every loss, confidence and divergence wrong; give logits, or log-probabilities"
        )
    return ""
