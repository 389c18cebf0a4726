"""Images that are identical to one of another set, as rows count them: in sentences, for tables and the card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

_TOLD = {
    "forget_retain": ("forget", "forget image", "among the retained ones: the reference is trained on them too"),
    "forget_test": ("forget", "forget image", "among the test images"),
    "train_test": ("train", "training image", "among the test images, so test columns flatter every model"),
    "train_validation": ("train", "training image", "among the validation images"),
    "validation_test": ("validation", "validation image", "among the test images"),
    "train_other_class": ("train", "training image", "of another class"),
}
"""Of each count of a row: the set that is counted, what its images are called, and where their twins are."""


NONE = "none"


def twins_text(twins: Mapping[str, int] | None, sets: Mapping[str, int]) -> str:
    """The counts of a row, each with the size of its set: `forget_retain 18/20; train_test 2/400`, or `none`.

    Empty of a row that is older than these counts, and so says nothing of twins.
    """
    if twins is None:
        return ""
    sizes = {**sets, "train": sets.get("forget", 0) + sets.get("retain", 0)}
    return (
        "; ".join(f"{name} {count}/{sizes[_TOLD[name][0]]}" for name, count in twins.items() if name in _TOLD) or NONE
    )


def twin_claims(frame: pd.DataFrame) -> list[str]:
    """The notes of each data and scenario of this frame; they are named where there are several."""
    blocks: list[Any] = list(frame.groupby(["data", "scenario"], observed=True))
    about = ["" if len(blocks) == 1 else f"{', '.join(map(str, block))}: " for block, _ in blocks]
    return [f"{told}{note}" for told, (_, part) in zip(about, blocks, strict=True) for note in twin_notes(part)]


def twin_notes(part: pd.DataFrame) -> list[str]:
    """One sentence for each kind of twins that rows of this table have; a range where rows differ."""
    rows = [_counts(str(text)) for text in part["twins"].unique() if text]
    found = []
    for name in _TOLD:
        given = [row[name] for row in rows if name in row]
        if given:
            counts = [count for count, _ in given] + [0] * (len(given) < len(rows))
            found.append(_sentence(name, counts, [size for _, size in given]))
    return found


def _counts(text: str) -> dict[str, tuple[int, int]]:
    """What `twins_text` made a text of: the count and the size of the set, by name."""
    parts = [part.replace("/", " ").split(" ") for part in text.split("; ") if part != NONE]
    return {name: (int(count), int(size)) for name, count, size in parts}


def _sentence(name: str, counts: list[int], sizes: list[int]) -> str:
    _, image, where = _TOLD[name]
    one = max(counts) == 1
    return (
        f"{_range(counts)} of {_range(sizes)} {image}{'' if max(sizes) == 1 else 's'} {'has' if one else 'have'} an "
        f"identical twin {where}."
    )


def _range(numbers: list[int]) -> str:
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low} to {high}"
