"""What all tests share: their own slot locks, and real runs of the command line."""

from __future__ import annotations

import gc
import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import IO, Any

import pytest
import warm
from results import save_row

TESTS = Path(__file__).parent

for name in ("OMP", "MKL", "OPENBLAS"):  # before torch: threads of several test processes only spin
    os.environ.setdefault(f"{name}_NUM_THREADS", "1")

Run = Callable[..., subprocess.CompletedProcess[str]]


def pytest_configure(config: pytest.Config) -> None:
    """A job in a shell's background ignores Ctrl-C, and one under nohup SIGHUP; but tests send them."""
    if offered := getattr(config, "workerinput", {}).get("warm"):
        warm.accept(*offered)
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, usual)


@pytest.hookimpl(tryfirst=True)
def pytest_collection() -> None:
    """Thousands of tests and the modules that they import stay: to look for garbage among them takes seconds."""
    gc.disable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if second_chance.__name__ in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="session")
def second_chance() -> None:
    """What a real cluster, browser or signal takes part in is tried again where it failed, and the summary tells of it.

    Fixtures that start such a thing ask for this one, and so does a test that sends a signal itself. It is for what
    the machine does to us, never for a race in the test or in the package: that is found, and waits for its event.
    """


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


_offer = cache(warm.offer)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """The processes of a run have what they start warm forked from one template: it imports for five seconds."""
    if sys.platform == "linux":
        node.workerinput["warm"] = _offer()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are cores: many tests wait for a process, a cluster or a clock."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return int(os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS", cores + 1))


@pytest.fixture(autouse=True, scope="session")
def _own_locks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests never wait for a sweep that somebody runs on this machine."""
    before = os.environ.get("SUPREME_LOCK_DIR")
    os.environ["SUPREME_LOCK_DIR"] = str(tmp_path_factory.mktemp("locks"))
    yield
    os.environ.pop("SUPREME_LOCK_DIR") if before is None else os.environ.update(SUPREME_LOCK_DIR=before)


def environment(**more: str) -> dict[str, str]:
    """Of a process that can import the tests' broken components, and what this process was told to import."""
    paths = [str(TESTS), str(TESTS / "leaving"), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "COLUMNS": "100", **more}


def command_line(
    *arguments: str, cwd: Path, timeout: float = 240, workers: int = 1, **more: str
) -> subprocess.CompletedProcess[str]:
    """`python -m supreme` with these arguments, started warm; a sweep on the CPU has this many workers at most."""
    variables = environment(**{"LOKY_MAX_CPU_COUNT": str(workers), **warm.HASHES, **more})
    return warm.run(arguments, cwd, variables, timeout)


def start_command_line(
    *arguments: str,
    cwd: Path,
    code: str = "",
    stdout: IO[str] | None = None,
    stderr: IO[str] | None = None,
    **more: str,
) -> warm.Started | subprocess.Popen[str]:
    """The same, to be sent signals while it runs; on all cores. With code, `python -c` runs that instead."""
    return warm.start(arguments, cwd, environment(**{**warm.HASHES, **more}), code, stdout, stderr)


@pytest.fixture
def supreme(tmp_path: Path) -> Run:
    """`supreme("-m", "seed=0,1")`: the real command line, in an empty folder; see `command_line`."""
    return partial(command_line, cwd=tmp_path)


@pytest.fixture
def saved(tmp_path: Path) -> Callable[..., Path]:
    """Save rows as files, each of its own cell; the output directory, a new one for each call."""
    calls = itertools.count()

    def save(*rows: dict[str, Any]) -> Path:
        assert len({content["cell"] for content in rows}) == len(rows), "one would take another's place"
        directory = tmp_path / f"saved{next(calls)}"
        directory.mkdir()
        for content in rows:
            save_row(directory, content)
        return directory

    return save
