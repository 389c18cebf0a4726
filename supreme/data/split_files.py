"""An official split in files: a table `file,split`, or a folder with the lists train.txt, test.txt, maybe val.txt."""

from __future__ import annotations

import difflib
import os
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from supreme.core import SupremeError
from supreme.data import entries, files, tables
from supreme.data.listed import SPELLINGS, TEST, TRAIN, VALIDATION, Listed

TOLD = 3
"""How many of the names that are wrong are told."""
UNUSED = "unused"
"""What a table says of a photograph that is in no part, and how the list of those is called."""


class Named(NamedTuple):
    """A photograph as a list or a table names it, and its part."""

    where: str
    name: str
    part: str


def files_of(split: Path) -> list[Path]:
    """The files that state the split, those of a folder by part.

    Raises:
        SupremeError: there is no such file, or the folder holds no lists or two of one part.
    """
    if not split.is_dir():
        return [split]
    return [path for _, path in sorted(_lists(split).items())]


def divided(listed: Listed, split: Path, root: Path) -> Listed:
    """Photographs of root with the parts that this split states of them, without those that it leaves out.

    Raises:
        SupremeError: a photograph is named twice, is not there, or is not named; or nothing trains or tests.
    """
    if listed.parts is not None:
        raise SupremeError(
            f"split={split} with a split that the folders or the table state is not allowed: take one away"
        )
    known = Names(root, listed.paths)
    found: dict[int, Named] = {}
    unknown: list[Named] = []
    for one in _of_lists(split) if split.is_dir() else _of_table(split):
        at = known.position(one.name)
        if at is None:
            unknown.append(one)
        elif at in found:
            before = found[at].where
            raise SupremeError(f"{one.where} names {files.told(one.name)}, which {before} names, too: leave one")
        else:
            found[at] = one
    if unknown:
        raise SupremeError(f"{unknown[0].where} names {known.unknown([one.name for one in unknown])}")
    if left := [name for at, name in enumerate(known.names) if at not in found]:
        how = f"list it in {UNUSED}.txt" if split.is_dir() else f"give it the split {UNUSED}"
        raise SupremeError(f"{split} says nothing of {files.first(left, TOLD)}: to leave a photograph out, {how}")
    refuse_no_split(str(split), {one.part for one in found.values()})
    kept = [at for at in range(len(listed.paths)) if found[at].part != UNUSED]
    return listed._replace(
        paths=[listed.paths[at] for at in kept],
        labels=listed.labels[kept],
        parts=[found[at].part for at in kept],
        groups=None if listed.groups is None else [listed.groups[at] for at in kept],
    )


def refuse_no_split(what: str, stated: set[str]) -> None:
    """Raise SupremeError where nothing trains, or nothing tests."""
    if TRAIN not in stated:
        raise SupremeError(f"{what} names no photographs to train with: add them")
    if TEST not in stated:
        instead = ", or call those of val test, if they are to test" if VALIDATION in stated else ""
        raise SupremeError(f"{what} names no photographs to test with: add them{instead}")


def part_of(where: str, word: str) -> str:
    """The part that this word of a table's means."""
    plain = word.casefold()
    if plain in (UNUSED, ""):
        return UNUSED
    if plain not in SPELLINGS:
        near = difflib.get_close_matches(plain, [*SPELLINGS, UNUSED], 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise SupremeError(f"{where}: split={word!r} is not allowed: give train, val, test or {UNUSED}{hint}")
    return SPELLINGS[plain]


class Names:
    """The names of photographs below root, in the spellings that lists have of them."""

    def __init__(self, root: Path, paths: Sequence[Path]) -> None:
        self.root = root
        self.names = [os.path.relpath(path, root).replace(os.sep, "/") for path in paths]
        self._exact = {unicodedata.normalize("NFC", name): at for at, name in enumerate(self.names)}
        stems: dict[str, list[int]] = {}
        for name, at in self._exact.items():
            stems.setdefault(os.path.splitext(name)[0], []).append(at)
        self._stems = {stem: some[0] for stem, some in stems.items() if len(some) == 1}

    def position(self, name: str) -> int | None:
        """Its place among the photographs; a name may lack the ending, if there is one only, as Food-101's do."""
        plain = below(self.root, name)
        return self._exact.get(plain, self._stems.get(plain))

    def unknown(self, names: Sequence[str]) -> str:
        """A clause on names that no photograph has."""
        close = {entries.plain(name): name for name in self.names}
        wanted = entries.plain(below(self.root, names[0]))
        near = close.get(wanted) or next(iter(difflib.get_close_matches(wanted, list(close)[:5000], 1)), None)
        hint = f"; did you mean {files.told(close.get(near, near))}?" if near else ""
        told = files.first(list(names), TOLD)
        return f"{told}, which is not below {self.root}{hint} Names are counted from there, as in {self.names[0]}"


def below(root: Path, name: str) -> str:
    """A name as it is below root: with slashes, and without `./` or root itself in front."""
    plain = unicodedata.normalize("NFC", name.strip()).replace("\\", "/")
    plain = plain.removeprefix(f"{root.as_posix()}/").removeprefix(f"{root.absolute().as_posix()}/")
    return os.path.normpath(plain).replace(os.sep, "/")


def _of_table(path: Path) -> Iterator[Named]:
    for number, values in tables.read(path, ("file", "split")):
        where = f"{path}, line {number},"
        yield Named(where, values["file"], part_of(where, values["split"]))


def _of_lists(folder: Path) -> Iterator[Named]:
    for part, path in _lists(folder).items():
        for number, line in enumerate(tables.text(path).split("\n"), start=1):
            if line.strip():
                yield Named(f"{path}, line {number},", line.strip(), part)


def _lists(folder: Path) -> Mapping[str, Path]:
    """By part its list."""
    found: dict[str, Path] = {}
    for entry in entries.visible(folder):
        stem, ending = os.path.splitext(entry.name.casefold())
        part = UNUSED if stem == UNUSED else SPELLINGS.get(stem)
        if part is None or ending not in (".txt", ".lst", ""):
            continue
        if part in found:
            raise SupremeError(f"{found[part]} and {entry.path} both list what is to {part}: take one of them away")
        found[part] = Path(entry.path)
    if not found:
        raise SupremeError(f"{folder} holds no lists: give a folder with train.txt and test.txt, or a table file,split")
    return found
