"""Photographs whose classes stand in a table `file,label`, as those of CelebA or MUFAC, and not in folders' names."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from supreme.core import SupremeError
from supreme.data import entries, files, tables
from supreme.data.listed import Listed, in_order
from supreme.data.split_files import UNUSED, below, part_of, refuse_no_split

TOLD = 3
"""How many of the names that are wrong are told."""
COLUMNS = ("file", "label")
OPTIONAL = ("group", "split")


def listed(table: Path, root: Path, exclude: Collection[str]) -> Listed:
    """The photographs that a table names, in its order.

    Args:
        table: of the columns file (below root), label, and perhaps group (the person shown, say) and split (train, val,
            test; or unused for what is left out).
        exclude: labels that are left out.

    Raises:
        SupremeError: a line is incomplete, names what is not there or what another line names.
    """
    lines = tables.read(table, COLUMNS, OPTIONAL)
    columns = [name for name in (*COLUMNS, "group") if name in lines[0].values]
    for number, values in lines:
        if empty := [name for name in columns if not values[name]]:
            raise SupremeError(f"{table}, line {number}, has no {empty[0]}: fill it, or take the line away")
    parts = None
    if "split" in lines[0].values:
        parts = [part_of(f"{table}, line {number}", values["split"]) for number, values in lines]
        refuse_no_split(str(table), {*parts})
    used = [line.values["label"] not in exclude for line in lines]
    kept = [at for at in range(len(lines)) if used[at] and (parts is None or parts[at] != UNUSED)]
    paths = _paths(table, root, [lines[at] for at in kept])
    labels = [lines[at].values["label"] for at in kept]
    names = sorted({*labels}, key=in_order)
    if len(names) < 2:
        only = f"one label only, {names[0]}" if names else "no labels"
        raise SupremeError(f"{table} holds {only}: a classifier needs two or more")
    entries.refuse_names_that_are_no_text(names)
    numbers = {name: number for number, name in enumerate(names)}
    return Listed(
        paths=paths,
        labels=np.array([numbers[label] for label in labels], dtype=np.int64),
        class_names=names,
        parts=None if parts is None else [parts[at] for at in kept],
        groups=[lines[at].values["group"] for at in kept] if "group" in columns else None,
    )


def _paths(table: Path, root: Path, lines: Sequence[tables.Line]) -> list[Path]:
    """Where the photographs are; each folder is listed once, since a table may name hundreds of thousands."""
    held: dict[str, set[str]] = {}
    seen: dict[str, int] = {}
    missing: list[tuple[int, str]] = []
    paths: list[Path] = []
    for number, values in lines:
        name = below(root, values["file"])
        if name in seen:
            raise SupremeError(f"{table}, line {number}, names {name}, which line {seen[name]} names, too: leave one")
        seen[name] = number
        folder, _, last = name.rpartition("/")
        if name.startswith(("/", "../")):
            raise SupremeError(f"{table}, line {number}, names {files.told(name)}, which is not below {root}")
        if not entries.is_picture(last):
            kinds = ", ".join(sorted(files.IMAGE_SUFFIXES))
            raise SupremeError(f"{table}, line {number}, names {files.told(name)}, which is no photograph ({kinds})")
        if folder not in held:
            place = root / folder
            found = entries.visible(place) if place.is_dir() else []
            held[folder] = {entry.name for entry in found if entry.kind == entries.FILE}
        if last not in held[folder]:
            missing.append((number, name))
        paths.append(root / name)
    if missing:
        number, name = missing[0]
        more = f" (and so are {len(missing) - 1:,} more)" if len(missing) > 1 else ""
        raise SupremeError(
            f"{table}, line {number}, names {files.told(name)}, which is missing from {root}{more}: complete the "
            "folder, or take the lines away"
        )
    return paths
