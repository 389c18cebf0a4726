"""The one warm process of a device slot."""

from __future__ import annotations

import multiprocessing.resource_tracker
import os
import re
import secrets
import signal
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from loky import ProcessPoolExecutor

from supreme.sweep.devices.slots import Slot
from supreme.sweep.executors.local.worker import MARK, execute, initialise
from supreme.sweep.schedule.executor import Reply


class SlotProcess:
    """The warm process of a slot, pinned to its device from its birth; begun when needed, and again after a death.

    One executor for each slot, so that a death is the fate of one task; one process in each, whose environment loky
    also gives to the one that it starts in place of a process that has grown.
    """

    def __init__(self, slot: Slot) -> None:
        self._slot = slot
        self._executor: ProcessPoolExecutor | None = None
        self.warm = False
        """Whether this process has done a task, so that what tasks import is there."""
        self._experienced: set[int] = set()

    def submit(
        self, payload: bytes, log: Path, header: str, end: float | None, may_leave: bool = False
    ) -> Future[Reply]:
        """Start a task; see `worker.execute`.

        Raises:
            BrokenProcessPool: the process has died, and is to be killed before there is another.
        """
        if self._executor is None:
            self._executor = ProcessPoolExecutor(
                1, timeout=None, env=self._environment(), initializer=initialise, initargs=(os.getpid(),)
            )
        # A process that is starting must not answer Ctrl-C with a traceback: it inherits the blocked signal. The
        # tracker would unblock it here, were it not running yet.
        multiprocessing.resource_tracker.ensure_running()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return self._executor.submit(execute, payload, log, header, end, may_leave)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _environment(self) -> dict[str, str]:
        return {**self._slot.environment, MARK: secrets.token_hex(8)}

    @property
    def replaced(self) -> bool:
        """Whether loky has put a new process, which has done no task yet, in the place of one that had grown."""
        return bool(self._experienced) and not self._experienced & set(self.pids())

    def settle(self) -> None:
        """Note that a task is done here; its process may be gone already, and those before it are never seen again."""
        self.warm = True
        self._experienced |= set(self.pids())

    def pids(self) -> list[int]:
        """The id of the process, in a list that is empty while there is none."""
        return [] if self._executor is None else list(self._executor._processes or ())

    def kill(self) -> None:
        """End the process and all that it started, now; the next task gets a new one."""
        if self._executor is not None:
            self._executor.shutdown(wait=True, kill_workers=True)
            self._executor, self.warm, self._experienced = None, False, set()


def death(error: BaseException) -> str:
    """What ended a process, from loky's account of it."""
    if not isinstance(error, BrokenProcessPool):
        return f"{type(error).__name__}: {error}"
    found = re.search(r"exit codes of the workers are \{(.+)\}", str(error))
    code = found[1] if found else "no exit code"
    hint = ", perhaps for want of memory" if "SIGKILL" in code else ""
    return f"its process died: {code}{hint}"
