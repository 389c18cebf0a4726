"""`supreme store verify`: every file against its SHA-256, every row and audit against what such a file is."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from supreme.core import SupremeError
from supreme.files import explaining
from supreme.keeping.amounts import tracked
from supreme.keeping.inventory import artefact_folders, data_folders, open_store
from supreme.store import Store


@dataclass(frozen=True, kw_only=True)
class Check:
    """Something that can be whole or not."""

    path: Path
    flaw: Callable[[], str | None]
    """What is wrong with it, or None."""
    set_aside: Callable[[], None]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    checked: int
    flaws: dict[Path, str]


def verify(directory: Path, *, set_aside: bool) -> Verdict:
    """Check everything; what is wrong is moved to `store/corrupt`, if asked for, and made again when it is needed."""
    checks = list(_checks(directory, open_store(directory)))
    flaws: dict[Path, str] = {}
    with ThreadPoolExecutor() as threads:  # hashing lets other threads run
        pending = {threads.submit(check.flaw): check for check in checks}
        for done in tracked(as_completed(pending), len(checks), "verifying"):
            check = pending[done]
            if (flaw := done.result()) and os.path.lexists(check.path):  # else it was removed meanwhile
                flaws[check.path] = flaw
                if set_aside:
                    check.set_aside()
    return Verdict(checked=len(checks), flaws=dict(sorted(flaws.items())))


def row_flaw(content: bytes, cell: str) -> str | None:
    """What keeps this from being the row of the cell, or None."""
    from supreme.report.reading import SCHEMA, Reader

    try:
        row = json.loads(content)
        if row["schema"] != SCHEMA:
            return f"its schema is {row['schema']}, and this version reads schema {SCHEMA}"
        Reader().parse(Path(__file__), row)  # any file: it asks when the row was written
        keys = row["provenance"]["keys"]
        wrong = not isinstance(keys, dict) or row["cell"] != cell or not isinstance(row["metric_keys"], dict)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        return f"it is no row: {type(error).__name__}: {error}"
    return f"it is not the row of cell {cell}" if wrong else None


def audit_flaw(content: bytes, name: str) -> str | None:
    """What keeps this from being the record of the audit, or None."""
    try:
        record = json.loads(content)
        parts = ("cells", "seeds", "values", "reasons", "config")
        missing = [part for part in ("schema", *parts) if part not in record]
        wrong = record["audit"] != name
    except (ValueError, KeyError, TypeError) as error:
        return f"it is no record of an audit: {type(error).__name__}: {error}"
    return f"it lacks {missing[0]}" if missing else f"it is not the record of audit {name}" if wrong else None


def _checks(directory: Path, store: Store) -> Iterator[Check]:
    for folder, flaw in (("rows", row_flaw), ("audits", audit_flaw)):
        for path in sorted((directory / folder).glob("*.json")):
            yield Check(path=path, flaw=_reading(path, flaw), set_aside=lambda path=path: _move(path, store.root))
    for stage, key, path in artefact_folders(store.root):
        yield Check(
            path=path,
            flaw=lambda stage=stage, key=key: store.flaw(stage, key),
            set_aside=lambda stage=stage, key=key: _load(store, stage, key),
        )
    for path in data_folders(store.root):
        yield Check(
            path=path, flaw=lambda path=path: _data_flaw(path), set_aside=lambda path=path: _move(path, store.root)
        )


def _load(store: Store, stage: str, key: str) -> None:
    store.load(stage, key)  # it sets aside what is corrupt


def _reading(path: Path, flaw: Callable[[bytes, str], str | None]) -> Callable[[], str | None]:
    def read() -> str | None:
        try:
            return flaw(path.read_bytes(), path.stem)
        except OSError as error:
            return f"it cannot be read ({error.strerror})"

    return read


def _data_flaw(path: Path) -> str | None:
    from supreme.data import cache
    from supreme.data.finish import content_digest

    try:
        data = cache.open(path)
    except SupremeError as error:
        return str(error)
    return None if content_digest(data) == data.fingerprint else "its content is not what was written"


def _move(path: Path, root: Path) -> None:
    target = root / "corrupt" / f"{path.parent.name}-{path.stem}-{secrets.token_hex(4)}"
    with explaining(target, 0):
        target.parent.mkdir(exist_ok=True)
        os.rename(path, target)
