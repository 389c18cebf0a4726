"""What a complete copy of a folder of photographs holds, and in which words one that differs is told of."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from supreme.core import SupremeError
from supreme.data.files import first

TOLD = 5
"""How many folders of a kind are named."""


def read(census: str) -> dict[str, int]:
    """Photographs in each class folder, by the folder's name: a table `folder,images` of this package, or of your own.

    Raises:
        SupremeError: there is no such table, or it is not one.
    """
    path = Path(__file__).parent / Path(census).expanduser()  # a path from the root stays itself
    try:
        with path.open(newline="") as file:
            listed = {row["folder"]: int(row["images"]) for row in csv.DictReader(file)}
        if not listed:
            raise ValueError("no rows")
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise SupremeError(
            f"census={census} is not allowed: {path} cannot be read as a table folder,images ({error!r}); "
            "null asks for no certain folders"
        ) from error
    return listed


def differences(expected: Mapping[str, int], found: Mapping[str, int]) -> list[str]:
    """A clause for each way in which the photographs found differ from those expected; none: they do not."""
    missing = [name for name in expected if name not in found]
    unknown = [name for name in found if name not in expected]
    other = [
        f"{name} ({found[name]} where it has {images})"
        for name, images in expected.items()
        if found.get(name, images) != images
    ]
    clauses = []
    if missing:
        photographs = sum(expected[name] for name in missing)
        clauses.append(
            f"missing {len(missing)} of {len(expected)} class folders with {photographs:,} photographs: "
            f"{first(missing, TOLD)}"
        )
    if unknown:
        clauses.append(f"not of it: {first(unknown, TOLD)}")
    if other:
        clauses.append(f"another number of photographs: {first(other, TOLD)}")
    return clauses
