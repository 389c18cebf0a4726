"""The labels of a data set that is not ours: read one by one, then numbered from 0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from supreme.core import IntArray, SupremeError

AS_GIVEN, RENUMBERED = "as_given", "renumbered"
Label = int | str
TOLD = 5
"""How many labels of a kind are named."""


def label_of(value: Any) -> Label:
    """A whole number, or the name of a class.

    Args:
        value: an int, a float without a fraction, a string, or an array or tensor of one number.

    Raises:
        SupremeError: it is none of these; the sentence begins with "its label".
    """
    if isinstance(value, str):
        return value
    array = value.detach().cpu().numpy() if hasattr(value, "detach") else np.asarray(value)
    if array.dtype.kind not in "iufb":
        raise SupremeError(f"its label is {_shown(value)}: give the number of its class, from 0")
    if array.size != 1:
        raise SupremeError(
            f"its label has {array.size} numbers: give one, the number of its class, from 0 (of a one-hot label "
            "its argmax, of several attributes one of them; a target_transform can do that)"
        )
    number = array.reshape(()).item()
    if number != number or number != int(number):
        raise SupremeError(f"its label is {number}: give the number of its class, from 0")
    return int(number)


def numbered(
    labels: Mapping[str, Sequence[Label]], class_names: Sequence[str] | None, rule: str, advice: str
) -> tuple[IntArray, list[str]]:
    """All labels, one set after the other, as int64 from 0, and the names of the classes.

    Args:
        labels: by the name of the set, that of the training images being the first.
        class_names: of each number its class, or None.
        rule: as_given: the labels are 0 to K - 1, or names; renumbered: the different labels of the training images, in
            ascending order, become 0 to K - 1, and each keeps its name, or its number as its name.
        advice: what to type to have them renumbered.

    Raises:
        SupremeError: they are no numbering of classes that are all trained.
    """
    every = [label for some in labels.values() for label in some]
    if len({type(label) for label in every}) > 1:
        raise SupremeError("some labels are numbers and others are text: give one kind")
    trained: list[Any] = sorted(set(next(iter(labels.values()))))  # type: ignore[type-var]  # all of one kind
    if len(trained) < 2:
        raise SupremeError(f"every training image has the label {trained[0]}: a classifier needs two classes or more")
    classes = _classes(trained, class_names, rule, advice)
    for name, some in labels.items():
        if unknown := sorted(set(some) - classes.keys()):  # type: ignore[type-var]
            raise SupremeError(f"{name} has the label {_listed(unknown)}, which no training image has: leave these out")
    positions = {label: number for number, label in enumerate(classes)}
    return np.array([positions[label] for label in every], dtype=np.int64), list(classes.values())


def _classes(trained: list[Any], given: Sequence[str] | None, rule: str, advice: str) -> dict[Label, str]:
    """Of each label, in the order of the numbers that they get, the name of its class."""
    if rule == RENUMBERED or (isinstance(trained[0], str) and given is None):
        return {label: _name(label, given) for label in trained}
    if given is None:
        if trained != list(range(len(trained))):
            raise SupremeError(
                f"the {len(trained)} different labels of the training images are {_listed(trained)}, where 0 to "
                f"{len(trained) - 1} are expected: {advice}"
            )
        return {label: str(label) for label in trained}
    wanted: list[Label] = list(given) if isinstance(trained[0], str) else list(range(len(given)))
    if outside := [label for label in trained if label not in wanted]:
        raise SupremeError(
            f"the label {_listed(outside)} is none of the {len(given)} classes that have names: {advice}"
        )
    if untrained := [label for label in wanted if label not in trained]:
        told = _listed([f"{label} ({_name(label, given)})" for label in untrained])
        raise SupremeError(f"no training image has the label {told}: {advice}")
    return {label: _name(label, given) for label in wanted}


def _name(label: Label, given: Sequence[str] | None) -> str:
    is_number = given is not None and isinstance(label, int) and 0 <= label < len(given)
    return given[label] if is_number else str(label)  # type: ignore[index, call-overload]


def _listed(labels: Sequence[Label]) -> str:
    more = f" and {len(labels) - TOLD:,} more" if len(labels) > TOLD else ""
    return ", ".join(map(str, labels[:TOLD])) + more


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"a {type(value).__name__}"
