"""The form of an export: a plain tar of files, the list of them all with their digests at its end.

A file that is cut off lacks its end, so it can never be taken for a whole one. Every name is checked against the few
forms that an export has, which leaves no place for links, devices, or ways out of the folder.
"""

from __future__ import annotations

import hashlib
import re
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from supreme.core import SupremeError
from supreme.core.canonical import DIGEST, digest_of_parsed, parse
from supreme.store.artefact import SCHEMA as STORE_SCHEMA
from supreme.store.maintenance.inventory import FOLDERS

LIST = "supreme-export.json"
"""The last member: {"schema", "store_schema", "files": {name: {"bytes", "sha256", "mtime_ns"}}, "sha256": its own}."""

CARD = "card.yaml"
SHARED = ("card", "splits")
"""Kinds of what is there for those whom an export is shared with: no store has a place for it."""

SCHEMA = 1
CHUNK = 1 << 20

_FILE = r"\w[\w.-]*"
_ROW = re.compile(r"(?P<folder>rows|audits|failures)/(?P<name>[0-9a-f]{16})\.json")
_SPLIT = re.compile(r"splits/[0-9a-f]{64}\.json")
_LOG = re.compile(rf"logs/{_FILE}\.log")
_DATA = re.compile(rf"store/data/(?P<key>[0-9a-f]{{32}})/{_FILE}")
_ARTEFACT = re.compile(
    rf"store/(?P<stage>[a-z][a-z0-9_]*)/(?P<start>[0-9a-f]{{2}})/(?P<key>(?P=start)[0-9a-f]{{62}})/{_FILE}"
)


@dataclass(frozen=True)
class Unit:
    """What is published as a whole: an artefact, decoded data, a row, an audit, a failure, a log."""

    kind: str
    """artefact, data, rows, audits, failures, logs, card or splits."""
    name: str
    """Its folder's name in the export, or its file's."""


def unit_of(name: str) -> Unit | None:
    """What a file of an export belongs to; None where no export holds a file of this name."""
    if found := _ROW.fullmatch(name):
        return Unit(found["folder"], name)
    if name == CARD:
        return Unit("card", name)
    if _SPLIT.fullmatch(name):
        return Unit("splits", name)
    if _LOG.fullmatch(name):
        return Unit("logs", name)
    if _DATA.fullmatch(name):
        return Unit("data", name.rpartition("/")[0])
    if (found := _ARTEFACT.fullmatch(name)) and found["stage"] not in FOLDERS:
        return Unit("artefact", name.rpartition("/")[0])
    return None


@dataclass(frozen=True)
class Export:
    """An export that is whole as far as its list goes; each file is compared with its digest when it is read."""

    tar: tarfile.TarFile
    files: Mapping[str, Mapping[str, Any]]

    def units(self) -> dict[Unit, list[str]]:
        """The names of the files of each unit, in the order to publish them: what rows refer to comes before rows."""
        found: dict[Unit, list[str]] = {}
        for name in self.files:
            unit = unit_of(name)
            assert unit is not None
            found.setdefault(unit, []).append(name)
        order = (*SHARED, "data", "artefact", "logs", "rows", "audits", "failures")
        return dict(sorted(found.items(), key=lambda item: (order.index(item[0].kind), item[0].name)))

    def copy(self, name: str, target: IO[bytes]) -> bool:
        """Write a file's content; whether it is what the list states."""
        source = self.tar.extractfile(name)
        assert source is not None
        digest = hashlib.sha256()
        while part := source.read(CHUNK):
            digest.update(part)
            target.write(part)
        return digest.hexdigest() == self.files[name]["sha256"]


@contextmanager
def opened(path: Path) -> Iterator[Export]:
    """The export in this file.

    Raises:
        SupremeError: it cannot be read, is cut off, or is no export, or holds what no export holds.
    """
    try:
        tar = tarfile.open(path, "r:")  # noqa: SIM115  (only what opening it raises is told here)
    except (OSError, tarfile.TarError, EOFError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise SupremeError(
            f"{path} cannot be read as an export ({why}): give what `supreme store export` wrote"
        ) from error
    with tar:
        yield _read(path, tar)


def _read(path: Path, tar: tarfile.TarFile) -> Export:
    try:
        members = tar.getmembers()
        if not members or members[-1].name != LIST:
            raise tarfile.ReadError("its list is missing")
        source = tar.extractfile(members[-1])
        stated = parse(source.read()) if source else {}
        files: dict[str, dict[str, Any]] = stated["files"]
        sizes = {name: _checked(facts)["bytes"] for name, facts in files.items()}
        schemas = (stated["schema"], stated["store_schema"])
        if stated.keys() - {"schema", "store_schema", "files"}:  # older exports state no more than these
            own = stated.pop(DIGEST)
            if own != digest_of_parsed(stated):
                raise ValueError("its list is not what was written")
    except (tarfile.TarError, EOFError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SupremeError(
            f"{path} is no whole export ({error}): it was cut off, or is something else; export again"
        ) from error
    if schemas != (SCHEMA, STORE_SCHEMA):
        raise SupremeError(f"{path} was written by another version of supreme, in a form that this one does not know")
    for member in members[:-1]:
        if not member.isreg() or member.issparse() or unit_of(member.name) is None:
            raise SupremeError(f"{path} holds {member.name!r}, which no export of supreme does: nothing of it was used")
    if len(members) != len(files) + 1 or {member.name: member.size for member in members[:-1]} != sizes:
        raise SupremeError(f"{path} holds other files than its list states: nothing of it was used; export again")
    return Export(tar, files)


def _checked(facts: dict[str, Any]) -> dict[str, Any]:
    """What the list states of one file, if it is of the form that it has to be."""
    types = {name: type(value) for name, value in facts.items()}
    if types != {"bytes": int, "sha256": str, "mtime_ns": int} or not 0 <= facts["mtime_ns"] < 2**63:
        raise ValueError("its list is of another form")
    return facts
