"""`supreme store export`: an output directory in one file."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from supreme.core import SupremeError
from supreme.core.canonical import Damaged, read_json
from supreme.store.artefact import MANIFEST
from supreme.store.artefact import SCHEMA as STORE_SCHEMA
from supreme.store.files import explaining, sync_folder, temporary_name
from supreme.store.maintenance.amounts import tracked
from supreme.store.maintenance.archive import CHUNK, LIST, SCHEMA, unit_of
from supreme.store.maintenance.inventory import artefact_folders, data_folders, size
from supreme.store.maintenance.verifying import READERS, flaw_of


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Beside rows, audits and failures."""

    artefacts: bool
    data: bool
    logs: bool


def export(directory: Path, target: Path, wanted: Wanted) -> int:
    """Write the file, which appears under its name when it is whole; returns how many files it holds.

    Raises:
        SupremeError: there is nothing to export, the target exists, or an artefact is corrupt.
    """
    if os.path.lexists(target):
        raise SupremeError(f"{target} exists already: delete it or give another name")
    paths = list(_paths(directory, wanted))
    if not paths:
        raise SupremeError(f"there is nothing to export in {directory}: name the output directory of a sweep")
    temporary = target.absolute().with_name(temporary_name())
    with explaining(target, sum(map(size, paths))):
        try:
            with open(temporary, "xb") as file:
                _write(file, directory, paths)
                file.flush()
                os.fsync(file.fileno())
            os.rename(temporary, target)
        finally:
            with suppress(OSError):
                temporary.unlink()
        sync_folder(target.absolute().parent)
    return len(paths)


def _paths(directory: Path, wanted: Wanted) -> Iterator[Path]:
    """Rows first: what they refer to was written before them, so it is among what follows."""
    for folder, read in READERS.items():
        paths = list(_known(directory, sorted((directory / folder).glob("*.json"))))
        for path in paths:
            if why := flaw_of(read, path):
                raise SupremeError(
                    f"{path} is no result of this version ({why}): type `supreme store verify {directory} "
                    "--set-aside`, then export again"
                )
        yield from paths
    root = directory / "store"
    if wanted.artefacts and root.is_dir():
        for _, _, folder in artefact_folders(root):
            yield from _known(directory, sorted(folder.iterdir()))
    if wanted.data:
        for folder in data_folders(root):
            yield from _known(directory, sorted(folder.iterdir()))
    if wanted.logs:
        yield from _known(directory, sorted((directory / "logs").glob("*.log")))


def _known(directory: Path, paths: list[Path]) -> Iterator[Path]:
    """Those that an export can hold; anything else is not ours."""
    for path in paths:
        if path.is_file() and not path.is_symlink() and unit_of(path.relative_to(directory).as_posix()):
            yield path


def _write(file: IO[bytes], directory: Path, paths: list[Path]) -> None:
    files: dict[str, Any] = {}
    manifests: dict[Path, dict[str, Any]] = {}
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in tracked(paths, len(paths), "exporting"):
            name = path.relative_to(directory).as_posix()
            try:
                files[name] = _add(tar, name, path)
                stated = _stated(path, manifests) if (path.parent / MANIFEST).exists() else None
            except FileNotFoundError as error:
                raise SupremeError(f"{error.filename} was removed while it was exported: export again") from error
            if stated not in (None, files[name]["sha256"]):
                raise SupremeError(
                    f"{path} is corrupt: type `supreme store verify {directory} --set-aside`, then export again"
                )
        content = json.dumps({"schema": SCHEMA, "store_schema": STORE_SCHEMA, "files": files}).encode()
        last = tarfile.TarInfo(LIST)
        last.size = len(content)
        tar.addfile(last, io.BytesIO(content))


def _stated(path: Path, manifests: dict[Path, dict[str, Any]]) -> str | None:
    """The digest that the artefact's manifest states of this file; None of the manifest itself."""
    folder = path.parent
    if path.name == MANIFEST:
        return None
    try:
        if folder not in manifests:
            manifests[folder] = read_json(folder / MANIFEST)["files"]
        return str(manifests[folder][path.name]["sha256"])
    except (Damaged, KeyError, TypeError):
        return "none: its manifest does not name it"


class _Hashing:
    """A file that is read once, from its start to the end that it had when it was opened."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def read(self, count: int = CHUNK) -> bytes:
        part = self._file.read(count)
        self.digest.update(part)
        return part


def _add(tar: tarfile.TarFile, name: str, path: Path) -> dict[str, Any]:
    with open(path, "rb") as file:
        status = os.fstat(file.fileno())
        member = tarfile.TarInfo(name)
        member.size, member.mtime = status.st_size, int(status.st_mtime)
        hashing = _Hashing(file)
        try:
            tar.addfile(member, hashing)  # type: ignore[arg-type]
        except OSError as error:
            if error.errno is not None:
                raise
            raise SupremeError(f"{path} became shorter while it was exported: export again") from error
    return {"bytes": status.st_size, "sha256": hashing.digest.hexdigest(), "mtime_ns": status.st_mtime_ns}
