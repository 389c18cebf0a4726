"""The right to work in a device slot, which the sweeps of a machine give each other."""

from __future__ import annotations

import getpass
import os
import shlex
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from supreme.core import SupremeError
from supreme.sweep.devices.slots import Slot

ELSEWHERE = "set SUPREME_LOCK_DIR to a folder that every sweep of this machine can write"


def lock_directory() -> Path:
    """Where the sweeps of this machine, of all its users, agree on slots; SUPREME_LOCK_DIR names another place."""
    directory = Path(os.environ.get("SUPREME_LOCK_DIR") or Path(tempfile.gettempdir()) / "supreme-locks")
    try:
        directory.mkdir(parents=True)
        directory.chmod(0o777)  # whatever the umask: other users' sweeps must come in
    except FileExistsError:
        pass
    except OSError as error:
        raise SupremeError(f"device slots cannot be locked in {directory} ({error.strerror}); {ELSEWHERE}") from error
    return directory


class SlotLock:
    """The right to work in a slot. The system takes it back when its holder dies, however that happens."""

    def __init__(self, slot: Slot, directory: Path) -> None:
        self._locks = [FileLock(directory / f"{name}.lock", mode=0o666, thread_local=False) for name in slot.locks]
        self._refused = self._locks[0]

    def acquire(self) -> bool:
        """Take it if it is free; never wait."""
        for lock in self._locks:
            try:
                lock.acquire(blocking=False)
            except Timeout:
                self._refused = lock
                self._unlock()
                return False
            except OSError as error:
                self._unlock()
                raise SupremeError(f"{lock.lock_file} cannot be locked ({error.strerror}); {ELSEWHERE}") from error
        command, since = shlex.join(sys.orig_argv)[:200], time.strftime("%Y-%m-%d %H:%M:%S")
        for lock in self._locks:
            with suppress(OSError):  # the disk is full: then others wait for "another process"
                _write(_note(lock), f"pid {os.getpid()} of {_user()} since {since}: {command}")
        return True

    def release(self) -> None:
        for lock in self._locks:
            _note(lock).unlink(missing_ok=True)
        self._unlock()

    def holder(self) -> str:
        """Who had it when it was last refused, in words."""
        try:
            return _note(self._refused).read_text()
        except OSError:
            return "another process"

    def _unlock(self) -> None:
        for lock in self._locks:
            lock.release()


def _note(lock: BaseFileLock) -> Path:
    """The file beside a lock that says who holds it."""
    return Path(lock.lock_file).with_suffix(".holder")


def _write(note: Path, text: str) -> None:
    """Replace the note, also one that a dead sweep of another user left; write through no link that waits there."""
    new = note.with_suffix(f".{os.getpid()}")
    new.unlink(missing_ok=True)
    with new.open("x") as file:
        file.write(text)
    new.chmod(0o644)
    new.replace(note)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's number without a name
        return f"user {os.getuid()}"
