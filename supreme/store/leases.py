"""Leases keep two workers, perhaps on two machines, from doing the same work; a dead worker's claim expires.

A claim is a small file that says who holds it. There are no locks of the operating system in it, because network file
systems keep them badly. At worst (a worker that was suspended for minutes and wakes up) work is done twice: what is
computed is published by one atomic rename, so a claim only ever saves time.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from supreme.core.canonical import Damaged, parse
from supreme.store.files import Process, explaining, temporary_name

HOLDS_NO_ARITHMETIC = True  # so that no result depends on it: see supreme.store.fingerprint

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Holder:
    """Who holds a claim, as it looks from here at one glance."""

    name: str
    """Of the claim."""
    process: Process | None
    """None where the claim does not say."""
    silent_seconds: float
    """Since it last showed that it lives, if the clocks agree."""
    dead: bool


@dataclass(frozen=True, kw_only=True)
class Leases:
    """The claims of one store."""

    folder: Path
    temporary: Path
    """A folder of the same file system."""
    heartbeat_seconds: float
    """The holder shows at this interval that it lives."""
    silence_seconds: float
    """A holder whose process cannot be seen from here (it is on another machine) is dead after this long a silence."""

    @contextmanager
    def attempt(self, name: str) -> Iterator[bool]:
        """Hold this claim inside, unless another worker has it: yields whether it is ours."""
        path = self._path(name)
        content = json.dumps({**asdict(Process.current()), "token": secrets.token_hex(16)}).encode()
        descriptor = _create(path, content)
        if descriptor is None:
            yield False
            return
        stop = threading.Event()
        heart = threading.Thread(target=_beat, args=(descriptor, path, self.heartbeat_seconds, stop), daemon=True)
        heart.start()
        try:
            yield True
        finally:
            stop.set()
            heart.join()
            os.close(descriptor)
            with suppress(FileNotFoundError):
                if path.read_bytes() == content:
                    path.unlink()

    def holders(self) -> list[Holder]:
        """Of every claim there is; one whose process cannot be seen is dead after five times the silence."""
        found = []
        for path in sorted(self.folder.glob("*.json")):
            with suppress(FileNotFoundError):
                content, touched = _look(path)
                process = owner_in(content)
                gone = None if process is None else process.gone()
                silent = max(0.0, time.time() - touched / 1e9)
                dead = silent > 5 * self.silence_seconds if gone is None else gone
                found.append(Holder(name=path.stem, process=process, silent_seconds=silent, dead=dead))
        return found

    def clear_dead(self, prefix: str) -> None:
        """Remove the claims of the dead whose names, `<prefix>-...`, nobody ever takes again."""
        for holder in self.holders():
            if holder.dead and holder.name.startswith(f"{prefix}-"):
                self._path(holder.name).unlink(missing_ok=True)

    def clear_ended(self) -> None:
        """Remove the claims of processes that are known to have ended, for which nobody may ever wait."""
        for path in list(self.folder.glob("*.json")):
            self.waiter(path.stem).is_over()

    def waiter(self, name: str) -> Waiter:
        return Waiter(self, name)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.json"


def _create(path: Path, content: bytes) -> int | None:
    """The open new file with this content, or None where there is one already."""
    with explaining(path, len(content)):
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        except FileExistsError:
            return None
        try:
            with open(descriptor, "wb", closefd=False) as file:
                file.write(content)
        except BaseException:
            os.close(descriptor)
            path.unlink(missing_ok=True)
            raise
        return descriptor


def _beat(descriptor: int, path: Path, seconds: float, stop: threading.Event) -> None:
    """Touch the open file, not the name: the name may have become another worker's claim."""
    while not stop.wait(seconds):
        try:
            os.utime(descriptor)
        except OSError as error:
            log.warning("cannot show on %s that this worker lives (%s)", path, error.strerror)


class Waiter:
    """One worker that waits for the holder of a claim, and for whether the holder still lives."""

    def __init__(self, claims: Leases, name: str) -> None:
        self._claims = claims
        self._takeover = f"{name}.takeover"
        self._claim = _Watch(claims._path(name), claims.silence_seconds)
        self._other_takeover = _Watch(claims._path(self._takeover), claims.silence_seconds)
        self._seconds = 0.05

    def pause(self) -> None:
        """Wait a little, longer each time; or, when the holder is dead, clear its claim away and return at once."""
        if not self._claim.expired(tell=True):
            time.sleep(self._seconds)
            self._seconds = min(1.5 * self._seconds, 1.0)
        elif not self._clear():
            time.sleep(0.05)

    def is_over(self) -> bool:
        """Whether nobody holds the claim any more; clears it away when its holder is dead, and never waits."""
        if self._claim.expired():
            self._clear()
        return not self._claim.is_there()

    def _clear(self) -> bool:
        """Clear a dead holder's claim away, unless another waiter is at it: returns whether it was for us to do."""
        # One waiter at a time: else one that has judged a claim dead could clear away the next holder's.
        with self._claims.attempt(self._takeover) as alone:
            if alone and self._claim.expired():
                self._claim.clear(self._claims.temporary)
        if not alone and self._other_takeover.expired():
            self._other_takeover.clear(self._claims.temporary)
        return alone


class _Watch:
    """What one worker has seen of a claim that it does not hold."""

    def __init__(self, path: Path, silence_seconds: float) -> None:
        self._path = path
        self._silence_seconds = silence_seconds
        self._seen: tuple[bytes, int] | None = None
        self._since = 0.0
        self._told: Process | None = None

    def is_there(self) -> bool:
        return self._path.exists()

    def expired(self, tell: bool = False) -> bool:
        """Whether the holder is dead: its process has ended or, where that cannot be seen, its heart has stopped.

        With `tell` the log says, once, for which living process this one waits.

        Times are this worker's own, by its monotonic clock, so clocks that jump or disagree do no harm.
        """
        try:
            seen = _look(self._path)
        except FileNotFoundError:
            self._seen = None
            return False
        owner = owner_in(seen[0])
        if seen != self._seen:
            self._seen, self._since = seen, time.monotonic()
        gone = None if owner is None else owner.gone()
        if gone is None:
            gone = time.monotonic() - self._since >= self._silence_seconds
        if tell and not gone and owner is not None and owner != self._told:
            log.info("waiting for process %d on %s, which holds %s", owner.pid, owner.host, self._path.stem)
            self._told = owner
        return gone

    def clear(self, temporary: Path) -> None:
        """Remove the claim last seen; one that took its place meanwhile is put back."""
        aside = temporary / temporary_name()
        with explaining(self._path, 0), suppress(FileNotFoundError):
            os.rename(self._path, aside)
            if _look(aside) == self._seen:
                log.warning("the worker that held %s is dead: taking over", self._path.stem)
            else:
                with suppress(FileExistsError):
                    os.link(aside, self._path)
            aside.unlink()


def _look(path: Path) -> tuple[bytes, int]:
    return path.read_bytes(), path.stat().st_mtime_ns


def owner_in(content: bytes) -> Process | None:
    """Who holds the claim; None when the file does not say (its writer died, or is not done with it)."""
    try:
        return Process.from_json(parse(content))
    except Damaged:
        return None
