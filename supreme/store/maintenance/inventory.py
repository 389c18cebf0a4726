"""What lies in the store of an output directory. Only names, sizes and small records are read here."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supreme.core import SupremeError
from supreme.core.canonical import Damaged, read_json
from supreme.store.artefact import MANIFEST, RECORD
from supreme.store.files import orphans
from supreme.store.leases import Holder
from supreme.store.maintenance.rows import MODELS, Row, Rows, Use
from supreme.store.store import Store

FOLDERS = frozenset({"data", "tmp", "claims", "corrupt"})
"""Of the store, those that hold no artefacts."""

KEY = re.compile(r"[0-9a-f]{64}")
DATA = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, kw_only=True)
class Item:
    """Something that can be kept or removed as a whole."""

    kind: str
    """The stage of an artefact; else data, partial (data that were being decoded), corrupt or leftover."""
    key: str
    path: Path
    bytes: int
    age_seconds: float
    use: Use
    rows: Sequence[Row]
    """Those that refer to it."""


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """All there is."""

    directory: Path
    store: Store
    rows: Rows
    audits: int
    """How many records of audits."""
    failures: int
    """How many records of cells that failed."""
    items: Sequence[Item]
    claims: Sequence[Holder]

    @property
    def at_work(self) -> list[Holder]:
        """The claims of living processes."""
        return [claim for claim in self.claims if not claim.dead]

    def of_kind(self, *kinds: str) -> list[Item]:
        return [item for item in self.items if item.kind in kinds]


def open_store(directory: Path) -> Store:
    """The store of an output directory, refused where there is none."""
    if not (directory / "store").is_dir():
        raise SupremeError(
            f"there is no store in {directory}: name the output directory of a sweep, as in `supreme store ls outputs`"
        )
    return Store(directory / "store")


def take(directory: Path) -> Inventory:
    """Look at the output directory as it is now."""
    store = open_store(directory)
    claims = store.claims()  # before the rows: what a sweep that ends meanwhile has made is then named by them
    rows = Rows(directory)
    items = [*_artefacts(store.root, rows), *_data(store.root / "data", rows), *_rest(directory)]
    audits, failures = (len(list((directory / name).glob("*.json"))) for name in ("audits", "failures"))
    return Inventory(
        directory=directory, store=store, rows=rows, audits=audits, failures=failures, items=items, claims=claims
    )


def stages(root: Path) -> list[str]:
    """The stages that have left artefacts, those of models first."""
    found = {path.name for path in root.iterdir() if path.is_dir() and path.name not in FOLDERS}
    return [name for name in MODELS if name in found] + sorted(found - set(MODELS))


def artefact_folders(root: Path) -> Iterator[tuple[str, str, Path]]:
    """Stage, key and folder of every artefact, whole or not."""
    for stage in stages(root):
        for path in sorted((root / stage).glob("*/*")):
            if KEY.fullmatch(path.name) and path.parent.name == path.name[:2]:
                yield stage, path.name, path


def data_folders(root: Path) -> list[Path]:
    """The folders of decoded data."""
    return [path for path in sorted((root / "data").glob("*")) if DATA.fullmatch(path.name) and path.is_dir()]


def size(path: Path) -> int:
    """Bytes of all files there; what another process removes meanwhile counts nothing."""
    with suppress(OSError):
        if not path.is_dir():
            return path.stat().st_size
        return sum(size(Path(entry.path)) for entry in os.scandir(path))
    return 0


def _artefacts(root: Path, rows: Rows) -> Iterator[Item]:
    for stage, key, path in artefact_folders(root):
        owner = None if stage in MODELS else _json(path / RECORD).get("of")
        use, named = rows.naming(stage, key, owner)
        yield _item(stage, key, path, use, named, _age(path / MANIFEST, path))


def _data(folder: Path, rows: Rows) -> Iterator[Item]:
    for path in data_folders(folder.parent):
        fingerprint = _json(path / "meta.json").get("fingerprint")
        named = rows.of_data(str(fingerprint))
        use: Use = "used" if named else "unused" if fingerprint else "unknown"
        yield _item("data", path.name, path, use, named, _age(path / "meta.json", path))


def _rest(directory: Path) -> Iterator[Item]:
    """What was set aside as corrupt, and what killed processes left half-written."""
    root = directory / "store"
    for path in [*(root / "corrupt").glob("*"), *(root / "data").glob("*.damaged-*")]:
        yield _item("corrupt", path.name, path, "unused", (), _age(path))
    for folder in (root / "tmp", root, *(directory / name for name in ("rows", "audits", "failures"))):
        for path in orphans(folder):
            yield _item("leftover", path.name, path, "unused", (), _age(path))
    for path in (root / "data").glob(".*-*"):
        yield _item("partial", path.name, path, "unused", (), _age(path / "parts.jsonl", path))


def _item(kind: str, key: str, path: Path, use: Use, rows: Sequence[Row], age: float) -> Item:
    return Item(kind=kind, key=key, path=path, bytes=size(path), age_seconds=age, use=use, rows=rows)


def _age(*paths: Path) -> float:
    """Seconds since the first of these that is there was written."""
    for path in paths:
        with suppress(OSError):
            return max(0.0, time.time() - path.stat().st_mtime)
    return 0.0


def _json(path: Path) -> dict[str, Any]:
    try:
        found = read_json(path)
    except (OSError, Damaged):
        return {}
    return found if isinstance(found, dict) else {}
