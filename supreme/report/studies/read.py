"""The record of a search, found and read; it needs no Optuna."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from supreme.core import SupremeError
from supreme.core.canonical import Damaged, digest, read_json

RECORD, STUDIES = "study.json", "studies"

SCHEMA = 1
"""Raised when what the file holds changes its meaning."""


def study_digest(record: Mapping[str, Any], method: str) -> str:
    """SHA-256 of all that chose a method's values: objective, seeds, space, and every trial with its result."""
    told = record["methods"][method]
    shared = {name: record[name] for name in ("for", "objective", "seeds", "images")}
    return digest({**shared, "method": method, "space": told["space"], "trials": told["trials"]})


def find_study(directory: str | Path) -> Path:
    """The folder of the search that is meant: this one, or the newest of this output directory.

    Raises:
        SupremeError: there is none.
    """
    folder = Path(directory)
    if (folder / RECORD).is_file():
        return folder
    found = sorted((folder / STUDIES).glob(f"*/{RECORD}"), key=lambda path: (path.stat().st_mtime, path))
    if not found:
        running = next((folder / STUDIES).glob("*/journal.log"), None) or next(folder.glob("journal.log"), None)
        why = "its search has not ended: give its command again" if running else "no search has ended there"
        raise SupremeError(
            f"{directory}: {why}; name an output directory, or a folder in its {STUDIES}, as in `supreme tune --report "
            "outputs`"
        )
    return found[-1].parent


def read_study(folder: Path) -> dict[str, Any]:
    """The record of a search.

    Raises:
        SupremeError: it cannot be read, is of another version, or is not what the search wrote.
    """
    path = folder / RECORD
    try:
        record: Any = read_json(path)
        if record.get("schema") != SCHEMA:
            raise SupremeError(f"{path} is of another version of supreme: give the command of the search again")
        changed = [name for name, told in record["methods"].items() if told["sha256"] != study_digest(record, name)]
    except (Damaged, KeyError, TypeError, AttributeError) as error:
        raise SupremeError(f"{path} cannot be read ({error}): give the command of the search again") from error
    if changed:
        raise SupremeError(
            f"{path} is not what the search wrote: the trials of {changed[0]} have another digest; give the command of "
            "the search again"
        )
    return record
