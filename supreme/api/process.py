"""The process that a method runs in when it is somebody's notebook: settings put back, and how far the work is."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import nn

from supreme.core import SupremeError
from supreme.core.output import STDERR, terminal_width
from supreme.core.text import one_line
from supreme.pipeline.device import configure

QUIET_SECONDS = 1.0
"""Before this, and more often than every so many seconds, nothing is told."""
CUBLAS = "CUBLAS_WORKSPACE_CONFIG"


def device_of(model: nn.Module, asked: str | torch.device | None) -> str:
    """The device to compute on: the one that is asked for, or that of the network's weights.

    Raises:
        SupremeError: there is no such device.
    """
    if asked is None:
        return str(next((weight.device for weight in model.parameters()), "cpu"))
    try:
        torch.empty(0, device=asked)
    except (RuntimeError, AssertionError, NotImplementedError, TypeError) as error:
        line = str(error).splitlines()[0][:120]
        raise SupremeError(f"device={asked} is not allowed: {line}; give cpu, or leave it out") from None
    return str(torch.device(asked))


@contextmanager
def as_it_was(
    device: str = "cpu", precision: str = "fp32", deterministic: bool | None = None, threads: int | None = None
) -> Iterator[None]:
    """Put torch's settings back at the end; inside, gradients are on, and the settings are those of a stage.

    Args:
        deterministic: None: no setting is changed.
        threads: None: as many as there are.
    """
    if threads is not None and (isinstance(threads, bool) or not isinstance(threads, int) or threads < 1):
        raise SupremeError(f"threads={threads!r} is not allowed: give a whole number from 1")
    matmul, cudnn, fill = torch.backends.cuda.matmul, torch.backends.cudnn, torch.utils.deterministic
    before = matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark, fill.fill_uninitialized_memory  # type: ignore[attr-defined]
    mode, count, workspace = torch.get_deterministic_debug_mode(), torch.get_num_threads(), os.environ.get(CUBLAS)
    try:
        if deterministic is not None:
            configure(torch.device(device).type, precision, deterministic, threads or count)
            os.environ.setdefault(CUBLAS, ":4096:8")  # deterministic matrix products
        with torch.inference_mode(False), torch.enable_grad():
            yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark, fill.fill_uninitialized_memory = before  # type: ignore[attr-defined]
        torch.set_deterministic_debug_mode(mode)
        torch.set_num_threads(count)
        if workspace is None:
            os.environ.pop(CUBLAS, None)


@contextmanager
def telling(name: str) -> Iterator[Callable[[int, int, str], None]]:
    """What tells how far a method is: one line that is written over, in a terminal and in a notebook."""
    shown, width = time.monotonic(), 0
    is_seen = STDERR.isatty() or "ipykernel" in sys.modules

    def progress(done: int, total: int, what: str) -> None:
        nonlocal shown, width
        if not is_seen or time.monotonic() - shown < QUIET_SECONDS:
            return
        line = one_line(f"{name}: {what} {done}/{total}", terminal_width() - 1)
        STDERR.write(f"\r{line.ljust(width)}")
        STDERR.flush()
        shown, width = time.monotonic(), max(width, len(line))

    try:
        yield progress
    finally:
        if width:
            STDERR.write(f"\r{' ' * width}\r")
            STDERR.flush()
