"""`supreme store export`: an output directory in one file."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from supreme.core import SupremeError
from supreme.core.canonical import DIGEST, Damaged, digest, read_json
from supreme.store.artefact import MANIFEST, RECORD
from supreme.store.artefact import SCHEMA as STORE_SCHEMA
from supreme.store.files import explaining, sync_folder, temporary_name
from supreme.store.maintenance.amounts import tracked
from supreme.store.maintenance.archive import CHUNK, LIST, SCHEMA, unit_of
from supreme.store.maintenance.inventory import artefact_folders, data_folders, size
from supreme.store.maintenance.rows import MODELS, Rows
from supreme.store.maintenance.verifying import READERS, flaw_of


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Beside rows, audits and failures."""

    artefacts: bool
    predictions: bool
    """Without the other artefacts: the logits of the models of the rows."""
    data: bool
    logs: bool


def export(directory: Path, target: Path, wanted: Wanted, beside: Iterable[tuple[str, bytes]] = ()) -> int:
    """Write the file, which appears under its name when it is whole; returns how many files it holds.

    Args:
        beside: what no file of the directory holds, by name in the export.

    Raises:
        SupremeError: there is nothing to export, the target exists, an artefact is corrupt, or predictions are missing.
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
                count = _write(file, directory, paths, beside)
                file.flush()
                os.fsync(file.fileno())
            os.rename(temporary, target)
        finally:
            with suppress(OSError):
                temporary.unlink()
        sync_folder(target.absolute().parent)
    return count


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
    elif wanted.predictions:
        for folder in _logits(directory):
            yield from _known(directory, sorted(folder.iterdir()))
    if wanted.data:
        for folder in data_folders(root):
            yield from _known(directory, sorted(folder.iterdir()))
    if wanted.logs:
        yield from _known(directory, sorted((directory / "logs").glob("*.log")))


def _logits(directory: Path) -> Iterator[Path]:
    """The folders of the predictions of every model of the rows, logits alone."""
    lacking = {(stage, key): row for row in Rows(directory).rows for stage, key in row.owners if stage in MODELS}
    for stage, _, folder in artefact_folders(directory / "store") if (directory / "store").is_dir() else ():
        if stage == "predictions" and (folder / "logits.npy").is_file():
            with suppress(OSError, Damaged, KeyError, TypeError, AttributeError, ValueError):
                (model,) = read_json(folder / RECORD)["of"].items()
                if lacking.pop(model, None):
                    yield folder
    for (stage, _), row in sorted(lacking.items(), key=lambda one: one[1].cell):
        raise SupremeError(
            f"{directory / 'store'} has no predictions of the {stage} model of row {row.cell} ({row.method}, seed "
            f"{row.seed}): export without --predictions, or from where the sweep ran"
        )


def _known(directory: Path, paths: list[Path]) -> Iterator[Path]:
    """Those that an export can hold; anything else is not ours."""
    for path in paths:
        if path.is_file() and not path.is_symlink() and unit_of(path.relative_to(directory).as_posix()):
            yield path


def _write(file: IO[bytes], directory: Path, paths: list[Path], beside: Iterable[tuple[str, bytes]]) -> int:
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
        for name, content in beside:
            sha256 = hashlib.sha256(content).hexdigest()
            files[name] = {"bytes": len(content), "sha256": sha256, "mtime_ns": 0}
            _add_bytes(tar, name, content)
        stated = {"schema": SCHEMA, "store_schema": STORE_SCHEMA, "files": files}
        _add_bytes(tar, LIST, json.dumps({**stated, DIGEST: digest(stated)}).encode())
    return len(files)


def _add_bytes(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


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
