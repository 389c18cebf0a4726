"""What a worker does now, in a small file beside its log, for whoever watches the sweep. No torch here."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from supreme.core.canonical import Damaged, read_json
from supreme.core.typed import flaw
from supreme.store.files import Process

HOLDS_NO_ARITHMETIC = True  # so that no result depends on it: see supreme.store.fingerprint

log = logging.getLogger(__name__)

WRITE_SECONDS = 0.5
"""Between two writings of the file, at least."""

LOG_SECONDS = 5.0
"""Between two lines of progress in the log, at least: logs are quiet."""


@dataclass(frozen=True, kw_only=True)
class Doing:
    """What is done now, and how far it is."""

    stage: str
    """original, reference, unlearn, evaluate or audit."""
    what: str = ""
    """What `done` and `total` count: "epoch", say; empty when nothing is counted."""
    done: int = 0
    total: int = 0
    seconds: float = 0.0
    """What the `done` ones took."""


class Activity:
    """Tell it as in `activity(3, 10, "epoch")`; with a path, `with` removes the file at the end.

    A telling costs a look at the clock, but where half a second has passed since the last one that was written.
    """

    def __init__(self, path: Path | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._stage = ""
        self._began = self._written = self._logged = clock()
        self._process = asdict(Process.current()) if path else {}
        self._is_there = False

    def begin(self, stage: str) -> None:
        """What comes now is this stage."""
        self._stage = stage
        self._write(Doing(stage=stage))

    def __call__(self, done: int, total: int, what: str) -> None:
        """So many of so many are done, of what this counts."""
        now = self._clock()
        if done == 0:
            self._began = now
        if now - self._logged >= LOG_SECONDS:
            self._logged = now
            log.info("%s %d/%d", what, done, total)
        if now - self._written >= WRITE_SECONDS:
            self._write(Doing(stage=self._stage, what=what, done=done, total=total, seconds=now - self._began))

    def __enter__(self) -> Activity:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._path is not None and self._is_there:  # else it may be the file of another sweep's worker
            _remove(self._path)

    def _write(self, doing: Doing) -> None:
        self._written = self._clock()
        if self._path is not None:
            put(self._path, {**asdict(doing), "process": self._process})
            self._is_there = True


def beside(log_file: Path) -> Path:
    """The file of the worker that writes this log."""
    return log_file.with_suffix(".now")


def doing(log_file: Path) -> Doing | None:
    """What the worker that writes this log does now; None when nothing tells, or its process has ended."""
    found = _read(beside(log_file))
    return None if found is None or found[1].gone() else found[0]


def clear(log_file: Path) -> None:
    """Remove what a worker that has ended was not given the time to remove; what one that lives tells stays."""
    found = _read(beside(log_file))
    if found is not None and found[1].gone() is not False:
        _remove(beside(log_file))


def clear_all(logs: Path) -> None:
    """The same for all logs of a folder, but what cannot be judged from here stays."""
    for path in logs.glob("*.now"):
        if (found := _read(path)) is not None and found[1].gone():
            _remove(path)


def _read(path: Path) -> tuple[Doing, Process] | None:
    try:
        fields = read_json(path)
        if flaw(fields, Doing):
            return None
        doing = Doing(**{name: fields[name] for name in Doing.__dataclass_fields__})
        return doing, Process.from_json(fields.get("process"))
    except (OSError, Damaged):
        return None


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


def put(path: Path, value: Any) -> None:
    """Replace a JSON file whole. It tells of the work and is no part of it: what keeps it from there does no harm."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(value))
        temporary.replace(path)
    except OSError:  # a full disk, say
        _remove(temporary)
