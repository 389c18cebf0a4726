"""The beginning and the end of a file of any length, such as the log of a method that prints without end."""

from __future__ import annotations

import os
from pathlib import Path

from supreme.core.text import left_out

HOLDS_NO_ARITHMETIC = True  # so that no result depends on it: see supreme.store.fingerprint

LAST_BYTES = 64_000
"""Enough for the last thing that a process says, a traceback say."""


def ends_of(path: Path, most: int, where: str) -> str:
    """The file's text, or its first quarter of so many bytes and its last three, with a note of what is between.

    Only these are read. What is no UTF-8 is replaced.

    Args:
        where: all of it is, for the note.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        if size <= most:
            return _text(file.read(most))
        head = file.read(most // 4)
        tail_bytes = most - len(head)
        file.seek(size - tail_bytes)
        tail = file.read(tail_bytes)
    between = left_out(size - len(head) - len(tail), where, "bytes")
    return f"{_text(head)}\n{between}\n{_text(tail)}"


def last_line(path: Path) -> str:
    """The last line that says something; empty where there is no file, or none does."""
    try:
        lines = end_of(path).rstrip().splitlines()
    except OSError:
        return ""
    return lines[-1] if lines else ""


def beginning_of(path: Path, most: int = LAST_BYTES) -> str:
    """The first so many bytes of the file, as text."""
    with path.open("rb") as file:
        return _text(file.read(most))


def end_of(path: Path, most: int = LAST_BYTES) -> str:
    """The last so many bytes of the file, as text."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - most))
        return _text(file.read(most))


def _text(content: bytes) -> str:
    """Halves of characters at the cut, and what is no UTF-8, replaced."""
    return content.decode("utf-8", "replace")
