"""`supreme store verify`: every file against its SHA-256, every row, audit and failure against what such a file is."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from supreme.core import SupremeError
from supreme.core.canonical import Damaged
from supreme.core.failure import read_failure
from supreme.core.row import read_audit, read_row
from supreme.store.files import set_aside
from supreme.store.maintenance.amounts import tracked
from supreme.store.maintenance.inventory import artefact_folders, data_folders, open_store
from supreme.store.store import Store

READERS: dict[str, Callable[[Path], object]] = {
    "rows": read_row,
    "audits": read_audit,
    "failures": read_failure,
}
"""Of each folder of results, who reads its files."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """Something that can be whole or not."""

    path: Path
    flaw: Callable[[], str | None]
    """What is wrong with it, or None."""
    set_aside: Callable[[], object]


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


def flaw_of(read: Callable[[Path], object], path: Path) -> str | None:
    """What is wrong with a row or a record, by the one who reads it; None where nothing is."""
    try:
        read(path)
    except FileNotFoundError:
        return "it is missing"
    except Damaged as flaw:
        return str(flaw)
    return None


def _checks(directory: Path, store: Store) -> Iterator[Check]:
    for folder, read in READERS.items():
        for path in sorted((directory / folder).glob("*.json")):
            yield _check(path, partial(flaw_of, read, path), store)
    for stage, key, path in artefact_folders(store.root):
        yield Check(
            path=path,
            flaw=lambda stage=stage, key=key: _artefact_flaw(store, stage, key),
            set_aside=lambda stage=stage, key=key: store.load(stage, key),  # it moves what is corrupt
        )
    for path in data_folders(store.root):
        yield _check(path, partial(_data_flaw, path), store)


def _check(path: Path, flaw: Callable[[], str | None], store: Store) -> Check:
    """Of what is moved as a whole when it is wrong."""
    return Check(path=path, flaw=flaw, set_aside=lambda: set_aside(path, store.root))


def _artefact_flaw(store: Store, stage: str, key: str) -> str | None:
    try:
        return store.flaw(stage, key)
    except SupremeError as error:
        return str(error)


def _data_flaw(path: Path) -> str | None:
    from supreme.store.decoded import cache

    try:
        cache.refuse_other_content(path, cache.open(path))
    except SupremeError as error:
        return str(error)
    return None
