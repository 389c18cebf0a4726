"""Trackers that misbehave; nothing heavy is imported here."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from supreme.core import Run


@dataclass(frozen=True, kw_only=True)
class BrokenTracker:
    how: str

    def __call__(self, run: Run, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{os.getpid()}-{run.id}").touch()
        match self.how:
            case "raises":
                raise ValueError("this tracker does not work")
            case "dies":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "hangs":
                time.sleep(1000)
