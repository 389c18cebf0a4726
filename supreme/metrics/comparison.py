"""Which sets metrics look at, what they warn of: what several metrics share."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from torch import Tensor

from supreme.core import Evaluation, Predictions, Undefined
from supreme.metrics import arithmetic

Accuracies = tuple[float, float, float]
FEW = 100
"""Images below which rates and attacks are mostly noise: of chance alone, the AUC then has an SD of 0.03 or more."""


def compared_sets(evaluation: Evaluation) -> tuple[str, ...]:
    """forget, retain and test; where classes are forgotten also the test data of forgotten and of other classes."""
    names = ("forget", "retain", "test", *(("forget_test", "retain_test") if evaluation.forgets_class else ()))
    return tuple(name for name in names if name in evaluation.sets)


def unseen_set(evaluation: Evaluation) -> str:
    """The non-members to set against the forget set: the test images, but `forget_test` where classes are forgotten.

    Test images of other classes would make the attack tell classes apart, and not members from non-members.
    """
    return "forget_test" if evaluation.forgets_class else "test"


def what_is_forgotten(evaluation: Evaluation) -> str:
    """a class, with nothing of it left to retain; a part of a class; planted data; or a random sample."""
    if evaluation.planted:
        return "planted data"
    if not evaluation.forgets_class:
        return "a random sample"
    retained = set(evaluation.labels("retain").tolist())
    return "a part of a class" if retained & set(evaluation.labels("forget").tolist()) else "a class"


def accuracies(evaluation: Evaluation, model: Predictions) -> Accuracies:
    """On forget, retain and retain_test, none of which may be empty."""
    forget, retain, test = (
        arithmetic.accuracy(model.logits(name), evaluation.labels(name)) for name in ("forget", "retain", "retain_test")
    )
    return forget, retain, test


def against_reference(
    evaluation: Evaluation,
    columns: tuple[str, ...],
    distance: Callable[[Tensor, Tensor], float],
    infinite: str = "infinite",
) -> dict[str, float | Undefined]:
    """The distance between the logits of the subject and of the reference, one column for each compared set.

    Raises SelfComparison where the subject is the reference. A distance that is not finite has `infinite` as a reason.
    """
    subject, reference = evaluation.subject, evaluation.reference
    distances = {
        column: distance(subject.logits(name), reference.logits(name))
        for column, name in zip(columns, compared_sets(evaluation), strict=True)
    }
    return {column: value if math.isfinite(value) else Undefined(infinite) for column, value in distances.items()}


def few_images(evaluation: Evaluation, columns: Iterable[str], sets: Iterable[str]) -> dict[str, str]:
    """For each of these columns a warning, where one of these sets holds few images."""
    small = [name for name in sets if 0 < len(evaluation.labels(name)) < FEW]
    return dict.fromkeys(columns, f"fewer than {FEW} images in {' and '.join(small)}") if small else {}
