"""Whether the method of a cell can work on its split, its model and its recipe: asked before anything is trained."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from supreme.core import Split, SupremeError, registry, seeds
from supreme.core.suitability import check_split
from supreme.pipeline.cell import Cell
from supreme.pipeline.watched_split import needs_of

if TYPE_CHECKING:
    from supreme.functional.classifier import Classifier

HOLDS_NO_ARITHMETIC = True  # what it builds is dropped


def check_method(cell: Cell, split: Split) -> None:
    """Refuse what the cell's method could not do; see `supreme.core.Method` for how it says so.

    Raises:
        SupremeError: what it cannot do, and what to type instead.
    """
    method = cell.build("method")
    needs_of(method, f"method {cell.names['method']}")
    check_split(method, split)
    if getattr(method, "needs_history", False):
        require_history(type(method).__name__, cell)
    if hasattr(method, "check_model") and (model := without_values(cell)) is not None:
        method.check_model(model, split)


def without_values(cell: Cell) -> Classifier | None:
    """The cell's model on tensors without values; None where it cannot be built so, which may not be a fault."""
    data = cell.decoded
    return _without_values(json.dumps(cell.nodes["model"]), (data.num_classes, data.image_size, data.mean, data.std))


def require_history(name: str, cell: Cell) -> None:
    """Refuse a cell whose original has no history that could be read.

    Args:
        name: who asks for it.
    """
    if "original" in cell.given:
        raise SupremeError(
            f"{name} reads the history of the original's training, and of a given original there is none: leave out "
            "original=..., so that it is trained here"
        )
    if cell.nodes["recipe"].get("original_keeps", "last") != "last":
        raise SupremeError(
            f"{name} reads the history of the original's training, and a training of which one epoch was chosen has "
            "none: type recipe.original_keeps=last"
        )
    if not cell.deterministic:
        raise SupremeError(
            f"{name} reads the history of the original's training, which can be replayed only when it is "
            "deterministic: type deterministic=true"
        )


@lru_cache(maxsize=16)
def _without_values(node: str, facts: tuple[Any, ...]) -> Classifier | None:
    import torch

    given: Mapping[str, Any] = json.loads(node)
    untrained = {name: value for name, value in (("pretrained", False), ("checkpoint", None)) if name in given}
    try:
        with seeds.scoped(0), torch.device("meta"):
            return registry.build({**given, **untrained}, "model")(*facts)
    except Exception:  # of a library, about tensors without values; what cannot be built at all is refused elsewhere
        return None
