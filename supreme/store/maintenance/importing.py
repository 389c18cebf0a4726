"""`supreme store import`: put what an export holds into an output directory, verified before it is published."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from supreme.core import SupremeError
from supreme.store import artefact
from supreme.store.files import explaining, sync_folder, temporary_name, whole_or_aside
from supreme.store.maintenance.amounts import tracked
from supreme.store.maintenance.archive import SHARED, Export, Unit, opened
from supreme.store.maintenance.verifying import READERS, flaw_of
from supreme.store.store import Store


@dataclass
class Imported:
    """What became of the units of an export."""

    new: dict[str, int] = field(default_factory=dict)
    """How many of each kind."""
    present: int = 0
    """Here already: the same, or an artefact of the same key."""
    different: list[str] = field(default_factory=list)
    """Rows and audits that are here with another content, which stays."""
    damaged: dict[str, str] = field(default_factory=dict)
    """What is not what the export states, and so was left out; each with the reason."""


def import_(source: Path, directory: Path) -> Imported:
    """Put the export into the directory; what is there already stays, so giving it again goes on.

    Raises:
        SupremeError: the file is no whole export, or the place cannot be written.
    """
    with opened(source) as export:
        store, found = Store(directory / "store"), Imported()
        units = {unit: names for unit, names in export.units().items() if unit.kind not in SHARED}
        with store.in_use():  # a row that comes later refers to these artefacts
            store.sweep_temporary()
            for unit, names in tracked(units.items(), len(units), "importing"):
                _import(export, unit, names, directory, store, found)
    return found


def _import(export: Export, unit: Unit, names: Sequence[str], directory: Path, store: Store, found: Imported) -> None:
    target = directory / unit.name
    if _present(export, unit, directory, store, found):
        return
    staged = store.root / "tmp" / temporary_name()
    with explaining(target, sum(export.files[name]["bytes"] for name in names)):
        try:
            staged.mkdir()
            flaw = _stage(export, names, staged) or _flaw(unit, staged)
            if flaw:
                found.damaged[unit.name] = flaw
            elif _publish(unit, staged, target, store):
                found.new[unit.kind] = found.new.get(unit.kind, 0) + 1
            else:
                found.present += 1
        finally:
            shutil.rmtree(staged, ignore_errors=True)


def _present(export: Export, unit: Unit, directory: Path, store: Store, found: Imported) -> bool:
    """Whether there is nothing to do, which is noted."""
    target = directory / unit.name
    if unit.kind == "artefact":
        here = store.has(target.parent.parent.name, target.name)
    elif unit.kind == "data":
        here = target.exists()  # a damaged one is found when it is used, and decoded again
    elif unit.kind == "logs":
        here = target.exists()
    else:  # a damaged one is moved away for the whole one
        here = whole_or_aside(READERS[unit.kind], target, store.root) is not None
        if here and _sha256(target) != export.files[unit.name]["sha256"]:
            found.different.append(unit.name)
            return True
    found.present += here
    return here


def _stage(export: Export, names: Sequence[str], folder: Path) -> str | None:
    """Write these files into the folder, with their times; what is wrong with them, or None."""
    for name in names:
        path = folder / Path(name).name
        with open(path, "xb") as file:
            whole = export.copy(name, file)
            file.flush()
            os.fsync(file.fileno())
        if not whole:
            return f"{path.name} does not have the content that the export states"
        written = export.files[name]["mtime_ns"]  # what was written last counts, of two rows that are alike
        os.utime(path, ns=(written, written))
    sync_folder(folder)
    return None


def _flaw(unit: Unit, staged: Path) -> str | None:
    """What is wrong with files that are what the export states, or None."""
    path = staged / Path(unit.name).name
    if unit.kind == "artefact":
        stage, _, key = unit.name.split("/")[1:]
        return artefact.flaw(staged, stage, key, thorough=True)
    if unit.kind == "data":
        from supreme.store.decoded import cache

        try:
            cache.open(staged)
        except SupremeError:
            return "it is no decoded data"
        return None
    if unit.kind == "logs":
        return None
    return flaw_of(READERS[unit.kind], path)


def _publish(unit: Unit, staged: Path, target: Path, store: Store) -> bool:
    """Give it its name; whether it is new here."""
    if unit.kind == "artefact":
        return store.adopt(target.parent.parent.name, target.name, staged)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        if unit.kind == "data":
            os.rename(staged, target)
        else:
            _name(staged / target.name, target)
    except FileExistsError:  # a sweep was faster
        return False
    sync_folder(target.parent)
    return True


def _name(source: Path, target: Path) -> None:
    """Rename a file, unless the new name is taken."""
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if target.exists():
            raise FileExistsError(target) from None
        os.rename(source, target)


def _sha256(path: Path) -> str:
    with suppress(OSError), open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
    return ""
