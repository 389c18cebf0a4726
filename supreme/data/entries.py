"""What a folder holds, looked at without opening anything in it."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple

from supreme.core import SupremeError
from supreme.data import files

SYSTEM_FILES = frozenset({"thumbs.db", "desktop.ini", "__macosx"})
"""What Windows and macOS add by themselves; hidden names, which begin with a dot, are passed over, too."""
TOLD = 3
"""How many of the files that are wrong are named."""
FOLDER, FILE, SPECIAL = "folder", "file", "special"


class Entry(NamedTuple):
    """One name in a folder, links followed."""

    name: str
    path: str
    kind: str
    """folder, file, or special: a pipe, a socket or a device, which nobody opens."""

    @property
    def is_folder(self) -> bool:
        return self.kind == FOLDER

    @property
    def is_picture(self) -> bool:
        """Whether it is called as a photograph is, whatever it is."""
        return not self.is_folder and is_picture(self.name)


def visible(folder: Path | str, exclude: Collection[str] = ()) -> list[Entry]:
    """What is in a folder by name, but for hidden names, those that the system added, and these.

    Raises:
        SupremeError: the folder cannot be listed, or a link in it leads nowhere.
    """
    try:
        with os.scandir(folder) as found:
            counting = [entry for entry in found if _counts(entry.name) and entry.name not in exclude]
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        why = getattr(error, "strerror", None) or error
        raise SupremeError(
            f"{files.told(folder)} cannot be listed ({why}): make it readable or take it away"
        ) from error
    kinds = [_kind(entry) for entry in counting]
    if lost := [_lost(entry) for entry, kind in zip(counting, kinds, strict=True) if kind is None]:
        more = f" (and {len(lost) - 1:,} more)" if len(lost) > 1 else ""
        raise SupremeError(f"{lost[0]}{more}: mend it, or take it away")
    entries = (Entry(one.name, one.path, str(kind)) for one, kind in zip(counting, kinds, strict=True))
    return sorted(entries, key=lambda entry: entry.name)


def is_picture(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in files.IMAGE_SUFFIXES


def refuse_special(entries: Iterable[Entry]) -> None:
    """Raise SupremeError where one of them is no regular file."""
    if special := [entry.path for entry in entries if entry.kind == SPECIAL]:
        raise SupremeError(
            f"no regular files but pipes, sockets or devices, which are never opened: {files.first(special, TOLD)}; "
            "take them away"
        )


def refuse_the_same_folder_twice(root: Path, folders: Iterable[Entry]) -> None:
    """Raise SupremeError where two names lead to one folder, or one of them to a folder that holds it."""
    inside = os.path.realpath(root)
    seen: dict[str, Entry] = {}
    for entry in folders:
        target = os.path.realpath(entry.path)
        if os.path.commonpath([inside, target]) == target:
            link = files.told(entry.path)
            raise SupremeError(f"{link} is a link to {files.told(target)}, which holds it: take the link away")
        if target in seen:
            both = files.first([seen[target].path, entry.path], TOLD)
            raise SupremeError(
                f"two names of one folder, so that one class would be two: {both}; take one of them away"
            )
        seen[target] = entry


def refuse_names_that_are_no_text(names: Iterable[str]) -> None:
    """Raise SupremeError where the name of a class cannot be printed, so that no table could hold it."""
    if odd := [name for name in names if files.told(name) != name]:
        raise SupremeError(
            f"names of classes that cannot be printed (control characters, or no UTF-8): {files.first(odd, TOLD)}; "
            "rename them"
        )


def alike(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Names that differ in capitals, in outer spaces, or in how an accent is encoded, and in nothing else."""
    known: dict[str, list[str]] = {}
    for name in names:
        known.setdefault(plain(name), []).append(name)
    return [tuple(some) for some in known.values() if len(some) > 1]


def plain(name: str) -> str:
    """What names have in common that people take for the same."""
    return unicodedata.normalize("NFC", name).strip().casefold()


def _counts(name: str) -> bool:
    return name[0] != "." and name.lower() not in SYSTEM_FILES


def _kind(entry: os.DirEntry[str]) -> str | None:
    """None of a link that leads nowhere; of most entries it is known without asking the disk again."""
    try:
        if entry.is_dir():
            return FOLDER
        if entry.is_file():
            return FILE
        return None if entry.is_symlink() and not os.path.exists(entry.path) else SPECIAL
    except OSError:  # a link to itself, or into a folder that cannot be entered
        return None


def _lost(entry: os.DirEntry[str]) -> str:
    why = "which is not there"
    try:
        os.stat(entry.path)
    except FileNotFoundError:
        pass
    except OSError as error:
        why = f"which cannot be reached ({error.strerror})"
    target = os.readlink(entry.path) if entry.is_symlink() else entry.path
    return f"{files.told(entry.path)} is a link to {files.told(target)}, {why}"
