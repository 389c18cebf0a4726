"""The promises of audits, and a tiny ensemble to try them on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from supreme.core import Audit, Ensemble, Undefined, seeds
from supreme.testing.checks import check_series
from supreme.testing.promises import Promises, first_call, undisturbed


@dataclass(frozen=True)
class TinyAnswers:
    """The logits of one model on each set."""

    answers: Mapping[str, Tensor]

    def logits(self, name: str) -> Tensor:
        return self.answers[name]


@dataclass(frozen=True, kw_only=True)
class TinyEnsemble:
    """Models of two classes by the confidence ln(p_y / (1 - p_y)) that they have: the logits are (confidence, 0)."""

    confidences: Mapping[str, tuple[Any, Any]]
    """Of each set, of unlearned and of retrained models: models x images."""
    forgets_class: bool = False

    @property
    def seeds(self) -> Sequence[int]:
        return range(len(self.unlearned))

    @property
    def unlearned(self) -> Sequence[Any]:
        return self._models(0)

    @property
    def references(self) -> Sequence[Any]:
        return self._models(1)

    def _models(self, side: int) -> list[TinyAnswers]:
        sets = {name: torch.as_tensor(np.array(both[side])).float() for name, both in self.confidences.items()}
        count = len(next(iter(sets.values())))
        return [
            TinyAnswers({name: torch.stack([of[at], torch.zeros(of.shape[1])], 1) for name, of in sets.items()})
            for at in range(count)
        ]

    def labels(self, name: str) -> Tensor:
        return torch.zeros(np.array(self.confidences[name][0]).shape[1], dtype=torch.int64)

    @property
    def sets(self) -> tuple[str, ...]:
        return tuple(self.confidences)

    @property
    def rng(self) -> np.random.Generator:
        return np.random.default_rng(0)


def tiny_ensemble(models: int = 6, shift: float = 0.0) -> TinyEnsemble:
    """Independent normal confidences, which the unlearned models have higher by the shift on the forget set."""
    rng = np.random.default_rng(1)
    sizes = {"forget": 5, "retain": 9, "test": 12}
    drawn = {name: tuple(rng.normal(2, 1, (2, models, size))) for name, size in sizes.items()}
    unlearned, reference = drawn["forget"]
    return TinyEnsemble(confidences={**drawn, "forget": (unlearned + shift, reference)})


def check_audit(audit: Audit, ensemble: Ensemble | None = None) -> None:
    """Hold an audit to its promises, on this ensemble (its `rng` must start afresh at each call) or on a tiny one."""
    promise = Promises(type(audit).__name__)
    ensemble = ensemble or tiny_ensemble()
    minimum = getattr(audit, "minimum", None)
    kept = isinstance(minimum, int) and minimum >= 1
    promise("says how many models it needs", kept, f"minimum is {minimum!r}, and not a whole number from 1")
    before = _answers(ensemble)
    with first_call(promise, audit):
        found = dict(audit(ensemble))
    promise("leaves the predictions as they were", _answers(ensemble) == before, "it changed logits in place")
    columns = tuple(audit.columns(ensemble))
    kept = bool(columns) and len(set(columns)) == len(columns) and set(columns) == found.keys()
    promise("names its columns", kept, f"it names {columns} and gives {tuple(found)}")
    for name, value in found.items():
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        promise("gives numbers or reasons", number or isinstance(value, Undefined), f"{name} is {value!r}")
    check_series(promise, getattr(audit, "series", lambda ensemble: {})(ensemble))
    with seeds.scoped(2), undisturbed(promise, "draws from ensemble.rng only"):
        kept = dict(audit(ensemble)) == found
        promise("draws from ensemble.rng only", kept, "two calls gave other values")


def _answers(ensemble: Ensemble) -> list[bytes]:
    models = [*ensemble.unlearned, *ensemble.references]
    return [model.logits(name).numpy().tobytes() for model in models for name in ensemble.sets]
