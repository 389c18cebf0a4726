"""Plain files."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supreme.core import Run


@dataclass(frozen=True, kw_only=True)
class CSV:
    """`curves/<stage>-<id>.csv`, a line for each epoch, and `rows/<cell>.csv`, one line with all columns and values.

    An undefined value has no column. A file is replaced as a whole, so whoever reads meanwhile sees no half of one.
    """

    def __call__(self, run: Run, folder: Path) -> None:
        if run.curve:
            _write(folder / "curves" / f"{run.stage}-{run.id}.csv", run.curve)
        if run.stage == "unlearned":
            _write(folder / "rows" / f"{run.id}.csv", [{**run.columns, **run.config}])


def _write(path: Path, lines: Sequence[Mapping[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}")
    with new.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, lines[0].keys())
        writer.writeheader()
        writer.writerows(lines)
    os.replace(new, path)
