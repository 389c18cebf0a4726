"""Models that were given and not trained here, as rows tell of them: in sentences, for tables and the card."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

DIGITS = 12
"""Of a SHA-256."""

FEW = 4
"""Files that are named one by one."""

DOUBTS = {
    "original": "what its training cost is unknown, and that it never saw the test images cannot be promised",
    "reference": "what its training cost is unknown, and that it never saw the forget set, or the test images, cannot "
    "be promised",
    "unlearned": "what they cost is unknown, and that each was made from the original of its row, and never saw the "
    "test images, cannot be promised",
}
"""What cannot be said of a model that was made elsewhere."""


def given_notes(part: pd.DataFrame) -> list[str]:
    """A sentence for each model of these rows that was not made here: original, reference, each given method."""
    if "given" not in part:
        return []
    told: Any = part.loc[part["given"] != "", ["given", "method", "variant"]].drop_duplicates()
    files: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for text, method, variant in told.itertuples(index=False, name=None):
        for stage, file in json.loads(text).items():
            name = f"{method} ({variant})" if variant else str(method)
            files[stage, name if stage == "unlearned" else ""][file["sha256"]] = file["file"]
    return [_sentence(stage, name, found) for (stage, name), found in sorted(files.items())]


def _sentence(stage: str, name: str, files: Mapping[str, str]) -> str:
    who = f"{name}: unlearned models" if stage == "unlearned" else stage.capitalize()
    return f"{who} given ({files_text(files)}), not {'made' if name else 'trained'} here: {DOUBTS[stage]}."


def files_text(files: Mapping[str, str]) -> str:
    """The names of these files and the beginnings of their digests, by which they are given."""
    some = [f"file {name}, SHA-256 {sha256[:DIGITS]}" for sha256, name in list(files.items())[:FEW]]
    more = len(files) - len(some)
    return "; ".join(some) + (f"; and {more} more" if more else "")


def given_files(rows: Iterable[Mapping[str, Any]], stage: str) -> dict[str, str]:
    """The names of the files of this stage in these rows, by their SHA-256."""
    told: Sequence[Mapping[str, str]] = [row["given"][stage] for row in rows if stage in row.get("given", {})]
    return {one["sha256"]: one["file"] for one in told}
