"""How much of the disk tasks will fill, by what is there. No torch here."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import fmean

import numpy as np

from supreme.pipeline.cell import Cell
from supreme.pipeline.workplace import Workplace
from supreme.sweep.plan.estimate import Stored, cell_of, folder_bytes
from supreme.sweep.schedule.tasks import Task

MODELS = ("original", "reference", "unlearned")
SAMPLE = 200
"""Artefacts of a stage that are looked at; their names are digests, so the first ones are as good as any."""


@dataclass(frozen=True)
class Need:
    """The disk that tasks will fill."""

    bytes: float
    """Of the tasks of which it is known."""
    unknown: int
    """How many there are of which it is not: no model of their data and model is stored."""


def needed(tasks: Sequence[Task], stored: Stored, at: Workplace) -> Need:
    """For each model its weights and predictions, for each cell its row; the mean sizes of alike ones."""
    beside, row = _Predictions(at), _mean_bytes(Path(at.output_dir, "rows").glob("*.json"))
    total, unknown = 0.0, 0
    for task in tasks:
        if (cell := cell_of(task)) is None:  # the record of an audit is small
            continue
        weights = stored.model_bytes(cell)
        if weights is None:
            unknown += 1
            continue
        total += 0.0 if stored.has_model(task) else weights + beside.of_one_model(cell)
        total += row if task.kind == "cell" else 0.0
    return Need(total, unknown)


def free_bytes(folder: Path) -> int:
    """What the disk of this folder, which need not exist yet, has left."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    return shutil.disk_usage(there).free


class _Predictions:
    """What the store keeps beside a model: predictions, and some of what metrics and methods share."""

    def __init__(self, at: Workplace) -> None:
        root = at.store.root
        counts = {stage.name: sum(1 for _ in _artefacts(stage)) for stage in root.glob("[a-z]*") if stage.is_dir()}
        models = sum(counts.get(stage, 0) for stage in MODELS)
        self._each = counts.get("predictions", 0) / max(1, models)
        self._sizes: dict[int, list[int]] = defaultdict(list)
        for folder in islice(_artefacts(root / "predictions"), SAMPLE):
            for path in folder.glob("*.npy"):
                self._sizes[len(np.load(path, mmap_mode="r"))].append(folder_bytes(folder))

    def of_one_model(self, cell: Cell) -> float:
        """Of the mean number of predictions, each as large as those of as many images are."""
        sizes = self._sizes.get(len(cell.decoded.labels))
        return self._each * fmean(sizes) if sizes else 0.0


def _artefacts(stage: Path) -> Iterator[Path]:
    return stage.glob("[0-9a-f][0-9a-f]/*")


def _mean_bytes(paths: Iterator[Path]) -> float:
    sizes = [path.stat().st_size for path in islice(paths, SAMPLE)]
    return fmean(sizes) if sizes else 0.0
