"""Data that are Python objects, kept in the output folder, where the processes that do the work find them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from supreme.core import SupremeError


def is_data(value: Any) -> bool:
    """Whether this is neither a name, nor a node, nor something that makes data."""
    is_pair = isinstance(value, tuple) and not all(isinstance(one, str) for one in value)
    return is_pair or (hasattr(value, "__getitem__") and not isinstance(value, str | Mapping | list | range))


def kept(value: Any, output_dir: Path) -> dict[str, Any]:
    """The node of these data, once they lie in the output folder.

    Raises:
        SupremeError: they are not two or three sets.
    """
    from supreme.data import in_memory

    sets = list(value) if isinstance(value, tuple) else [value]
    if len(sets) == 2 and all(hasattr(one, "shape") for one in sets):
        raise SupremeError(
            "data=(x, y) is not allowed: it is one set, and a sweep needs images to test with: give "
            "((x_train, y_train), (x_test, y_test))"
        )
    if len(sets) not in (2, 3):
        raise SupremeError(
            f"data: {len(sets)} set{'s' * (len(sets) != 1)} given: give (train, test) or (train, validation, test), of "
            "each a torch Dataset or images and labels (x, y)"
        )
    validation = sets[1] if len(sets) == 3 else None
    return in_memory.keep(sets[0], sets[-1], validation=validation, folder=output_dir / "data")
