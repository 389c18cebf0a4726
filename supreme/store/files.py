"""Files that are whole or absent although many processes write."""

from __future__ import annotations

import errno
import json
import logging
import os
import re
import secrets
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from supreme.core import SupremeError
from supreme.core.canonical import Damaged, plain
from supreme.core.canonical import digest as digest  # of core, and of whoever names files by it
from supreme.core.typed import flaw

log = logging.getLogger(__name__)

T = TypeVar("T")

HOLDS_NO_ARITHMETIC = True  # so that no result depends on it: see supreme.store.fingerprint

ORPHAN_SECONDS = 7 * 24 * 3600.0
"""A temporary file of a process that cannot be judged from here is left alone for this long."""

_TEMPORARY = re.compile(r"\.([^_]+)_([^_]*)_([^_]*)_(\d+)_([^_]*)_[0-9a-f]{16}")


def write_json(path: Path, value: Any) -> None:
    """Write a value so that the file is whole, old or absent at every moment, also when the power fails.

    Raises:
        SupremeError: the place cannot be written, or is full.
        TypeError: JSON cannot say the value.
    """
    write_bytes(path, (json.dumps(plain(value), indent=2, allow_nan=False) + "\n").encode())


def write_bytes(path: Path, content: bytes) -> None:
    """The same of bytes."""
    temporary = path.with_name(temporary_name())
    with explaining(path, len(content)):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(temporary, "xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power failure; syncing a file does not sync its name."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def explaining(path: Path, needed_bytes: int) -> Iterator[None]:
    """Say in one sentence for the user what keeps us from writing here."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise SupremeError(
                f"the disk is full: {path} needs {needed_bytes:,} bytes; nothing half-written is left, "
                f"so free some space and give the same command again, which resumes"
            ) from error
        if error.errno in (errno.ENOENT, errno.ESTALE):
            raise SupremeError(
                f"{path} cannot be written, because its folder was deleted or moved away meanwhile: give the same "
                f"command again, which begins again there"
            ) from error
        raise SupremeError(
            f"{path} cannot be written ({error.strerror}): make it writable or give another output_dir=..., "
            f"then the same command resumes"
        ) from error


def set_aside(path: Path, store: Path) -> Path | None:
    """Move what is damaged to `corrupt/` of the store; where to, or None where another process has moved it."""
    target = store / "corrupt" / f"{path.parent.name}-{path.stem}-{secrets.token_hex(4)}"
    with explaining(target, 0):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.rename(path, target)
        except FileNotFoundError:
            return None
    return target


def whole_or_aside(read: Callable[[Path], T], path: Path, store: Path) -> T | None:
    """What the reader makes of this file; None where there is none, or a damaged one, which is set aside."""
    try:
        return read(path)
    except FileNotFoundError:
        return None
    except Damaged as why:
        aside = set_aside(path, store)
        log.warning("%s is damaged (%s): moved to %s, to be made again", path, why, aside)
        return None


@dataclass(frozen=True)
class Process:
    """A process, as another one can judge it later: does it still live?"""

    host: str
    boot: str
    """Which start of the machine; empty where the system does not tell."""
    namespace: str
    """Which table of processes `pid` is a line of, since a container has its own; empty where there is one only."""
    pid: int
    born: str
    """When it began; on Linux in ticks since the start of the machine, which no change of the clock alters."""

    @classmethod
    def current(cls) -> Process:
        host = re.sub(r"[^A-Za-z0-9.-]", "-", socket.gethostname())
        boot = namespace = ""
        with suppress(OSError):
            boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
            namespace = re.sub(r"\D", "", os.readlink("/proc/self/ns/pid"))
        return cls(host, boot, namespace, os.getpid(), _born(os.getpid()) or "")

    @classmethod
    def from_json(cls, fields: Any) -> Process:
        """Raises Damaged when this is not what `asdict` gives of one."""
        if wrong := flaw(fields, cls):
            raise Damaged(wrong)
        return cls(**{name: fields[name] for name in cls.__dataclass_fields__})

    def gone(self) -> bool | None:
        """Whether it has ended; None when that cannot be told from here."""
        here = Process.current()
        if self.host != here.host:
            return None
        if self.boot != here.boot:
            return True
        if self.namespace != here.namespace:
            return None
        born = _born(self.pid)
        if born is None:  # ended, or hidden from us: some clusters show a user no process of another user
            return None if _takes_signals(self.pid) else True
        return born != self.born


def _born(pid: int) -> str | None:
    """When a process began; empty when it has ended and only waits to be collected; None when it cannot be seen."""
    if sys.platform == "linux":
        # psutil adds the time of boot by the wall clock to this, and then every correction of the clock moves it.
        try:
            fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].decode().split()
        except OSError:
            return None
        return "" if fields[0] in ("Z", "X") else fields[19]
    import psutil

    try:
        process = psutil.Process(pid)
        return "" if process.status() == psutil.STATUS_ZOMBIE else repr(process.create_time())
    except psutil.Error:
        return None


def _takes_signals(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def temporary_name() -> str:
    """A new hidden name that tells which process writes under it."""
    owner = Process.current()
    return f".{owner.host}_{owner.boot}_{owner.namespace}_{owner.pid}_{owner.born}_{secrets.token_hex(8)}"


def orphans(folder: Path) -> Iterator[Path]:
    """What processes that have ended left in a folder under a temporary name."""
    for path in folder.glob(".*"):
        if (found := _TEMPORARY.fullmatch(path.name)) is None:
            continue
        host, boot, namespace, pid, born = found.groups()
        gone = Process(host, boot, namespace, int(pid), born).gone()
        with suppress(FileNotFoundError):  # another process cleans up too
            if gone or (gone is None and time.time() - path.stat().st_mtime > ORPHAN_SECONDS):
                yield path


def remove_orphans(folder: Path) -> int:
    """Remove what processes that have ended left in a folder under a temporary name; return how many there were."""
    removed = 0
    for path in orphans(folder):
        with suppress(FileNotFoundError):  # another process cleans up too
            shutil.rmtree(path) if path.is_dir() else path.unlink()
            removed += 1
    return removed
