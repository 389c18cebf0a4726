"""Similarity of the features to the reference's and to the original's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from supreme.core import Column, Evaluation, Undefined
from supreme.metrics import arithmetic

ROLES = ("reference", "original")


@dataclass(frozen=True, kw_only=True)
class LinearCKA:
    """Linear centred kernel alignment of the features with the reference's and with the original's.

    On forget and test images. Nearer to the original than the reference is: the body still represents what it was to
    forget. "Similarity of Neural Network Representations Revisited", ICML 2019, https://arxiv.org/abs/1905.00414.

    Range: [0, 1]; 1 for features that are equal but for rotation, scale and shift.
    Ideal: what a second, independent reference gets (the row of `method=retrain`), for both, not 1.
    Cost: a forward pass for the features of each model, kept in the store, and products of n x D matrices.
    Least n: as many images as there are features; with fewer, even unrelated features look alike.
    """

    declared_columns: ClassVar[Mapping[str, Column]] = {
        "linear_cka/reference_*": Column(unit="fraction", direction="higher"),
        "linear_cka/original_*": Column(unit="fraction"),
    }
    needs: ClassVar[frozenset[str]] = frozenset({"features"})

    def columns(self, evaluation: Evaluation) -> tuple[str, ...]:
        return tuple(f"linear_cka/{role}_{name}" for role in ROLES for name in _sets(evaluation))

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float | Undefined]:
        return {
            f"linear_cka/{role}_{name}": _cka(evaluation, role, name) for role in ROLES for name in _sets(evaluation)
        }

    def warnings(self, evaluation: Evaluation) -> Mapping[str, str]:
        few = "fewer images than features, so even unrelated features look alike"
        small = [name for name in _sets(evaluation) if len(x := evaluation.subject.features(name)) < x.shape[1]]
        return {f"linear_cka/{role}_{name}": few for role in ROLES for name in small}


def _sets(evaluation: Evaluation) -> tuple[str, ...]:
    return tuple(name for name in ("forget", "test") if name in evaluation.sets)


def _cka(evaluation: Evaluation, role: str, name: str) -> float | Undefined:
    # Asked for by name, and not by what `evaluation` raises, so that the reference still gets its other similarity.
    if evaluation.subject_name == role:
        return Undefined(f"the {role} model would be compared with itself")
    ours, theirs = evaluation.subject.features(name), getattr(evaluation, role).features(name)
    if _constant(ours) or _constant(theirs):
        return Undefined("a model has the same features for every image")
    return arithmetic.linear_cka(ours, theirs)


def _constant(features: Tensor) -> bool:
    return bool((features == features[0]).all())
