"""What a complete copy of a folder of photographs holds, and in which words one that differs is told of."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from supreme.core import SupremeError
from supreme.data import tables
from supreme.data.files import first

TOLD = 5
"""How many folders of a kind are named."""


def read(census: str) -> dict[str, int]:
    """Photographs in each class folder, by the folder's name: a table `folder,images` of this package, or of your own.

    Raises:
        SupremeError: there is no such table, or it is not one.
    """
    path = Path(__file__).parent / Path(census).expanduser()  # a path from the root stays itself
    if not path.exists():
        path = Path(census).expanduser()
    try:
        listed: dict[str, int] = {}
        for number, values in tables.read(path, ("folder", "images")):
            folder, images = values["folder"], values["images"]
            if not images.isdecimal() or folder in listed:
                raise SupremeError(f"{path}, line {number}, must name a new folder and how many images it holds")
            listed[folder] = int(images)
    except SupremeError as error:
        raise SupremeError(
            f"census={census} is not allowed: {error}; give a table folder,images, or null, which asks for no certain "
            "folders"
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
