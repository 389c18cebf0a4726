"""The one place where this project prints: whatever the terminal, the encoding and the text, printing never fails.

`out` and `err` write text, `data` what a program reads. `console` in `supreme.core.console` is for what rich draws.
"""

from __future__ import annotations

import io
import logging
import os
import sys
import textwrap
import time
from contextlib import suppress
from typing import Any, Literal

from supreme.core.text import encodable, printable, readable

HOLDS_NO_ARITHMETIC = True  # so that no result depends on it: see supreme.store.fingerprint

WIDTH = 100
"""Of what goes to a file or a pipe, in characters, unless COLUMNS says otherwise."""


class Stream(io.TextIOBase):
    """Standard output or standard error, as it is at the moment of writing.

    What its encoding lacks is replaced by something readable. When it cannot be written any more, because its reader
    has gone, its disk is full or its terminal was closed, what comes later is dropped and `lost` says why.
    """

    def __init__(self, name: Literal["stdout", "stderr"], *, below_live: bool = False) -> None:
        """`below_live`: beside a live display that has taken the stream's place, for the display itself."""
        self._name = name
        self._below_live = below_live

    @property
    def lost(self) -> OSError | None:
        """Why what was written did not get there; None where all did."""
        return _lost.get(self._name)

    @property
    def file(self) -> Any:
        """The stream now; None where there is none."""
        file = getattr(sys, self._name)
        return getattr(file, "rich_proxied_file", file) if self._below_live else file

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return getattr(self.file, "encoding", None) or "utf-8"

    def isatty(self) -> bool:
        with suppress(ValueError, AttributeError):  # it is closed, or there is none
            return bool(self.file.isatty())
        return False

    def fileno(self) -> int:
        if self.file is None:
            raise OSError(f"there is no {self._name}")
        return self.file.fileno()

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        """Text that holds nothing a terminal should not obey; others go through `out` and `err`."""
        try:
            if self.file is not None:
                self.file.write(encodable(text, self.encoding))
        except (OSError, ValueError) as error:
            self.give_up(error)
        return len(text)

    def write_bytes(self, content: bytes) -> None:
        """As they are, where the stream takes bytes; else as the UTF-8 text that they are."""
        try:
            buffer = getattr(self.file, "buffer", None)
            if buffer is None:
                self.write(content.decode())
                return
            self.file.flush()
            buffer.write(content)
        except (OSError, ValueError) as error:
            self.give_up(error)

    def flush(self) -> None:
        try:
            if self.file is not None:
                self.file.flush()
        except (OSError, ValueError) as error:
            self.give_up(error)

    def give_up(self, error: OSError | ValueError) -> None:
        """Let everything that is still to be written, by whomever, go nowhere."""
        _lost[self._name] = error if isinstance(error, OSError) else OSError(str(error))
        with suppress(OSError, ValueError, AttributeError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self.file.fileno())
            os.close(null)


_lost: dict[str, OSError] = {}

STDOUT, STDERR = Stream("stdout"), Stream("stderr")


def out(text: str, *, wrap: bool = False) -> None:
    """Write text, with its line end, to standard output.

    Args:
        wrap: whether a line that is longer than a terminal is wide goes over several, parted between words.
    """
    _write(STDOUT, text, wrap)


def err(text: str) -> None:
    """Write text, with its line end, to standard error, wrapped as `out` does it."""
    _write(STDERR, text, wrap=True)


def _write(stream: Stream, text: str, wrap: bool) -> None:
    text = printable(text)
    if wrap and stream.isatty():
        text = "\n".join(wrapped(line, terminal_width()) for line in text.split("\n"))
    stream.write(text)
    stream.flush()


class LogHandler(logging.Handler):
    """Our own messages on standard error: plain lines in a file or pipe, with the time on a terminal."""

    def emit(self, record: logging.LogRecord) -> None:
        begin = time.strftime("%H:%M:%S ") if STDERR.isatty() else ""
        err(f"{begin}{self.format(record)}\n")


def data(content: str | bytes) -> None:
    """Write what a program is to read to standard output: exactly, in UTF-8, unless it is shown on a terminal."""
    if isinstance(content, str) and STDOUT.isatty():
        out(content)
        return
    STDOUT.write_bytes(content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content)
    STDOUT.flush()


def wrapped(line: str, width: int, indent: int = 2) -> str:
    """The line over as many as it takes, the later ones indented so much more than the first.

    No word is parted, so that paths can be copied.
    """
    if len(line) < width:
        return line
    return textwrap.fill(
        line,
        max(20, width - 1),
        subsequent_indent=" " * (indent + len(line) - len(line.lstrip())),
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
    )


def terminal_width() -> int:
    """Columns of the terminal that standard error or standard output is; what COLUMNS says goes first."""
    if (told := os.environ.get("COLUMNS", "")).isdecimal() and int(told) > 0:
        return int(told)
    for stream in (STDERR, STDOUT):
        with suppress(OSError, ValueError):
            if columns := os.get_terminal_size(stream.fileno()).columns:
                return columns
    return 80


def prepare() -> None:
    """At the start of a command: what others print here cannot fail either, and no file gets the number of a stream."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:  # else a file of the store would be standard output
        pass
    os.close(number)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            with suppress(ValueError, OSError):
                stream.reconfigure(errors=readable())
