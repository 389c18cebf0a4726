"""A device slot at work: the lock that keeps other sweeps away, and the one warm process inside."""

from __future__ import annotations

import getpass
import multiprocessing.resource_tracker
import os
import re
import secrets
import shlex
import signal
import sys
import tempfile
import time
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout
from loky import ProcessPoolExecutor

from supreme.core import SupremeError
from supreme.sweep.executors.local.devices import Slot
from supreme.sweep.executors.local.worker import MARK, Reply, execute, initialise
from supreme.sweep.schedule.tasks import Task

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


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A task in a slot."""

    task: Task
    payload: bytes
    """What was sent of it."""
    future: Future[Reply]
    started: float
    """By the monotonic clock, seconds."""
    end: float | None
    """When it will be stopped, by the same clock."""
    warm: bool
    """Whether its process had done a task before."""
    log_bytes: int
    """How long the task's log was before."""
    extended: bool = False
    """Whether that was put off because its process turned out to be a new one."""

    @property
    def missed(self) -> bool:
        """Whether its process died idle, after others had gone well there: a task begins with a line in its log."""
        died = isinstance(self.future.exception(), BrokenProcessPool)
        return died and self.warm and self.task.log_bytes() == self.log_bytes

    def reply(self) -> Reply:
        """What became of it, once the future is done."""
        if exception := self.future.exception():
            reply = Reply(error=death(exception), spent=True)
            self.task.note(reply.error)
            return reply
        return self.future.result()


def death(error: BaseException) -> str:
    """What ended a process, from loky's account of it."""
    if not isinstance(error, BrokenProcessPool):
        return f"{type(error).__name__}: {error}"
    found = re.search(r"exit codes of the workers are \{(.+)\}", str(error))
    code = found[1] if found else "no exit code"
    hint = ", perhaps for want of memory" if "SIGKILL" in code else ""
    return f"its process died: {code}{hint}"


class Place:
    """A slot, a sweep's hold on it, and what the sweep runs there."""

    def __init__(self, slot: Slot, directory: Path) -> None:
        self.slot = slot
        self.lock = SlotLock(slot, directory)
        self.process = SlotProcess(slot)
        self.held = False
        self.attempt: Attempt | None = None
        self.warm: tuple[str, ...] = ()
        """What its process has at hand: the affinity of what ran last."""

    @property
    def idle(self) -> bool:
        return self.held and self.attempt is None

    def take(self) -> bool:
        """Hold the slot if no other sweep does."""
        self.held = self.lock.acquire()
        return self.held

    def leave(self) -> None:
        """End what runs, then let other sweeps have the slot."""
        self.process.kill()
        if self.held:
            self.lock.release()
        self.held, self.attempt, self.warm = False, None, ()
