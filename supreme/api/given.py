"""The models that somebody evaluates: networks, or arrays of their logits; one, one for each seed, several methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from supreme.api.arrays import as_array
from supreme.api.networks import checked_logits, checked_network, device_of
from supreme.api.options import checked_name
from supreme.api.sets import NAMES
from supreme.core import SupremeError
from supreme.functional.classifier import Classifier

UNNAMED = "unlearned"
"""Method of models that were given without a name."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Given:
    """One model."""

    name: str
    """As the user knows it, for messages: `reference[1]`."""
    network: nn.Module | None
    logits: Mapping[str, np.ndarray]
    """float32 or float64, N x C, by set; empty where there is a network."""

    @property
    def kind(self) -> str:
        """What the model is called in a table's title."""
        if self.network is None:
            return "logits"
        return type(self.network.body if isinstance(self.network, Classifier) else self.network).__name__


@dataclass(frozen=True, kw_only=True)
class Models:
    """All models of a call, each list as long as every other."""

    methods: Mapping[str, Sequence[Given]]
    reference: Sequence[Given] | None
    original: Sequence[Given] | None
    draws: bool
    """Whether a list holds draws of a method from one original, with one reference, and not training seeds."""

    @property
    def count(self) -> int:
        return len(next(iter(self.methods.values())))

    def anchors(self, number: int) -> dict[str, Given]:
        """Those of reference and original that were given, beside the unlearned models of this number."""
        place = 0 if self.draws else number
        given = {"reference": self.reference, "original": self.original}
        return {name: models[place] for name, models in given.items() if models is not None}

    def all(self) -> list[Given]:
        groups = [*self.methods.values(), self.reference or (), self.original or ()]
        return [one for group in groups for one in group]


def given_models(unlearned: Any, reference: Any, original: Any) -> Models:
    """What was given, checked but for what needs images.

    Raises:
        SupremeError: something is no model, or lists are not as long as each other.
    """
    several = isinstance(unlearned, Mapping) and not (unlearned and all(map(_is_array, unlearned.values())))
    named = {str(name): models for name, models in unlearned.items()} if several else {UNNAMED: unlearned}
    if not named:
        raise SupremeError("unlearned is an empty dict: give at least one method, as in {'scrub': model}")
    for name in named:
        if name in ("reference", "original"):
            raise SupremeError(f'unlearned has a method "{name}": give that model as {name}=..., beside unlearned')
    named = {checked_name("the method", name): one for name, one in named.items()}
    methods = {name: _list(UNNAMED if not several else f'unlearned["{name}"]', one) for name, one in named.items()}
    anchors = {
        name: None if one is None else _list(name, one)
        for name, one in (("reference", reference), ("original", original))
    }
    lists = [one for one in (*named.values(), reference, original) if isinstance(one, list | tuple)]
    lengths = {f'unlearned["{name}"]' if several else "unlearned": len(own) for name, own in methods.items()}
    count = next(iter(lengths.values()))
    single = [name for name, one in (("reference", reference), ("original", original)) if one is not None]
    draws = count > 1 and bool(single) and all(len(anchors[name] or ()) == 1 for name in single)
    if not draws:
        lengths |= {name: len(anchors[name] or ()) for name in single}
    if lists and len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} {number}" for name, number in lengths.items())
        raise SupremeError(
            f"lists of models are not as long as each other ({told}): give one model for each training seed, in the "
            "same order everywhere"
        )
    return Models(methods=methods, reference=anchors["reference"], original=anchors["original"], draws=draws)


def given_untrained(given: Any) -> list[Given]:
    """Models with random weights; none where nothing was given.

    Raises:
        SupremeError: one is no model.
    """
    return [] if given is None else _list("untrained", given)


def device_of_models(models: Sequence[Given]) -> str:
    """cpu, cuda or mps: of the first network that is not on the CPU."""
    found = [device_of(one.network).type for one in models if one.network is not None]
    return next((kind for kind in found if kind != "cpu"), "cpu")


def _list(name: str, given: Any) -> list[Given]:
    if not isinstance(given, list | tuple):
        return [_one(name, given)]
    if not given:
        raise SupremeError(f"{name} is an empty list: give one model for each training seed")
    if all(map(_is_array, given)):
        raise SupremeError(
            f'{name} is a list of arrays: give the logits of each set by its name, {{"forget": N x C, ...}}'
        )
    return [_one(f"{name}[{number}]", one) for number, one in enumerate(given)]


def _one(name: str, given: Any) -> Given:
    if not _is_logits(given):
        if isinstance(given, Mapping) and not _is_state(given):
            raise SupremeError(
                f"{name} is a dict with {', '.join(map(str, list(given)[:4]))}: logits are given by set, under the "
                f"names {', '.join(NAMES)}; several methods are given as one dict, unlearned={{'scrub': [...], ...}}"
            )
        if _is_array(given):
            raise SupremeError(
                f'{name} is one array: give the logits of each set by its name, {{"forget": N x C, ...}}'
            )
        return Given(name=name, network=checked_network(name, given), logits={})
    return Given(name=name, network=None, logits={str(one): _logits(name, one, array) for one, array in given.items()})


def _is_array(given: Any) -> bool:
    return isinstance(given, torch.Tensor | np.ndarray)


def _is_state(given: Mapping[Any, Any]) -> bool:
    """Whether it looks like what `state_dict()` gives."""
    return bool(given) and all(map(_is_array, given.values())) and any(str(name).endswith("weight") for name in given)


def _is_logits(given: Any) -> bool:
    return isinstance(given, Mapping) and bool(given) and set(given) <= set(NAMES)


def _logits(name: str, of: str, given: Any) -> np.ndarray:
    what = f'{name}["{of}"]'
    array = as_array(what, given)
    if array.ndim != 2 or array.shape[1] < 2:
        shape = " x ".join(map(str, array.shape))
        raise SupremeError(f"{what} has shape {shape}: logits are images x classes, of 2 classes or more")
    if array.dtype.kind != "f":
        raise SupremeError(f"{what} is of {array.dtype}: give logits, and not classes")
    return checked_logits(what, array if array.dtype == np.float64 else array.astype(np.float32))
