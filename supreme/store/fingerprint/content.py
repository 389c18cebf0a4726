"""Files and folders that are known by what is in them."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from supreme.core import SupremeError
from supreme.store.fingerprint.own_output import results_below

HOLDS_NO_ARITHMETIC = True


def content_of(path: Path) -> str:
    """SHA-256 of a file's bytes; of a folder, of the names and bytes of all files below it but the sweep's own results.

    Raises:
        SupremeError: it cannot be read.
    """
    try:
        if not path.is_dir():
            return _digest(path)
        parts, left_out = hashlib.sha256(), results_below(path)
        for inside in sorted(entry for entry in path.rglob("*") if entry.is_file()):
            name = inside.relative_to(path)
            if "__pycache__" not in inside.parts and not any(name.is_relative_to(one) for one in left_out):
                parts.update(f"{name.as_posix()}\0{_digest(inside)}\n".encode())
        return parts.hexdigest()
    except OSError as error:
        raise SupremeError(f"{error.filename or path} cannot be read ({error.strerror})") from error


def _digest(path: Path) -> str:
    found = path.stat()
    return _read(path, found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


@cache
def _read(path: Path, *_state: int) -> str:
    """Once for each state of the file in the life of this process."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
