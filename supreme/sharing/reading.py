"""An export of somebody else: every byte is compared with its digest before anything is made of it."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from supreme.core import Split, SupremeError
from supreme.core.canonical import DIGEST, Damaged, digest, digest_of_parsed, parse
from supreme.core.row import read_row
from supreme.sharing import splits
from supreme.store.artefact import MANIFEST, RECORD
from supreme.store.maintenance.archive import CARD, Export, Unit, opened

UNPACKED = ("rows", "audits", "failures")
LOGITS = "logits.npy"
ALTERED = "its content does not fit the SHA-256 that the export states"
KEPT = 6
"""Arrays of logits in memory at once: rows that share a reference come one after the other."""


@dataclass(frozen=True, eq=False)
class Shared:
    """One export, open."""

    path: Path
    export: Export
    folder: Path
    """Has its rows, audits and failures."""
    card: str
    models: Mapping[tuple[str, str], str]
    """By stage and key of a model, the folder of its logits in the export."""

    @property
    def digest(self) -> str:
        """SHA-256 of the names and digests of all files, whenever they were written."""
        return digest({name: facts["sha256"] for name, facts in self.export.files.items()})

    def rows(self) -> Iterator[Any]:
        """Every row.

        Raises:
            SupremeError: one is no row.
        """
        for path in sorted((self.folder / "rows").glob("*.json")):
            try:
                yield read_row(path)
            except Damaged as flaw:
                raise self.refused(f"rows/{path.name}", str(flaw)) from flaw

    def split(self, wanted: str) -> Split | None:
        """The split of this digest; None where the export has none."""
        if (name := f"splits/{wanted}.json") not in self.export.files:
            return None
        try:
            return splits.from_json(self.content(name), wanted)
        except Damaged as flaw:
            raise self.refused(name, str(flaw)) from flaw

    def content(self, name: str) -> bytes:
        """A file of it, which is what its list states.

        Raises:
            SupremeError: it is not.
        """
        target = io.BytesIO()
        if not self.export.copy(name, target):
            raise self.refused(name, ALTERED)
        return target.getvalue()

    def logits(self, stage: str, key: str) -> np.ndarray[Any, Any]:
        """N x C, float32, of every image of the source, of this model.

        Raises:
            SupremeError: it is no such array.
        """
        return _logits(self, f"{self.models[stage, key]}/{LOGITS}")

    def refused(self, name: str, why: str) -> SupremeError:
        return SupremeError(f"{self.path} is refused: {name} cannot be trusted ({why}); ask for the export again")


@contextmanager
def unpacked(path: Path, folder: Path) -> Iterator[Shared]:
    """The export in this file, whole, its rows, audits and failures in a new folder.

    Raises:
        SupremeError: it is no whole export, or a file in it is not what it states.
    """
    with opened(path) as export:
        shared = Shared(path, export, folder, "", {})
        for name in UNPACKED:
            (folder / name).mkdir(parents=True)
        models: dict[tuple[str, str], str] = {}
        card = ""
        for unit, names in export.units().items():
            contents = {name: _checked(shared, name) for name in names}
            if unit.kind in UNPACKED:
                (folder / unit.name).write_bytes(contents[unit.name])
            elif unit.kind == "card":
                card = _text(shared, contents[CARD])
            elif unit.kind == "artefact" and f"{unit.name}/{LOGITS}" in names:
                models[_model(shared, unit, contents)] = unit.name
        if not any(unit.kind == "rows" for unit in export.units()):
            raise SupremeError(f"{path} holds no row: make it with `supreme store export --rows {path.name} DIR`")
        yield Shared(path, export, folder, card, models)


def _checked(shared: Shared, name: str) -> bytes:
    """What a small file holds; of arrays and weights, which are read when they are needed, only that they are whole."""
    if name.endswith((".json", CARD)):
        return shared.content(name)
    with open(os.devnull, "wb") as nowhere:
        if not shared.export.copy(name, nowhere):
            raise shared.refused(name, ALTERED)
    return b""


def _text(shared: Shared, content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise shared.refused(CARD, "it is no text") from error


def _model(shared: Shared, unit: Unit, contents: Mapping[str, bytes]) -> tuple[str, str]:
    """Stage and key of the model whose predictions these are, which their manifest holds to be these."""
    try:
        manifest = parse(contents[f"{unit.name}/{MANIFEST}"])
        stated, own = manifest.pop(DIGEST), digest_of_parsed(manifest)
        files = {f"{unit.name}/{name}": facts["sha256"] for name, facts in manifest["files"].items()}
        here = {name: shared.export.files[name]["sha256"] for name in contents if not name.endswith(MANIFEST)}
        if stated != own or files != here or manifest["key"] != unit.name.rpartition("/")[2]:
            raise Damaged("its manifest is that of other files")
        ((stage, key),) = parse(contents[f"{unit.name}/{RECORD}"])["of"].items()
        return str(stage), key if isinstance(key, str) else digest(key)
    except (Damaged, KeyError, TypeError, AttributeError, ValueError) as error:
        raise shared.refused(unit.name, str(error) or type(error).__name__) from error


@lru_cache(KEPT)
def _logits(shared: Shared, name: str) -> np.ndarray[Any, Any]:
    try:
        array = np.load(io.BytesIO(shared.content(name)), allow_pickle=False)
    except (ValueError, EOFError, OSError, MemoryError) as error:
        raise shared.refused(name, "it is no array of numbers") from error
    if array.ndim != 2 or array.dtype != np.float32:
        raise shared.refused(name, f"it is {array.dtype} of {array.ndim} dimensions, not float32 of images x classes")
    return array
