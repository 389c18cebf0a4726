"""Distance of the weights from the reference's and from the original's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from supreme.core import Column, Evaluation, Series, Undefined
from supreme.metrics import arithmetic

ROLES = ("reference", "original")


@dataclass(frozen=True, kw_only=True)
class WeightDistance:
    """Euclidean distance of the weights to the reference's, and to the original's: how much was changed.

    Over all named parameters; buffers (batch-norm statistics) are left out. The `_relative` columns are divided by the
    norm of the other model's parameters. Two trainings end far apart however alike they answer, so the distance to the
    original tells more. For figures `weight_distance/by_layer`: the distance to the reference of each parameter.
    "Eternal Sunshine of the Spotless Net: Selective Forgetting in Deep Networks", CVPR 2020,
    https://arxiv.org/abs/1911.04933.

    Range: 0 or more.
    Ideal: what a second, independent reference gets (the row of `method=retrain`), not 0.
    Cost: one pass over the weights.
    Least n: none.
    """

    declared_columns: ClassVar[Mapping[str, Column]] = {
        "weight_distance/reference*": Column(direction="lower"),
        "weight_distance/original*": Column(),
    }
    needs: ClassVar[frozenset[str]] = frozenset({"models"})

    def columns(self, evaluation: Evaluation) -> tuple[str, ...]:
        return tuple(f"weight_distance/{role}{suffix}" for role in ROLES for suffix in ("", "_relative"))

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float | Undefined]:
        values = [value for role in ROLES for value in _distances(evaluation, role)]
        return dict(zip(self.columns(evaluation), values, strict=True))

    def series(self, evaluation: Evaluation) -> Mapping[str, Series]:
        ours, theirs = (dict(model.model.named_parameters()) for model in (evaluation.subject, evaluation.reference))
        if not _alike(ours, theirs):
            return {}
        found = arithmetic.weight_distance_by_layer(ours, theirs)
        return {"weight_distance/by_layer": Series(x=list(found), y=list(found.values()))}


def _distances(evaluation: Evaluation, role: str) -> tuple[float | Undefined, float | Undefined]:
    # Asked for by name, and not by what `evaluation` raises, so that the reference still gets its other distance.
    if evaluation.subject_name == role:
        reason = Undefined(f"the {role} model would be compared with itself")
        return reason, reason
    ours = dict(evaluation.subject.model.named_parameters())
    theirs = dict(getattr(evaluation, role).model.named_parameters())
    if not _alike(ours, theirs):
        reason = Undefined(f"the named parameters are not those of the {role} model")
        return reason, reason
    distance, norm = arithmetic.weight_distance(ours, theirs), arithmetic.weight_norm(theirs)
    return distance, distance / norm if norm else Undefined(f"the weights of the {role} model are all zero")


def _alike(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor]) -> bool:
    return {name: value.shape for name, value in ours.items()} == {name: value.shape for name, value in theirs.items()}
