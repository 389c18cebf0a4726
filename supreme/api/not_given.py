"""Metrics where a model was not given: which of their columns do without it is found by trying.

A metric that asks for a reference that nobody gave is called again, with stand-ins in its place: the subject itself, a
model that is right everywhere and one that is wrong everywhere. A column that has the same value beside all of them
does not depend on it, and is kept; every other column is undefined. No value that a stand-in has moved is ever shown.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from supreme.core import Cost, SelfComparison, Undefined
from supreme.core.errors import NOT_GIVEN
from supreme.core.evaluation import Predictions
from supreme.core.images import Images
from supreme.pipeline.evaluation import CellEvaluation, StoredPredictions

ROLES = ("reference", "original")

_SURE = 20.0
"""Logit of the answer of a stand-in, all others being 0."""

COST = "the cost of methods, which a sweep measures"
"""What no evaluation of finished models has, and which is therefore no news."""


class NotGiven(SelfComparison):
    """A metric asked for what nobody has given. It is undefined there, as where a model is compared with itself."""

    def __init__(self, what: str, told: str = "") -> None:
        super().__init__(NOT_GIVEN + (told or f"the {what} model"))
        self.what = what


def is_not_given(reason: str) -> bool:
    """Whether a value is missing for this reason because something was not given."""
    return reason.startswith(NOT_GIVEN)


def what_is_not_given(reason: str) -> str:
    return reason.removeprefix(NOT_GIVEN)


@dataclass(frozen=True, kw_only=True)
class GivenEvaluation(CellEvaluation):
    """An evaluation of which parts may be missing; whoever asks for one gets `NotGiven`."""

    has_images: bool
    stand_ins: Mapping[str, StoredPredictions] | None = None
    """Of models that were not given, while it is tried what depends on them."""

    def _other(self, name: str) -> StoredPredictions:
        if name in self.all or self.subject_name == name:
            return super()._other(name)
        if self.stand_ins is not None and name in self.stand_ins:
            return self.stand_ins[name]
        raise NotGiven(name)

    @property
    def cost(self) -> Cost:
        raise NotGiven("cost", COST)

    @property
    def reference_cost(self) -> Cost:
        raise NotGiven("cost", COST)

    def images(self, name: str) -> Images:
        if not self.has_images:
            raise NotGiven("images", "images")
        return super().images(name)


def measured(metric: Any, evaluation: GivenEvaluation) -> Mapping[str, float | Undefined]:
    """The columns of a metric; those that need what was not given are undefined, and say so.

    Raises:
        SelfComparison: the subject would be compared with itself.
    """
    try:
        return metric(evaluation)
    except NotGiven as reason:
        missing = [role for role in ROLES if role not in evaluation.all and role != evaluation.subject_name]
        if reason.what not in missing:
            return dict.fromkeys(metric.columns(evaluation), Undefined(reason))
        return _tried(metric, evaluation, missing, reason)


def _tried(
    metric: Any, evaluation: GivenEvaluation, missing: Sequence[str], reason: NotGiven
) -> Mapping[str, float | Undefined]:
    def beside(stand_ins: Mapping[str, Any]) -> Mapping[str, float | Undefined]:
        return metric(replace(evaluation, stand_ins=stand_ins))

    plain: dict[str, Any] = dict.fromkeys(missing, evaluation.subject)
    try:
        usual = beside(plain)
        moved = {
            role: [beside({**plain, role: StandIn(evaluation, answer)}) for answer in (_right, _wrong)]
            for role in missing
        }
    except Exception:  # made for real models, it may raise anything
        return dict.fromkeys(metric.columns(evaluation), Undefined(reason))
    found: dict[str, float | Undefined] = {}
    for column, value in usual.items():
        needs = [role for role in missing if not all(_same(value, other.get(column)) for other in moved[role])]
        found[column] = Undefined(NotGiven(needs[0])) if needs else value
    return found


@dataclass(frozen=True)
class StandIn(Predictions):
    """A model that nobody has given: other answers, features and weights than the subject's."""

    evaluation: GivenEvaluation
    answer: Callable[[Tensor, int], Tensor]

    def logits(self, name: str) -> Tensor:
        classes = self.evaluation.subject.logits(name).shape[1]
        labels = self.evaluation.labels(name)
        return _SURE * F.one_hot(self.answer(labels, classes), classes).float()

    def features(self, name: str) -> Tensor:
        found = self.evaluation.subject.features(name)
        return found * torch.linspace(1, 2 + self._shift(), len(found))[:, None] + 1

    @property
    def model(self) -> Any:
        model = copy.deepcopy(self.evaluation.subject.model)
        with torch.no_grad():
            for weight in model.parameters():
                weight.add_(1 + self._shift())
        return model

    def _shift(self) -> int:
        return int(self.answer(torch.zeros(1, dtype=torch.int64), 2)[0])


def _right(labels: Tensor, classes: int) -> Tensor:
    return labels


def _wrong(labels: Tensor, classes: int) -> Tensor:
    return (labels + 1) % classes


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Undefined) or isinstance(other, Undefined):
        return isinstance(one, Undefined) and isinstance(other, Undefined) and one == other
    return other is not None and bool(one == other or (np.isnan(one) and np.isnan(other)))
