"""Data that are Python objects, kept in the output folder, where the processes that do the work find them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from supreme.core import SupremeError
from supreme.core.images import ImageData, Images


def is_data(value: Any) -> bool:
    """Whether this holds images, and is neither a name, nor a node, nor something that makes data."""
    if isinstance(value, tuple):
        return not all(isinstance(one, str) for one in value)
    has_items = hasattr(value, "__getitem__") or isinstance(value, ImageData | Images)
    return has_items and not isinstance(value, type | str | Mapping | list | range)


def kept(value: Any, output_dir: Path) -> dict[str, Any]:
    """What chooses these data, once they lie in the output folder: words of the command line, by key.

    Raises:
        SupremeError: they are no set, no two and no three sets; or a set, an image or a label cannot be used.
    """
    from supreme.data import in_memory

    pair = isinstance(value, tuple) and len(value) == 2 and all(hasattr(one, "shape") for one in value)
    sets = list(value) if isinstance(value, tuple) and not pair else [value]
    if not 1 <= len(sets) <= 3:
        raise SupremeError(
            f"data: {len(sets)} sets are given: give train, (train, test) or (train, validation, test), of each a "
            "torch Dataset or images and labels (x, y)"
        )
    validation = sets[1] if len(sets) == 3 else None
    test = sets[-1] if len(sets) > 1 else None
    return in_memory.keep(sets[0], test, validation=validation, folder=output_dir / "data" / "kept")
