"""A method that may augment does so where it is told to, and nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from supreme.core.images import Images
from supreme.core.registry import build
from supreme.testing import tiny_world
from tests.conf_files import node_of

METHODS = Path(__file__).parents[2] / "conf" / "method"
NAMES = [
    "boundary_expand",
    "boundary_shrink",
    "finetune",
    "l1_sparse",
    "munba",
    "neggrad",
    "prune_then_unlearn",
    "random_label",
    "salun",
    "scissorhands",
    "successive_random_label",
]


@pytest.mark.parametrize("augment", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_a_method_augments_every_batch_that_it_trains_on_if_it_is_told_to(name, augment, monkeypatch):
    passes: list[bool] = []
    plain = Images.numbered_batches

    def watched(images: Images, size: int, rng: Any = None, augment: bool = False) -> Any:
        passes.append(augment)
        return plain(images, size, rng, augment)

    world = tiny_world()
    monkeypatch.setattr(Images, "numbered_batches", watched)
    node = {**node_of(METHODS / f"{name}.yaml"), "epochs": 1, "augment": augment}
    build(node, f"method {name}")(world.model, world.split, world.context)
    if name == "boundary_expand":
        passes = passes[1:]  # one image tells it how many features there are
    assert passes
    assert all(told == augment for told in passes)
