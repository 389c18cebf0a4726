"""The `Context` of a method that runs outside a sweep."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import torch
from torch import Tensor

from supreme.core import Context, SupremeError
from supreme.core.images import Images
from supreme.functional.classifier import Classifier
from supreme.pipeline.fitting import fit_by, seed_from
from supreme.recipes import Recipe


@dataclass(frozen=True)
class _NoHistory:
    """Of a network that was trained elsewhere."""

    name: str

    @property
    def epochs(self) -> int:
        self._refuse()

    def weights_after(self, epochs: int) -> dict[str, Tensor]:
        self._refuse()

    def updates_of(self, images: Images) -> dict[str, Tensor]:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise SupremeError(no_history(self.name))


def no_history(name: str) -> str:
    """Why a method that reads the history of the training cannot run here."""
    return (
        f"{name} reads the history of the network's training, which only a sweep has, as it trains the network itself: "
        'supreme.sweep("method=...", model=..., data=...)'
    )


def context_of(
    recipe: Recipe,
    rng: torch.Generator,
    device: str,
    name: str,
    fresh: Callable[[int], Classifier],
    progress: Callable[[int, int, str], None],
) -> Context:
    """A context that stores nothing and draws as that of a sweep does.

    Args:
        recipe: what `fit` trains by.
        rng: the method's stream.
        name: the method's, for messages.
        fresh: a new network of the same kind, from a seed.
    """

    found: dict[str, dict[str, Tensor]] = {}

    def once(name: str, settings: Mapping[str, Any], compute: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
        asked = f"{name} {settings}"
        if asked not in found:
            found[asked] = compute()
        return copy.copy(found[asked])

    return Context(
        device=device,
        rng=rng,
        fresh=lambda: fresh(seed_from(rng)),
        untrained=lambda: fresh(seed_from(rng)),
        fit=fit_by(recipe, rng, progress=progress),
        once=once,
        history=_NoHistory(name),
        progress=progress,
    )
