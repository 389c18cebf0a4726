"""The page of an output directory as it is now, made again when rows have changed, but never most of the time."""

from __future__ import annotations

import base64
import hashlib
import html as markup
import json
import os
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path

from supreme.core import SupremeError

SHARE = 0.2
"""Of one core, at most, that making the page takes from the sweep."""

_FOLDERS = ("rows", "failures", "audits")
_WEB = Path(__file__).parents[1] / "page" / "web"


class LivePage:
    """The page of one output directory.

    Args:
        directory: which may not be there yet.
        make: gives the page of its rows, with a script that is to run before its own ones; raises SupremeError where
            there is no row yet.
        clock: seconds, for tests.
    """

    def __init__(
        self, directory: Path, make: Callable[[str], str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._directory, self._make, self._clock = directory, make, clock
        self._lock = threading.Lock()
        self._version, self._text = "", ""
        self._not_before = 0.0

    def __call__(self, seen: str) -> str | None:
        """The page; None where it is the one of the version that was seen, or another one is still being made."""
        if not seen:
            with self._lock:
                return self._made(may_wait=False)
        if not self._lock.acquire(blocking=False):
            return None
        try:
            text = self._made(may_wait=True)
            return None if seen == self._version else text
        finally:
            self._lock.release()

    def _made(self, *, may_wait: bool) -> str:
        version = version_of(self._directory)
        if version != self._version and not (may_wait and self._text and self._clock() < self._not_before):
            start = self._clock()
            script = (_WEB / "live.js").read_text(encoding="utf-8").replace('"VERSION"', json.dumps(version))
            self._text = self._page(script)
            self._version, end = version, self._clock()
            self._not_before = end + (end - start) * (1 / SHARE - 1)
        return self._text

    def _page(self, script: str) -> str:
        try:
            return self._make(script)
        except SupremeError:  # rows may have come or gone while they were read
            try:
                return self._make(script)
            except SupremeError as error:
                return waiting(self._directory, str(error), script)


def version_of(directory: Path) -> str:
    """What tells two states of a directory's results apart: names, sizes and times of their files."""
    found = hashlib.sha256()
    for folder in _FOLDERS:
        try:
            with os.scandir(directory / folder) as entries:
                for entry in sorted(entries, key=lambda one: one.name):
                    if entry.name.endswith(".json"):
                        state = entry.stat()
                        found.update(f"{folder}/{entry.name} {state.st_size} {state.st_mtime_ns}\n".encode())
        except OSError:  # not there yet, or a row was set aside just now
            found.update(f"{folder} cannot be read\n".encode())
    return found.hexdigest()[:16]


def waiting(directory: Path, why: str, script: str) -> str:
    """The page of a directory without rows, which waits for them as the other one does for changes."""
    script = f"(() => {{\n'use strict';\n{script}\n}})();\n"
    fills = {
        "name": markup.escape(directory.resolve().name),
        "why": markup.escape(why),
        "script": script,
        "allowed": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),  # and no other script may run
    }
    template = (_WEB / "waiting.html").read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda found: fills[found[1]], template)
