"""Names of files, as a list has them, found among those of the data."""

from __future__ import annotations

import difflib
import os
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Sequence, Sized
from typing import NoReturn

import numpy as np

from supreme.core import IntArray
from supreme.core.pixels import FileNames

TOLD = 3
"""Values that a sentence names."""
SEARCHED = 50_000
"""Files among which a near name is looked for: that takes a second."""


def positions(names: Sequence[str], known: FileNames | None, refuse: Callable[[str], NoReturn]) -> IntArray:
    """The position of each of these names in the source, as paths below its folder or as the ends of such paths."""
    if known is None:
        refuse(f"lists names ({some([repr(name) for name in names])}), and these images are no files: list positions")
    files = [_normal(os.fsdecode(name)) for name in known.tolist()]
    by_last: dict[str, list[int]] = defaultdict(list)
    for at, name in enumerate(files):
        by_last[name.rpartition("/")[2]].append(at)
    exact = {name: at for at, name in enumerate(files)}
    found, unknown = list[int](), list[str]()
    for given in names:
        name = _normal(given)
        alike = [exact[name]] if name in exact else _ending_alike(name, by_last.get(name.rpartition("/")[2], []), files)
        if len(alike) > 1:
            told = " and ".join(files[one] for one in alike[:2])
            refuse(f"lists {given!r}, which {len(alike)} files are called, {told} among them: give the folder, too")
        found += alike
        unknown += [given] * (not alike)
    if unknown:
        near = difflib.get_close_matches(_normal(unknown[0]), files, 1, cutoff=0.8) if len(files) < SEARCHED else []
        hint = f"did you mean {near[0]}?" if near else f"one of theirs is {files[0]}"
        refuse(f"lists files that the data do not have ({share(unknown, names)}): {some(unknown)}; {hint}")
    return np.array(found, dtype=np.int64)


def _ending_alike(name: str, candidates: Sequence[int], files: Sequence[str]) -> list[int]:
    """The files whose path ends with this one, or that this one ends with: a list may begin at another folder."""
    return [at for at in candidates if f"/{files[at]}".endswith(f"/{name}") or f"/{name}".endswith(f"/{files[at]}")]


def _normal(name: str) -> str:
    """With `/` between its parts, whichever system wrote it, and its letters composed."""
    return unicodedata.normalize("NFC", name.strip().replace("\\", "/").removeprefix("./"))


def share(some: Sized, every: Sized) -> str:
    """`3 of 1,000`."""
    return f"{len(some):,} of {len(every):,}"


def some(values: Sequence[object] | np.ndarray) -> str:
    """The first ones, and how many more there are."""
    shown = [str(one) for one in values[:TOLD]]
    return ", ".join(shown) + (f" and {len(values) - TOLD:,} more" if len(values) > TOLD else "")
