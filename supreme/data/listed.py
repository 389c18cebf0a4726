"""The photographs of a source, and what is known of each without opening it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from supreme.core import IntArray

TRAIN, VALIDATION, TEST = "train", "validation", "test"
PARTS = (TRAIN, VALIDATION, TEST)
SPELLINGS = {
    **dict.fromkeys(("train", "training"), TRAIN),
    **dict.fromkeys(("val", "valid", "validation"), VALIDATION),
    **dict.fromkeys(("test", "testing"), TEST),
}
"""What people call the parts of a split, in whichever capitals."""


class Listed(NamedTuple):
    """Photographs in the source's own order."""

    paths: list[Path]
    labels: IntArray
    """int64, N."""
    class_names: list[str]
    """As folders or the table call them."""
    parts: list[str] | None
    """Of each photograph train, validation or test; None where the source says nothing of a split."""
    groups: list[str] | None = None
    """Of each photograph the person, or whatever else groups stand for; None where the source says nothing of them."""
    notes: tuple[str, ...] = ()
    """What a user may not expect of them."""
