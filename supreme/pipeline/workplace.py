"""Where stages run, and where their results lie. No torch here."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from supreme.pipeline.activity import Activity
from supreme.pipeline.process_cache import PROCESS_CACHE
from supreme.store.store import Store

if TYPE_CHECKING:
    from supreme.pipeline.cell import Cell

HOLDS_NO_ARITHMETIC = True  # so that no result depends on it: see supreme.store.fingerprint


@dataclass(frozen=True, kw_only=True)
class Workplace:
    """Where stages run. Only the device can move last bits; what else does is part of the cell and of its keys."""

    output_dir: str
    """Folder of rows, store, logs and reports."""
    study: str = ""
    """Name of the search whose trials these are: their rows lie apart from those that a report is made of."""
    device: str
    """Device that this process sees: cuda, mps or cpu."""
    threads: int = 1
    """Number of CPU threads."""
    shared: bool = False
    """Whether other jobs may use the device at the same time."""
    same_versions: bool = False
    """Whether what other versions of the libraries have made is made anew."""
    activity: Activity = field(default_factory=Activity, compare=False, repr=False)
    """Receiver of the work's progress."""

    @property
    def store(self) -> Store:
        """The artefact store of the output folder; one object for each process."""
        return PROCESS_CACHE.stores.get(
            (self.output_dir, self.same_versions),
            lambda: Store(Path(self.output_dir) / "store", same_versions=self.same_versions),
        )

    def row_path(self, cell: Cell) -> Path:
        """The file of the cell's row."""
        return self.results / "rows" / f"{cell.id}.json"

    @property
    def results(self) -> Path:
        """The folder of the folders `rows` and `failures`."""
        return Path(self.output_dir, *(["studies", self.study] if self.study else []))
