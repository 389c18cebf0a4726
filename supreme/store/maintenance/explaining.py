"""`supreme store explain`: what a row depends on, part by part, and which of it is no longer here."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from supreme.core import SupremeError
from supreme.core.canonical import Damaged
from supreme.core.row import StoredRow, read_row
from supreme.store.fingerprint import Code, changes, code_of, fates
from supreme.store.maintenance.inventory import open_store
from supreme.store.store import Store


def explain(directory: Path, cell: str) -> dict[str, Any]:
    """What the row of this cell depends on, as JSON can say it.

    Raises:
        SupremeError: there is no such row, more than one, or one that does not say it.
    """
    row = _row(directory, cell)
    store, provenance = open_store(directory), row["provenance"]
    depends = provenance["depends"]
    code = {target: _component(target, digest, store) for target, digest in depends["code"].items()}
    names = {group: row[group] for group in ("data", "model", "recipe", "scenario", "method")}
    return {
        "cell": row["cell"],
        **names,
        "seed": row["seed"],
        "seeds": row["seeds"],
        "data_fingerprint": depends["data"],
        "split": depends["split"],
        "files": depends["files"],
        "schemas": depends["schemas"],
        "versions": provenance["versions"],
        "keys": provenance["keys"],
        "code": code,
    }


def explanation(found: Mapping[str, Any]) -> Iterator[str]:
    """The same for people, as lines."""
    names = " ".join(str(found[name]) for name in ("method", "data", "model", "scenario"))
    yield f"cell {found['cell']}: {names} seed={found['seed']}"
    yield f"data       {found['data_fingerprint'][:16]}"
    yield f"split      {found['split'][:16]}"
    yield from (f"model      {key[:16]} {stage}" for stage, key in found["keys"].items())
    yield from (f"file       {digest[:16]} {path}" for path, digest in found["files"].items())
    yield f"seeds      {', '.join(f'{name} {number}' for name, number in found['seeds'].items())}"
    yield f"versions   {', '.join(f'{name} {version}' for name, version in found['versions'].items())}"
    yield f"stages     {', '.join(f'{stage} {number}' for stage, number in found['schemas'].items())}"
    for target, code in found["code"].items():
        yield f"\n{target}: {code['state']}"
        width = max(map(len, code["definitions"]), default=0)
        for name, one in code["definitions"].items():
            yield f"  {one['digest']}  {name:{width}}  {one['fate']:7}  {one['place']}".rstrip()
        yield from (f"  {digest[:16]}  file {name}" for name, digest in code["files"].items())
        yield from (f"  library {name}" for name in code["libraries"])
        yield from (f"  not followed: {line}" for line in code["unfollowed"])


def rows_of_other_code(directory: Path) -> tuple[int, dict[str, str]]:
    """How many rows there are, and of each that was made by other code than the one here what has changed."""
    store, rows = open_store(directory), list(_rows(directory))
    old: dict[str, str] = {}
    for row in rows:
        found = [
            f"{target.rpartition('.')[2]}: {state}"
            for target, digest in row["provenance"]["depends"]["code"].items()
            if (state := _component(target, digest, store)["state"]) != "as it was"
        ]
        if found:
            old[row["cell"]] = f"{row['method']} seed={row['seed']}: {'; '.join(found)}"
    return len(rows), old


def _component(target: str, digest: str, store: Store) -> dict[str, Any]:
    """The code of one component, as the row has it, beside what is here now."""
    record = store.record("code", digest)
    before: dict[str, Any] = record or {"definitions": {}, "files": {}, "libraries": [], "unfollowed": []}
    try:
        now: Code | None = code_of(target)
    except SupremeError as error:
        now, state = None, f"gone ({error})"
    else:
        known = record is not None
        state = "as it was" if now.digest == digest else "; ".join(changes(before, now)) if known else "changed"
    definitions = now.definitions if now else {}
    places = {name: _nearer(place) for name, place in now.places.items()} if now else {}
    listed = {
        name: {
            "digest": before["definitions"].get(name) or definitions.get(name, ""),
            "fate": fate,
            "place": places.get(fate.removeprefix("now "), places.get(name, "")),
        }
        for name, fate in sorted(fates(before["definitions"], definitions).items())
    }
    rest = {name: before[name] for name in ("files", "libraries", "unfollowed")}
    return {"state": state, "digest": digest, "definitions": listed, **rest}


def _nearer(place: str) -> str:
    """The place as seen from the working folder, where it lies below that."""
    return place.removeprefix(f"{Path.cwd()}{os.sep}")


def _row(directory: Path, cell: str) -> StoredRow:
    found = [row for row in _rows(directory) if str(row["cell"]).startswith(cell)]
    if len(found) == 1:
        return found[0]
    folder = directory / "rows"
    if not found:
        raise SupremeError(f"there is no row {cell} in {folder}: its files are named by cells, of 16 digits each")
    raise SupremeError(f"{len(found)} rows in {folder} begin with {cell}: give more of the name")


def _rows(directory: Path) -> Iterator[StoredRow]:
    for path in sorted((directory / "rows").glob("*.json")):
        with suppress(OSError, Damaged):  # `supreme store verify` names those
            yield read_row(path)
