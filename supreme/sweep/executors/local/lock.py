"""The right to work in a device slot, which the sweeps of a machine give each other."""

from __future__ import annotations

import getpass
import logging
import os
import shlex
import sys
import time
from pathlib import Path

from supreme.core import SupremeError
from supreme.sweep.devices.slots import Slot
from supreme.sweep.executors.local.lock_file import ELSEWHERE, LockFile

log = logging.getLogger(__name__)


class SlotLock:
    """The right to work in a slot. The system takes it back when its holder dies, however that happens."""

    def __init__(self, slot: Slot, directory: Path) -> None:
        self._name = slot.name
        self._locks = [LockFile(directory / f"{name}.lock") for name in slot.locks]
        self._refused = self._locks[0]

    def acquire(self) -> bool:
        """Take it if it is free; never wait."""
        for lock in self._locks:
            try:
                acquired = lock.acquire()
            except SupremeError:
                self.release()
                raise
            if not acquired:
                self._refused = lock
                self.release()
                return False
        command, since = shlex.join(sys.orig_argv)[:200], time.strftime("%Y-%m-%d %H:%M:%S")
        for lock in self._locks:
            lock.note(f"pid {os.getpid()} of {_user()} since {since}: {command}")
        return True

    def release(self) -> None:
        for lock in self._locks:
            lock.release()

    def renew(self) -> None:
        """Where somebody has deleted the file of a lock that is held, take it again, and say so."""
        lost = [lock for lock in self._locks if lock.is_lost()]
        if not lost:
            return
        self.release()
        again = self.acquire()
        consequence = "it was locked again" if again else f"meanwhile {self.holder()} has taken it, and both work there"
        log.warning("somebody deleted the lock %s of %s: %s; %s", lost[0].path, self._name, consequence, ELSEWHERE)

    def holder(self) -> str:
        """Who had it when it was last refused, in words."""
        return self._refused.noted() or "another process"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's number without a name
        return f"user {os.getuid()}"
