"""`data.evaluate_on`: which images judge a model, the test images or, to choose values by, the validation images.

No training depends on it: originals, references and unlearned models are those of a sweep that evaluates on test
images. As with `data.twins`, the default leaves no trace in a cell's node of the data, nor in any key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from supreme.core import Split, SupremeError
from supreme.core.images import ImageData
from supreme.pipeline.process_cache import PROCESS_CACHE, node_key

OPTION, TEST, VALIDATION = "evaluate_on", "test", "validation"


def checked(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """The node of the data as a cell keeps it: with the option where it is not the default.

    Raises:
        SupremeError: it has another value than these two.
    """
    given = node.get(OPTION, TEST)
    if given not in (TEST, VALIDATION):
        raise SupremeError(f"data.{OPTION}={given} is not allowed: give {TEST} or {VALIDATION}")
    return PROCESS_CACHE.sources.get((OPTION, node_key(node)), lambda: source(node)) if given == TEST else node


def source(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """The node without the option."""
    return {name: value for name, value in node.items() if name != OPTION} if OPTION in node else node


def on_validation(node: Mapping[str, Any]) -> bool:
    """Whether validation images judge the models of a cell with this node of the data."""
    return node.get(OPTION) == VALIDATION


def tested_on_validation(data: ImageData, name: str) -> ImageData:
    """The same data, whose validation images also test and no other image does: for a scenario to divide.

    Raises:
        SupremeError: there are no validation images.
    """
    if not len(data.validation):
        raise SupremeError(
            f"data.{OPTION}={VALIDATION}: data {name} has no validation images; type data.validation_fraction=0.1, say"
        )
    return replace(data, test=data.validation)


def with_tests_of(split: Split, other: Split, what: str) -> Split:
    """The split with the test sets that the same scenario has made of `tested_on_validation`.

    Raises:
        SupremeError: the scenario makes images of its own, or forgets others where other images test.
    """
    if split.planted or split.extra or not _same_training(split, other):
        raise SupremeError(
            f"data.{OPTION}={VALIDATION} is not possible with {what}, whose forget set or images depend on the test "
            f"images: type data.{OPTION}={TEST}"
        )
    sets = {name: replace(getattr(other, name), data=split.data) for name in ("test", "forget_test", "retain_test")}
    return replace(split, **sets)


def _same_training(split: Split, other: Split) -> bool:
    pairs = [(getattr(split, name), getattr(other, name)) for name in ("forget", "retain", "validation")]
    return split.data.fingerprint == other.data.fingerprint and all(
        np.array_equal(one.indices, two.indices) and np.array_equal(one.targets, two.targets) for one, two in pairs
    )
