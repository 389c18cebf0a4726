"""A file that one process of this machine may hold at a time; the system lets go of it when the holder dies."""

from __future__ import annotations

import fcntl
import os
import stat
from contextlib import suppress
from pathlib import Path

from supreme.core import SupremeError

ELSEWHERE = "set SUPREME_LOCK_DIR to a folder that every sweep of this machine can write"


class LockFile:
    """The lock on one file, which stays where it is when nobody holds it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self, *, wait: bool = False) -> bool:
        """Take it; returns False where another process holds it and we do not wait.

        Raises:
            SupremeError: the file cannot be opened, or is none.
        """
        if self._descriptor is not None:
            return True
        while True:
            descriptor = self._opened()
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                os.close(descriptor)
                return False
            except OSError as error:  # a file system without locks
                os.close(descriptor)
                raise self._refusal(error) from error
            if self._is_there(descriptor):
                self._descriptor = descriptor
                return True
            os.close(descriptor)  # it was deleted meanwhile: whoever comes next would lock another file

    def release(self) -> None:
        if self._descriptor is not None:
            with suppress(OSError):
                os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None

    def __del__(self) -> None:
        self.release()

    @property
    def is_held(self) -> bool:
        return self._descriptor is not None

    def is_lost(self) -> bool:
        """Whether it is held, but somebody has deleted the file, so that others no longer see that it is."""
        return self._descriptor is not None and not self._is_there(self._descriptor)

    def __enter__(self) -> None:
        self.acquire(wait=True)

    def __exit__(self, *error: object) -> None:
        self.release()

    def note(self, text: str) -> None:
        """Say in the file who holds it; on a full disk it says nothing."""
        if self._descriptor is not None:
            with suppress(OSError):
                os.ftruncate(self._descriptor, 0)
                os.pwrite(self._descriptor, text.encode(), 0)

    def noted(self) -> str:
        """What its holder has said there; empty where that is nothing."""
        try:
            with open(self._opened(), "rb") as file:
                text = file.read(1_000).decode(errors="replace")
            return "".join(letter if letter.isprintable() else " " for letter in text)  # another user wrote it
        except (OSError, SupremeError):
            return ""

    def _opened(self) -> int:
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW
        try:
            try:
                descriptor = os.open(self.path, flags)  # Linux allows nobody to create what is another user's already
            except FileNotFoundError:
                descriptor = os.open(self.path, flags | os.O_CREAT | os.O_EXCL, 0o666)
                os.fchmod(descriptor, 0o666)  # whatever the umask: sweeps of other users open it too
        except FileExistsError:
            return self._opened()
        except OSError as error:
            raise self._refusal(error) from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise SupremeError(f"{self.path} is no regular file and cannot be locked: delete it, or {ELSEWHERE}")
        return descriptor

    def _is_there(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), os.stat(self.path, follow_symlinks=False))
        except FileNotFoundError:
            return False

    def _refusal(self, error: OSError) -> SupremeError:
        return SupremeError(f"{self.path} cannot be locked ({error.strerror}); {ELSEWHERE}")
