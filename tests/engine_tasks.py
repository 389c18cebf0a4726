"""What the engine's tests let processes do. A module of its own: processes import it by name."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
import types
from pathlib import Path
from typing import Any, NoReturn

from supreme.sweep.executors.local.lock_file import LockFile

HOARD: list[bytes] = []


def mark(folder: Path, name: str) -> None:
    """One more byte in this file: how often something was tried."""
    with (folder / name).open("a") as file:
        file.write("x")


def where(folder: Path | None = None, seconds: float = 0.0) -> dict[str, Any]:
    """Where and when this ran; with a folder, its process id is left there."""
    began = time.time()
    if folder is not None:
        (folder / f"{os.getpid()}.pid").touch()
    time.sleep(seconds)
    return {
        "pid": os.getpid(),
        "visible": os.environ["CUDA_VISIBLE_DEVICES"],
        "threads": os.environ["OMP_NUM_THREADS"],
        "began": began,
        "ended": time.time(),
    }


def say() -> None:
    print("printed")
    os.system("echo from C")
    logging.getLogger("supreme.test").info("logged")


def raise_error(folder: Path) -> NoReturn:
    mark(folder, "raise")
    raise ValueError("no such thing\nand a second line")


class UnreadableError(Exception):
    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


def raise_unpicklable() -> NoReturn:
    raise UnreadableError(1, 2)


def exit_with(code: int) -> NoReturn:
    sys.exit(code)


def exit_at_once(folder: Path) -> NoReturn:
    mark(folder, "os_exit")
    print("last words")
    os._exit(0)


def kill_self(folder: Path) -> None:
    mark(folder, "kill")
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


def kill_self_once(folder: Path) -> int:
    mark(folder, "kill_once")
    if (folder / "kill_once").stat().st_size == 1:
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)
    return os.getpid()


def segfault(folder: Path) -> None:
    mark(folder, "segfault")
    ctypes.string_at(0)


def return_unpicklable() -> Any:
    return lambda: None


def hang(folder: Path) -> None:
    mark(folder, "hang")
    time.sleep(600)


def out_of_memory(folder: Path) -> NoReturn:
    mark(folder, "memory")
    raise MemoryError("too much")


def cuda_error_once(folder: Path) -> int:
    """A process whose CUDA context is poisoned, as torch tells it; hidden behind the error it led to."""
    mark(folder, "cuda")
    if (folder / "cuda").stat().st_size == 1:
        (folder / "cuda_pid").write_text(str(os.getpid()))
        try:
            raise RuntimeError("CUDA error: device-side assert triggered")
        except RuntimeError:
            raise ValueError("could not save") from None
    return os.getpid()


def hoard(megabytes: int) -> int:
    HOARD.append(b"x" * (megabytes * 1_000_000))
    time.sleep(1.5)  # loky looks at most once a second
    return os.getpid()


def sleep_with_child(folder: Path) -> None:
    """Leave the ids of this process and of one that it starts, then sleep."""
    child = subprocess.Popen(["sleep", "600"])
    for pid in (os.getpid(), child.pid):
        (folder / f"{pid}.pid").touch()
    time.sleep(600)


def load_batches() -> int:
    from torch.utils.data import DataLoader

    return sum(int(batch.sum()) for batch in DataLoader(range(10), batch_size=2, num_workers=2))  # type: ignore[arg-type]


def wait_for_marks(folder: Path, name: str, count: int) -> None:
    """Until this file has so many marks; for no longer than a test may take, so that a failure is told."""
    end = time.monotonic() + 120.0
    while not ((folder / name).exists() and (folder / name).stat().st_size >= count) and time.monotonic() < end:
        time.sleep(0.05)


def meet(folder: Path, name: str, count: int) -> dict[str, Any]:
    """Where this ran, and when: until so many have met here."""
    began = time.time()
    mark(folder, name)
    wait_for_marks(folder, name, count)
    return {**where(), "began": began}


def share(folder: Path, seconds: float, after: tuple[str, int] | None = None) -> int:
    """The id of the process that made the one thing, which takes this long; whoever asks meanwhile waits for it.

    Args:
        after: it is not made before this file has so many marks.
    """
    from supreme.store.artefact import Contents
    from supreme.store.store import Store

    def create() -> Contents:
        mark(Path(folder), "made")
        if after is not None:
            wait_for_marks(Path(folder), *after)
        time.sleep(seconds)
        return Contents(record={"pid": os.getpid()})

    return Store(Path(folder) / "store").get_or_create("thing", "0" * 64, create)[0].record["pid"]


def work_then_share(folder: Path, seconds: float) -> int:
    """Work that is kept only at the end, and that asks late for what another worker has begun to make."""
    from supreme.store.artefact import Contents
    from supreme.store.store import Store

    def create() -> Contents:
        time.sleep(seconds)
        wait_for_marks(folder, "made", 1)
        return Contents(record={"pid": share(folder, 0.0)})

    return Store(folder / "store").get_or_create("long", "2" * 64, create)[0].record["pid"]


def keep_then_share(folder: Path, seconds: float) -> int:
    """Work whose result is kept, then ask for what another worker has begun to make."""
    from supreme.store.artefact import Contents
    from supreme.store.store import Store

    def create() -> Contents:
        mark(folder, "kept")
        time.sleep(seconds)
        wait_for_marks(folder, "made", 1)
        return Contents()

    Store(folder / "store").get_or_create("kept", "1" * 64, create)
    return share(folder, 0.0)


def kill_parent(folder: Path) -> None:
    """Take with it the process that started this one."""
    mark(folder, "kill_parent")
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)


def mark_after(folder: Path, name: str, seconds: float) -> None:
    mark(folder, f"{name}.begun")
    time.sleep(seconds)
    mark(folder, name)


def mark_when(folder: Path, name: str, gate: str) -> None:
    """Begin, and mark this file as soon as that of the gate is there."""
    mark(folder, f"{name}.begun")
    while not (folder / gate).exists():
        time.sleep(0.05)
    mark(folder, name)


def lose_device(folder: Path, entry: str, text: str) -> str:
    """On the device of this entry: let the driver lose it, and fail as torch would; elsewhere where it ran."""
    visible = os.environ["CUDA_VISIBLE_DEVICES"]
    if visible == entry:
        (folder / f"lost-{entry}").touch()
        raise RuntimeError(text)
    return visible


def find_device_full(folder: Path, entry: str) -> str:
    """On the device of this entry, the first time: somebody else fills it; elsewhere, and later, where it ran."""
    visible = os.environ["CUDA_VISIBLE_DEVICES"]
    if visible == entry and not (folder / "filled-once").exists():
        (folder / "filled-once").touch()
        (folder / f"full-{entry}").touch()
        raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB")
    return visible


def cuda_out_of_memory(folder: Path) -> NoReturn:
    mark(folder, "cuda_memory")
    raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB")


def take_memory(folder: Path, gigabytes: float, room: int, together: int) -> tuple[float, float, int]:
    """A task that has taken this much of a GPU that has room for so many: when it ran, and its process.

    The first, whose memory nobody knows, runs by itself; those that follow end when so many have run at once.
    """
    gpu = types.SimpleNamespace(
        is_initialized=lambda: True,
        memory_reserved=lambda: 0,
        max_memory_reserved=lambda: int(gigabytes * 1e9),
        empty_cache=lambda: None,
    )
    sys.modules["torch"] = types.SimpleNamespace(cuda=gpu)  # type: ignore[assignment]
    here = folder / f"running-{os.getpid()}"
    met, is_first = folder / "met", not (folder / "one").exists()
    (folder / "one").touch()
    try:
        with LockFile(folder / "room.lock"):  # of several that come at once only the last has no room
            here.touch()
            began, running = time.time(), len(list(folder.glob("running-*")))
            if running >= together:
                met.touch()
            if running > room:
                raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB")
        end = time.monotonic() + 20.0
        while not (is_first or met.exists()) and time.monotonic() < end:
            time.sleep(0.02)
        time.sleep(0.3)
        return began, time.time(), os.getpid()
    finally:
        here.unlink()


def raise_text(text: str) -> NoReturn:
    raise RuntimeError(text)


def be_ready() -> None:
    """Take longer than a task may, as imports do."""
    time.sleep(1.5)
    HOARD.append(b"ready")


def is_ready() -> bool:
    return b"ready" in HOARD
