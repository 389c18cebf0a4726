"""Files of a source, known by their contents: read once, and again only where the file system says that they changed.

An index beside the decoded data states of each file the SHA-256 that it had and the state in which it was read then. So
a start with files that nobody touched asks for their states alone, and one with a copy of them, which was touched but
is the same, finds the same signature.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from supreme.core import SupremeError
from supreme.core.canonical import Damaged, open_regular, parse, read_bytes
from supreme.core.typed import flaw
from supreme.store.decoded.touched import is_settled, state
from supreme.store.files import write_bytes

Known = Mapping[str, list[str | int]]
"""By the file's name: its SHA-256, then its state when it was read."""


def signature(root: Path, paths: Sequence[Path], directory: Path | None = None) -> str:
    """SHA-256 of the names below root and of the contents of these files.

    Args:
        directory: where the index is kept; None: every file is read.
    """
    above = f"{root.as_posix()}/"
    names = [path.as_posix().removeprefix(above) for path in paths]
    place = None if directory is None else index_of(root, directory)
    known = {} if place is None else _read(place)
    now = time.time_ns()
    states = [state(path.stat()) for path in paths]
    found = {
        name: str(known[name][0])
        for name, seen in zip(names, states, strict=True)
        if name in known and known[name][1:] == seen
    }
    if left := [number for number, name in enumerate(names) if name not in found]:
        with ThreadPoolExecutor() as threads:  # hashing lets other threads run
            found.update(zip((names[at] for at in left), threads.map(_sha256, (paths[at] for at in left)), strict=True))
        if place is not None:
            settled = {
                name: [found[name], *seen] for name, seen in zip(names, states, strict=True) if is_settled(seen, now)
            }
            _write(place, {**known, **settled})
    return hashlib.sha256(json.dumps([[name, found[name]] for name in names]).encode()).hexdigest()


def index_of(root: Path, directory: Path) -> Path:
    """Where the index of the files below this folder is."""
    return directory / f"files-{hashlib.sha256(os.fsencode(root.absolute())).hexdigest()[:16]}.index"


def _sha256(path: Path) -> str:
    try:
        with os.fdopen(open_regular(path), "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SupremeError(f"{path} cannot be read ({error.strerror}): replace it or take it away") from error


def _read(place: Path) -> Known:
    """What the index states; nothing where there is none that is whole: then every file is read."""
    with suppress(OSError, Damaged):
        stated, _, content = read_bytes(place).partition(b"\n")
        if hashlib.sha256(content).hexdigest().encode() == stated:
            known = parse(content)
            if flaw(known, Mapping[str, list[str | int]]) is None:
                return known
    return {}


def _write(place: Path, known: Known) -> None:
    content = json.dumps(known, separators=(",", ":")).encode()
    with suppress(SupremeError):  # a place that cannot be written: they are read the next time again
        write_bytes(place, hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
