"""Content-addressed artefacts: what a stage leaves behind, found again by the digest of what it depends on.

An artefact is a folder `<root>/<stage>/<key[:2]>/<key>` that is whole or absent: it is written elsewhere, synced, and
renamed into place. So a worker that dies leaves nothing half-done, and any number of them may share a store.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from supreme.core import SupremeError
from supreme.core.canonical import Damaged, digest, read_json
from supreme.store import artefact, backoff
from supreme.store.artefact import SCHEMA, Artefact, Contents
from supreme.store.files import explaining, remove_orphans, sync_folder, temporary_name, write_json
from supreme.store.leases import Holder, Leases

HOLDS_NO_ARITHMETIC = True  # so that no result depends on it: see supreme.store.fingerprint

log = logging.getLogger(__name__)

T = TypeVar("T")

USE = "use"
"""What claims on the whole store are called; no stage is."""


class Store:
    """The artefacts under one folder, shared by any number of processes and machines.

    Raises:
        SupremeError: the folder was written by a newer version.
    """

    def __init__(
        self,
        root: Path,
        *,
        same_versions: bool = False,
        heartbeat_seconds: float = 5.0,
        silence_seconds: float = 120.0,
    ) -> None:
        """Args:
        same_versions: what other versions of the libraries have made is set aside when it is loaded.
        """
        # The silence outlasts a minute, for which a network file system may answer from its memory.
        self.root = Path(root).absolute()
        self._temporary = self.root / "tmp"
        self._claims = Leases(
            folder=self.root / "claims",
            temporary=self._temporary,
            heartbeat_seconds=heartbeat_seconds,
            silence_seconds=silence_seconds,
        )
        self._same_versions = same_versions
        self._verified: set[tuple[str, str]] = set()
        self._schema()

    def has(self, stage: str, key: str) -> bool:
        """Whether the artefact is there, by the sizes of its files: cheap enough to ask for every cell of a sweep."""
        return self._flaw(self._folder(stage, key), stage, key, thorough=False) is None

    def made_by_others(self, stage: str, key: str) -> tuple[str, ...]:
        """Of an artefact that is there, the versions that made it where they are not the ones here: "torch 2.11.0"."""
        return artefact.made_by_others(self._folder(stage, key))

    def load(self, stage: str, key: str) -> Artefact | None:
        """The artefact, or None when it is absent; a corrupt one is moved to `corrupt/` and so becomes absent.

        Every file is compared with its SHA-256 once in the life of this store object.
        """
        folder = self._folder(stage, key)
        try:
            inode = folder.stat().st_ino
        except (FileNotFoundError, NotADirectoryError):
            return None
        if flaw := self._flaw(folder, stage, key, thorough=(stage, key) not in self._verified):
            self._set_aside(folder, stage, key, inode, flaw)
            return None
        self._verified.add((stage, key))
        return artefact.read(folder)

    def record(self, stage: str, key: str) -> dict[str, Any] | None:
        """The record of the artefact, or None when it is absent; as cheap as `has`."""
        return artefact.read(self._folder(stage, key)).record if self.has(stage, key) else None

    def get_or_create(self, stage: str, key: str, create: Callable[[], Contents]) -> tuple[Artefact, bool]:
        """The artefact, and whether it was computed here.

        Of all workers that ask at the same time one computes and the others wait. What `create` raises is passed on,
        and then the next worker may try.

        Raises:
            SupremeError: the store cannot be written, or the disk is full.
            Busy: inside `backoff.leaving`, another worker computes it.
        """
        if (found := self.load(stage, key)) is not None:
            return found, False
        self.prepare()

        def find() -> tuple[Artefact, bool] | None:
            found = self.load(stage, key)
            return None if found is None else (found, False)

        def publish() -> tuple[Artefact, bool]:
            with backoff.creating():
                return self._publish(stage, key, create())

        return self.alone(f"{stage}-{key}", find, publish)

    def alone(self, name: str, find: Callable[[], T | None], make: Callable[[], T]) -> T:
        """What `find` finds, else what `make` makes, while no other worker of this store makes what has this name.

        Raises: what `find` and `make` raise; Busy: see `get_or_create`.
        """
        waiter = self._claims.waiter(name)
        while True:
            with self._claims.attempt(name) as ours:
                if (found := find()) is not None:
                    return found
                if ours:
                    return make()
            if waiter.is_over():  # the holder is dead, or done just now
                continue
            backoff.leave_rather_than_wait(self._claims, name)
            waiter.pause()

    def refuse_unwritable(self) -> None:
        """Refuse a place that cannot be written, and leave nothing there."""
        with explaining(self.root, 0):
            there = next(folder for folder in (self.root, *self.root.parents) if folder.exists())
            probe = there / temporary_name()
            probe.touch()
            probe.unlink()

    def prepare(self) -> None:
        """Make the folders, and refuse a place that cannot be written before any work is done."""
        with explaining(self.root, 0):
            for folder in (self._temporary, self._claims.folder):
                folder.mkdir(parents=True, exist_ok=True)
            probe = self._temporary / temporary_name()
            probe.touch()
            probe.unlink()
        self._schema()
        if self._stated_schema() != SCHEMA:
            write_json(self.root / "schema.json", _sealed(SCHEMA))

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Hold a claim on the whole store inside: what nobody refers to yet may be about to be used."""
        self.prepare()
        self._claims.clear_dead(USE)
        with self._claims.attempt(f"{USE}-{secrets.token_hex(8)}"):
            yield

    def claims(self) -> list[Holder]:
        """Every claim there is, also those of the dead; those on the whole store first, for they outlast the others."""
        return sorted(self._claims.holders(), key=lambda holder: not holder.name.startswith(f"{USE}-"))

    def flaw(self, stage: str, key: str) -> str | None:
        """What is wrong with an artefact, every file compared with its SHA-256; None where nothing is."""
        return artefact.flaw(self._folder(stage, key), stage, key, thorough=True)

    def adopt(self, stage: str, key: str, folder: Path) -> bool:
        """Move a folder of this file system, in which `artefact.flaw` finds none, to where the artefact belongs.

        Returns whether it is new here: where there is a good one already, that one stays.
        """
        target = self._folder(stage, key)
        return self._move_in(folder, target, stage, key) is None

    def sweep_temporary(self) -> int:
        """Remove what killed processes left half-written, and their claims; return how many of the first there were."""
        self._claims.clear_ended()
        return remove_orphans(self._temporary)

    def _folder(self, stage: str, key: str) -> Path:
        if not (re.fullmatch(r"[a-z][a-z0-9_]*", stage) and re.fullmatch(r"[0-9a-f]{64}", key)):
            raise ValueError(
                f"no artefact can be named {stage!r} {key!r}: a stage is a word, a key is what digest() gives"
            )
        return self.root / stage / key[:2] / key

    def _flaw(self, folder: Path, stage: str, key: str, *, thorough: bool) -> str | None:
        """Why the artefact cannot be used, or None."""
        flaw = artefact.flaw(folder, stage, key, thorough=thorough)
        if flaw is None and self._same_versions and (others := artefact.made_by_others(folder)):
            return f"{', '.join(others)} made it, and versions=refuse was asked for"
        return flaw

    def _schema(self) -> None:
        """Refuse what a newer version wrote; where `schema.json` is lost, its artefacts say which one that was."""
        found = self._stated_schema() or self._schema_of_artefacts()
        if found > SCHEMA:
            raise SupremeError(
                f"{self.root} was written by a newer version of supreme (schema {found}, this one knows {SCHEMA}): "
                f"upgrade supreme, or give another output_dir"
            )

    def _stated_schema(self) -> int:
        """What `schema.json` says; 0 where it is missing or damaged: `prepare` writes it again."""
        try:
            found = read_json(self.root / "schema.json")
            stated = found["schema"]
            if type(stated) is int and found in (_sealed(stated), {"schema": 1}):  # the first version had no digest
                return stated
        except (OSError, Damaged, KeyError, TypeError):
            return 0
        return 0

    def _schema_of_artefacts(self) -> int:
        """The highest that the first manifests state which can be read; 0 where there is none."""
        manifests = islice(self.root.glob(f"*/*/*/{artefact.MANIFEST}"), 100)
        return max((artefact.stated_schema(path) for path in manifests), default=0)

    def _set_aside(self, folder: Path, stage: str, key: str, inode: int, flaw: str) -> None:
        target = self.root / "corrupt" / f"{stage}-{key}-{secrets.token_hex(4)}"
        self._verified.discard((stage, key))
        with explaining(target, 0):
            target.parent.mkdir(exist_ok=True)
            try:
                if folder.stat().st_ino != inode:  # another worker has replaced it meanwhile
                    return
                os.rename(folder, target)
            except FileNotFoundError:  # another worker has moved it
                return
        log.warning("%s %s cannot be used (%s): moved to %s, to be computed again", stage, key[:12], flaw, target)

    def _publish(self, stage: str, key: str, contents: Contents) -> tuple[Artefact, bool]:
        folder = self._folder(stage, key)
        temporary = self._temporary / temporary_name()
        with explaining(folder, artefact.size(contents)):
            try:
                written = artefact.write(temporary, stage, key, contents)
                # It is there only where this worker was taken for dead, and another did the work.
                if (found := self._move_in(temporary, folder, stage, key)) is not None:
                    return found, False
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
        self._verified.add((stage, key))
        return replace(written, path=folder), True

    def _move_in(self, source: Path, folder: Path, stage: str, key: str) -> Artefact | None:
        """Give an artefact its name; the good one that has the name already, if there is one, stays and is returned."""
        changed = [folder.parent]  # the folders that get a new name, which a sync makes last
        while not changed[-1].exists():
            changed.append(changed[-1].parent)
        folder.parent.mkdir(parents=True, exist_ok=True)
        while not _rename_new(source, folder):
            if (found := self.load(stage, key)) is not None:
                return found
        for parent in changed:
            sync_folder(parent)
        return None


def _sealed(schema: int) -> dict[str, Any]:
    """What `schema.json` holds; with the digest, no bit that flips makes it that of a newer version."""
    return {"schema": schema, "sha256": digest({"schema": schema})}


def _rename_new(source: Path, target: Path) -> bool:
    """Rename a folder, unless the new name is taken."""
    try:
        os.rename(source, target)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            return False
        raise
    return True
