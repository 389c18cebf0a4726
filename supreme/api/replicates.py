"""The sets of each training seed: the same for all, or a list with one for each."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from supreme.api.reading import GivenSet, given_set
from supreme.api.sets import GivenSets, given_sets
from supreme.core import SupremeError
from supreme.core.images import Images


def given_replicates(count: int, *, draws: bool, **given: Any) -> list[GivenSets]:
    """The sets, once where they are the same for all models, else one for each training seed.

    Args:
        count: of the models of a method.
        draws: whether these are draws of a method, which all have the same sets.
        given: by name, None where there is none.

    Raises:
        SupremeError: a set is refused, or a list is not as long as the lists of models.
    """
    lists = {name: one for name, one in given.items() if _one_for_each(one)}
    for name, one in lists.items():
        if draws:
            raise SupremeError(
                f"{name} is a list of {len(one)} sets beside one original or reference: draws of one method have one "
                f"{name} set"
            )
        if len(one) != count:
            raise SupremeError(
                f"{name} is a list of {len(one)} sets beside {count} model{'s' * (count > 1)}: give one set for each "
                "training seed, or one for all"
            )
    shared = {name: given_set(name, one) for name, one in given.items() if name not in lists and one is not None}
    missing = {name: None for name in ("forget", "retain") if name not in lists and name not in shared}
    if not lists:
        return [given_sets(**(missing | shared))]
    own = [{name: one[place] for name, one in lists.items()} for place in range(count)]
    return [given_sets(**(missing | shared | sets)) for sets in own]


def _one_for_each(given: Any) -> bool:
    """Whether this is a list of sets, and not a list of (image, label)."""
    return isinstance(given, list) and bool(given) and all(map(_is_set, given))


def _is_set(given: Any) -> bool:
    if isinstance(given, tuple) and len(given) == 2:
        return np.ndim(given[1].cpu() if isinstance(given[1], torch.Tensor) else given[1]) > 0
    if isinstance(given, torch.Tensor | np.ndarray):
        return given.ndim == 1
    return isinstance(given, Dataset | DataLoader | Images | GivenSet)
