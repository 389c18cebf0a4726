"""Logs of any length: only their ends are read."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from supreme.core.long_files import beginning_of, end_of, ends_of, last_line
from supreme.report.page.embedded import LOG_BYTES, failures, logs_of
from supreme.sweep.display.summary import left_no_row
from supreme.sweep.schedule.tasks import Task

KEY = "0123456789abcdef"
HEADER = f"2026-01-01 10:00:00 floods digits seed=0: attempt {{}} on cpu:0 (cpu), key {KEY}\n"


@contextmanager
def at_most(megabytes: float) -> Iterator[None]:
    """Fails where more than this much memory is taken at once."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < megabytes * 1e6


@pytest.fixture
def flooded(tmp_path: Path) -> Path:
    """A log with 3 GB of nothing in its middle, of which the disk has nothing."""
    log = tmp_path / "logs" / f"{KEY}.log"
    log.parent.mkdir()
    log.write_text(HEADER.format(1) + "the beginning\n")
    os.truncate(log, 3_000_000_000)
    with log.open("a") as file:
        file.write("\nValueError: " + "x" * 100_000 + "\nfailed: ValueError: \x1b[2Jthe end\n")
    return log


def test_a_log_of_three_gigabytes_costs_the_reports_and_the_terminal_less_than_a_megabyte(flooded: Path) -> None:
    directory = flooded.parents[1]
    with at_most(megabytes=1):
        text = logs_of(directory, [KEY])[KEY]
        (failed,) = failures(directory, [])
        task = Task(key=KEY, label="", function=print, arguments=(), needs=(), log=flooded, kind="cell")
        assert left_no_row(task).error == "ValueError: \\x1b[2Jthe end" or left_no_row(task).error.endswith("the end")
    assert failed == {"label": "floods digits seed=0", "why": r"ValueError: \x1b[2Jthe end", "log": flooded.name}
    assert text.startswith(HEADER.format(1) + "the beginning\n")
    assert f"bytes left out here; all of it is in logs/{flooded.name}" in text
    assert text.endswith("the end\n")
    assert len(text) < LOG_BYTES + 200


def test_a_short_file_is_read_whole_and_a_cut_through_a_character_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_text("é" * 100)
    assert ends_of(path, 200, "x") == beginning_of(path) == end_of(path) == last_line(path) == "é" * 100
    head, note, tail = ends_of(path, 101, "x").split("\n")
    assert (head.rstrip("\ufffd"), tail.lstrip("\ufffd")) == ("é" * 12, "é" * 38)
    assert note == "[... 99 bytes left out here; all of it is in x ...]"


def test_the_last_line_of_nothing_is_empty(tmp_path: Path) -> None:
    assert last_line(tmp_path / "missing.log") == ""
    (tmp_path / "empty.log").write_text("\n \n")
    assert last_line(tmp_path / "empty.log") == ""
