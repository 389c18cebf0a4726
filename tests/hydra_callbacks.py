"""A callback for Hydra that notes what it is told, and raises afterwards where it is told to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

WORDS = ("+hydra.callbacks.notes._target_=hydra_callbacks.Notes", "+hydra.callbacks.notes.file=events")
"""To add to a command line; the file lies in its folder."""


class Notes(Callback):
    """Appends a line of JSON for each event."""

    def __init__(self, file: str, raises: bool = False) -> None:
        self.file, self.raises, self.count = Path(file), raises, 0

    def _note(self, *told: Any) -> None:
        self.count += 1  # one object for the whole sweep
        with self.file.open("a") as file:
            file.write(json.dumps([self.count, *told]) + "\n")
        if self.raises:
            raise RuntimeError("this callback does not work")

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        self._note("multirun start")

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        self._note("multirun end")

    def on_job_start(self, config: DictConfig, **kwargs: Any) -> None:
        self._note("job start", config.hydra.job.num, config.seed)

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        value = job_return._return_value
        self._note("job end", config.hydra.job.num, job_return.status.name, value if isinstance(value, float) else "")


def told(folder: Path) -> list[list[Any]]:
    """What the callback of a command in this folder was told, in order; the file is emptied."""
    lines = (folder / "events").read_text().splitlines()
    (folder / "events").unlink()
    return [json.loads(line)[1:] for line in lines]
