"""What `check_executor` has processes do; they import it by name."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

from supreme.pipeline.process_state import Touched


def mark(folder: Path, name: str) -> int:
    """Note one more call under this name; returns how many there were."""
    with (folder / name).open("a") as file:
        file.write("x")
        return file.tell()


def marks(folder: Path, name: str) -> int:
    """How many calls were noted under this name."""
    path = folder / name
    return path.stat().st_size if path.exists() else 0


def work(folder: Path, name: str, needs: tuple[str, ...] = ()) -> dict[str, Any]:
    """Note the call and when it was; says which of the calls it needs had not been noted."""
    began = time.time()
    missing = [need for need in needs if not marks(folder, need)]
    time.sleep(0.05)
    mark(folder, name)
    return {"missing": missing, "began": began, "ended": time.time()}


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def raise_error(folder: Path) -> NoReturn:
    mark(folder, "raises")
    raise ValueError("no such thing")


def exit_with(folder: Path, code: int) -> NoReturn:
    mark(folder, "exits")
    sys.exit(code)


def die(folder: Path, name: str, times: int) -> None:
    """End this process by a signal, the first so many times."""
    if mark(folder, name) <= times:
        os.kill(os.getpid(), signal.SIGKILL)


def touch_once(folder: Path) -> int:
    """Say, the first time, that something was left in this process; returns the process's id."""
    if mark(folder, "touches") == 1:
        (folder / "touched.pid").write_text(str(os.getpid()))
        raise Touched("it left something behind")
    return os.getpid()


def hang(folder: Path, name: str) -> NoReturn:
    """Never end, nor let a child process end; both leave their ids."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
    for pid in (os.getpid(), child.pid):
        (folder / f"{name}-{pid}.pid").touch()
    while True:
        time.sleep(1.0)


def hang_once(folder: Path, name: str) -> None:
    """Note the call, then go on when the file `gate` is there."""
    mark(folder, name)
    (folder / f"{name}-{os.getpid()}.pid").touch()
    while not (folder / "gate").exists():
        time.sleep(0.05)
    mark(folder, f"{name} ended")


def unpicklable() -> Any:
    return lambda: None
