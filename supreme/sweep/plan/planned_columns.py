"""The columns that the row of a cell will have, known before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from supreme.core import Split, registry
from supreme.core.column import Column, column_in, declared_of
from supreme.pipeline.cell import Cell


def planned_columns(cell: Cell) -> Mapping[str, Column] | None:
    """The columns that the row of this cell will have, each with what is declared of it.

    None where a metric cannot be built, or cannot say what its columns are before there is a model.
    """
    sets = PlannedEvaluation(cell.judging_split())
    found: dict[str, Column] = {}
    for name, node in cell.metrics.items():
        try:
            metric = registry.build(node, f"metric {name}")
            found |= {column: column_in(declared_of(metric), column) or Column() for column in metric.columns(sets)}
        except Exception:  # of a metric that is refused for it, or of a third party that looks at models
            return None
    return found


@dataclass(frozen=True)
class PlannedEvaluation:
    """What is known of a cell's evaluation before there is a model: enough to name the columns."""

    split: Split
    subject_name: str = "unlearned"

    @property
    def sets(self) -> tuple[str, ...]:
        return tuple(name for name, images in self.split.sets.items() if len(images))

    @property
    def forgets_class(self) -> bool:
        return bool(self.split.forget_classes)

    @property
    def planted(self) -> Mapping[str, np.ndarray]:
        return self.split.planted
