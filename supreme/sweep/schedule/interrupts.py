"""Signals that mean stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def signals(interrupt: Callable[[str], None]) -> Iterator[None]:
    """Tell of the signals that mean stop instead of letting them break in anywhere."""

    def handler(number: int, frame: FrameType | None) -> None:
        interrupt(signal.Signals(number).name)

    if threading.current_thread() is not threading.main_thread():
        yield  # signals reach the main thread alone
        return
    found = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    before = {number: old for number, old in found.items() if old not in (signal.SIG_IGN, None)}
    for number in before:  # one that is ignored (nohup, a job in a shell's background) stays so
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
