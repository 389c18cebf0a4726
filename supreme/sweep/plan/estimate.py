"""How long tasks will take, by what alike ones took. No torch here."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, TypeVar

from supreme.core.canonical import Damaged
from supreme.core.row import read_audit, read_row
from supreme.pipeline.cell import COMPONENTS, Cell
from supreme.pipeline.ensembles import AuditJob
from supreme.pipeline.workplace import Workplace
from supreme.sweep.schedule.tasks import Task

T = TypeVar("T")

DEPENDS_ON = {
    "original": ("data", "model", "recipe"),
    "reference": ("data", "model", "recipe", "scenario"),
    "cell": COMPONENTS,
    "audit": COMPONENTS,
}
"""Of each kind of task, the components that say how long it takes."""

ENOUGH = 20
"""Stored times whose mean is taken; more are not looked for."""


@dataclass(frozen=True)
class Subject:
    """What a time is of: equal for tasks, rows and records that take about as long."""

    values: str
    """With every value of every component."""
    names: str
    """With the names of the components alone."""

    @classmethod
    def of(cls, kind: str, names: Mapping[str, str], config: Mapping[str, Any], label: str, more: Any) -> Subject:
        """`config` has the node of each component and the numerics; `more` is what else the time depends on."""
        parts, numerics = DEPENDS_ON[kind], [config["deterministic"], config["threads"]]
        return cls(
            values=json.dumps([kind, [config[part] for part in parts], numerics, label, more], sort_keys=True),
            names=json.dumps([kind, [names[part] for part in parts], label]),
        )

    @classmethod
    def of_cell(cls, kind: str, cell: Cell) -> Subject:
        more = sorted(cell.metrics) if kind == "cell" else None
        return cls.of(kind, cell.names, {**cell.nodes, **cell.numerics}, "", more)

    @classmethod
    def of_audit(cls, job: AuditJob) -> Subject:
        first, more = job.cells[0], [job.node, len(job.cells)]
        return cls.of("audit", first.names, {**first.nodes, **first.numerics}, job.name, more)

    @classmethod
    def of_task(cls, task: Task) -> Subject | None:
        """None where nothing is known of its kind."""
        for part in task.arguments:
            if isinstance(part, AuditJob):
                return cls.of_audit(part)
            if isinstance(part, Cell) and task.kind in DEPENDS_ON:
                return cls.of_cell(task.kind, part)
        return None


@dataclass(frozen=True)
class Estimate:
    """What a task will take."""

    seconds: float
    stored: int
    """How many stored times it is the mean of."""
    same_values: bool
    """Whether these are of the same values; else of components with the same names and other values."""


def expected_seconds(tasks: Sequence[Task], at: Workplace) -> dict[str, float]:
    """Seconds that each task will take, by its key: the mean of what alike ones took, where any did.

    It reads rows and records, so it may itself take seconds where there are thousands.
    """
    stored = Stored(tasks, at)
    return {task.key: estimate.seconds for task in tasks if (estimate := stored.estimate(task))}


class Stored:
    """What rows and records tell of what these tasks will take."""

    def __init__(self, tasks: Sequence[Task], at: Workplace) -> None:
        self._at = at
        self._subjects = {task.key: subject for task in tasks if (subject := Subject.of_task(task))}
        self._by_values: dict[str, list[tuple[float, float]]] = defaultdict(list)
        self._by_names: dict[str, list[tuple[float, float]]] = defaultdict(list)
        self._model_bytes: dict[str, list[int]] = defaultdict(list)
        self._seen: set[str] = set()
        for cell in (cell for task in tasks if (cell := cell_of(task))):
            for stage in ("original", "reference"):
                self._add_trained(stage, Subject.of_cell(stage, cell), cell.key(stage), cell.nodes)
        for record in _whole(read_audit, Path(at.output_dir, "audits")):
            self._add_audit(record)
        wanted = {subject.values for subject in self._subjects.values()}
        for row in _whole(read_row, at.results / "rows"):
            if all(len(self._by_values[values]) >= ENOUGH for values in wanted):
                break
            self._add_row(row)

    def estimate(self, task: Task) -> Estimate | None:
        """What this task will take; None where nothing alike is stored."""
        if (subject := self._subjects.get(task.key)) is None:
            return None
        same = self._by_values.get(subject.values)
        times = same or self._by_names.get(subject.names)
        if not times:
            return None
        model = self.has_model(task)
        seconds = fmean((0.0 if model else work) + evaluation for work, evaluation in times)
        return Estimate(seconds, len(times), same_values=bool(same))

    def has_model(self, task: Task) -> bool:
        """Whether this is a cell whose unlearned model is there, so that it is only evaluated."""
        cell = cell_of(task) if task.kind == "cell" else None
        return cell is not None and self._at.store.has("unlearned", cell.key("unlearned"))

    def model_bytes(self, cell: Cell) -> float | None:
        """The mean size of stored models of this data and model; None where there is none."""
        sizes = self._model_bytes.get(_model(cell.nodes))
        return fmean(sizes) if sizes else None

    def _add(self, subject: Subject, work: Any, evaluation: Any = 0.0) -> None:
        """Seconds of a stage's own work, and of the evaluation after it."""
        self._by_values[subject.values].append((float(work), float(evaluation)))
        self._by_names[subject.names].append((float(work), float(evaluation)))

    def _add_trained(self, stage: str, subject: Subject, key: str, nodes: Mapping[str, Any]) -> None:
        if key in self._seen or len(self._by_values[subject.values]) >= ENOUGH:
            return
        self._seen.add(key)
        record = self._at.store.record(stage, key)
        if record and record["cost"]["seconds"] is not None:  # of a given model it is unknown
            self._add(subject, record["cost"]["seconds"])
            self._model_bytes[_model(nodes)].append(folder_bytes(self._at.store.root / stage / key[:2] / key))

    def _add_row(self, row: Any) -> None:
        config, origin = row["config"], row["provenance"]
        subject = Subject.of("cell", row, config, "", sorted(config["metric"]))
        self._add(subject, row["cost"]["seconds"] or 0.0, origin["evaluation_seconds"])
        for stage in ("original", "reference"):
            self._add_trained(stage, Subject.of(stage, row, config, "", None), origin["keys"][stage], config)

    def _add_audit(self, record: Any) -> None:
        config = record["config"]
        more = [config["audit"], len(record["cells"]) + len(record["missing"])]
        subject = Subject.of("audit", record, config, record["name"], more)
        self._add(subject, record["provenance"]["seconds"])


def cell_of(task: Task) -> Cell | None:
    return next((part for part in task.arguments if isinstance(part, Cell)), None)


def folder_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def _model(nodes: Mapping[str, Any]) -> str:
    """What says how large a model is."""
    return json.dumps([nodes["data"], nodes["model"]], sort_keys=True)


def _whole(read: Callable[[Path], T], folder: Path) -> Iterator[T]:
    """What this reader makes of the files of a folder, those that are whole; their names say nothing of their order."""
    for path in sorted(folder.glob("*.json")):
        with suppress(OSError, Damaged):
            yield read(path)
