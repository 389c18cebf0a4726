"""The one place that prints: no terminal, encoding, reader or text makes it fail."""

from __future__ import annotations

import errno
import io
import logging
import os
import re
import sys
from pathlib import Path

import pytest
from rich.console import Group
from rich.table import Table
from rich.text import Text

from supreme.core import output
from supreme.core.console import PlainConsole, console
from supreme.core.output import STDOUT, LogHandler, Stream, data, err, out, wrapped


@pytest.fixture(autouse=True)
def nothing_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "_lost", {})


PACKAGE = Path(__file__).parents[2] / "supreme"


class Refusing(io.StringIO):
    """A stream that cannot be written, as where a disk is full."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def write(self, text: str) -> int:
        raise self._error


def in_encoding(encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True)


def written(stream: io.TextIOWrapper) -> bytes:
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue()


@pytest.mark.parametrize(
    ("encoding", "shown"), [("ascii", b"90 +- 2 - e"), ("latin-1", "90 ± 2 · é".encode("latin-1"))]
)
def test_a_terminal_that_is_not_utf_8_gets_what_it_can_show(
    encoding: str, shown: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", stdout := in_encoding(encoding))
    monkeypatch.setattr(sys, "stderr", stderr := in_encoding(encoding))
    out("90 ± 2 · é\x1b[2J")
    console().print("90 ± 2 · é\x1b[2J", end="")
    err("90 ± 2 · é\x1b[2J")
    assert written(stdout) == 2 * (shown + rb"\x1b[2J")
    assert written(stderr) == shown + rb"\x1b[2J"


def test_a_program_gets_utf_8_whatever_the_terminal_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", stdout := in_encoding("ascii"))
    data("é ± \x1b\n")
    data(b"PAR1\x00")
    assert written(stdout) == "é ± \x1b\n".encode() + b"PAR1\x00"


@pytest.mark.parametrize("error", [BrokenPipeError(), OSError(errno.ENOSPC, "full"), OSError(errno.EIO, "gone")])
def test_what_cannot_be_written_any_more_is_dropped_and_remembered(
    error: OSError, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = Stream("stdout")
    monkeypatch.setattr(sys, "stdout", Refusing(error))
    assert stream.write("x") == 1
    stream.flush()
    assert stream.lost is error


@pytest.mark.parametrize("how", ["none", "closed"])
def test_a_stream_that_is_not_there_takes_everything(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stdout", None if how == "none" else closed)
    out("x")
    data(b"x")
    console().print(Text("x"))
    assert not STDOUT.isatty()


def test_a_pipe_whose_reader_has_gone_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    stream = Stream("stdout")
    with os.fdopen(writer, "w") as file:
        monkeypatch.setattr(sys, "stdout", file)
        stream.write("x")
        stream.flush()
        file.write("more")  # of somebody else
        file.flush()
    assert isinstance(stream.lost, BrokenPipeError)


def test_what_rich_draws_is_text_with_no_markup_and_nothing_that_a_terminal_obeys() -> None:
    shown = io.StringIO()
    table = Table("[red]head[/red]")
    table.add_row("\x1b]52;c;aGk=\x07:smile:")
    own = PlainConsole(file=shown, width=60, force_terminal=True, color_system="truecolor")
    own.print(table, Text("\u202efile", style="red"), "[link=http://x]y[/link] \x9b2J")
    text = shown.getvalue()
    assert "[red]head[/red]" in text
    assert r"\x1b]52;c;aGk=" in text
    assert r"\u202efile" in text
    assert r"[link=http://x]y[/link] \x9b2J" in text
    assert "\x1b[31m" in text, "its own colours stay"
    assert not {"\x9b", "\x07", "\u202e"} & set(text)
    assert "\x1b]" not in text


def test_a_cut_line_is_no_longer_in_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", stdout := in_encoding("ascii"))
    console(width=20).print(Group(Text("x" * 30, no_wrap=True, overflow="ellipsis")))
    assert written(stdout) == b"x" * 17 + b"...\n"


def test_a_line_is_parted_between_words_only() -> None:
    path = "/very/long/" + "folder/" * 20
    lines = wrapped(f"  the cell of this sweep failed for want of memory; log: {path}", 40).split("\n")
    assert all(len(line) < 40 for line in lines if path not in line)
    assert lines[0].startswith("  the cell")
    assert lines[-1].strip() == path


def test_a_log_line_has_the_time_on_a_terminal_only(capsys: pytest.CaptureFixture[str]) -> None:
    LogHandler().emit(logging.LogRecord("supreme", logging.INFO, "", 0, "planned \x1b[2J", (), None))
    assert capsys.readouterr().err == "planned \\x1b[2J\n"


PRINT_THEMSELVES = {
    "core/output.py": "it is the place",
    "core/console.py": "for what rich draws",
    "command_line/first_line.py": "before anything is imported",
    "cli.py": "when it is stopped, perhaps while it imports",
    "sweep/executors/local/worker.py": "into the log of its task",
    "testing/executor_tasks.py": "into the log of its task",
    "data/files.py": "the bar of a decoder, whose definition is in the keys of data",
    "report/tables/terminal.py": "measures and renders, prints nothing",
    "report/leaderboard/written.py": "measures and renders, prints nothing",
    "sweep/devices/visible.py": "in a process of its own, which this one reads",
    "api/result.py": "renders for a notebook, prints nothing",
}


PRINTS = re.compile(
    r"^(?!\s*>>>).*?(?<![\w.`])(?:print\(|Console\(|sys\.std(?:out|err)\.(?:write|buffer))", re.MULTILINE
)


def test_nothing_else_prints() -> None:
    texts = {str(path.relative_to(PACKAGE)): path.read_text() for path in PACKAGE.rglob("*.py")}
    assert {name for name, text in texts.items() if PRINTS.search(text)} <= PRINT_THEMSELVES.keys()
