"""What every context trains with and draws: that of a cell, and that of a method outside a sweep."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import torch

from supreme.core.images import Images
from supreme.functional.classifier import Classifier
from supreme.recipes import Recipe


def seed_from(rng: torch.Generator) -> int:
    """The seed of a new network, drawn from the method's stream."""
    return int(torch.randint(2**62, (), generator=rng))


def fit_by(recipe: Recipe, rng: torch.Generator, **told: Any) -> Callable[..., Classifier]:
    """`Context.fit`: training by this recipe, but for what a method says otherwise.

    Args:
        rng: the method's stream.
        told: what the recipe is to tell while it trains; see its call.
    """

    def fit(
        model: Classifier,
        images: Images,
        *,
        epochs: int | None = None,
        lr: float | None = None,
        batch_size: int | None = None,
        constant_schedule: bool = False,
        augment: bool = True,
    ) -> Classifier:
        given = {"epochs": epochs, "lr": lr, "batch_size": batch_size}
        changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        if constant_schedule:
            changes |= {"schedule": "constant", "warmup_epochs": 0.0}
        changed = Recipe(**{**asdict(recipe), **changes})
        return changed(model, images, rng, augment=augment, **told)

    return fit
