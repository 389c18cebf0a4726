"""Audits of a sweep: which cells each one compares, and where its record lies. No torch here.

An ensemble is the cells of a sweep that are alike in everything but their training seed, the images they forget
included. Of several draws within a training seed it takes the first alone: models that share an original are not
independent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supreme.core import Audit, SupremeError, registry
from supreme.core.row import read_audit
from supreme.pipeline.cell import Cell
from supreme.pipeline.keys import SCHEMA
from supreme.pipeline.workplace import Workplace
from supreme.store.files import digest, whole_or_aside
from supreme.store.fingerprint import identity


@dataclass(frozen=True, kw_only=True)
class AuditJob:
    """One audit of one ensemble."""

    name: str
    node: Mapping[str, Any]
    """`_target_` and every value."""
    cells: Sequence[Cell]
    """One of each training seed, in rising order."""

    @property
    def id(self) -> str:
        """16 hexadecimal digits: the name of its record and of its log."""
        parts = [SCHEMA["audit"], self.name, identity(self.node), [cell.id for cell in self.cells]]
        return digest(parts)[:16]

    @property
    def label(self) -> str:
        """What people call it."""
        names = self.cells[0].names
        return f"{self.name} of {names['method']} {names['data']} {names['model']} {names['scenario']}"

    def build(self) -> Audit:
        return registry.build(self.node, f"audit {self.name}")

    def present(self, place: Workplace) -> list[Cell]:
        """The cells that have a row; the others failed, or have not run."""
        return [cell for cell in self.cells if place.row_path(cell).exists()]

    def record_path(self, place: Workplace) -> Path:
        return Path(place.output_dir) / "audits" / f"{self.id}.json"

    def record(self, place: Workplace, cells: Sequence[Cell]) -> dict[str, Any] | None:
        """The stored record of exactly these cells; None when there is none. A damaged one is set aside."""
        record: Any = whole_or_aside(read_audit, self.record_path(place), place.store.root)
        return record if record and record["cells"] == [cell.id for cell in cells] else None


def audit_jobs(cells: Iterable[Cell]) -> list[AuditJob]:
    """Every audit that these resolved cells ask for, of every ensemble among them.

    Raises:
        SupremeError: an ensemble would have a single training seed; two cells want other values of one audit.
    """
    ensembles: dict[tuple[str, str], dict[int, Cell]] = defaultdict(dict)
    wanted: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = defaultdict(dict)
    for cell in cells:
        if not cell.audits:
            continue
        key = (_alike(cell), cell.split_digest)
        ensembles[key][cell.seed] = min(cell, ensembles[key].get(cell.seed, cell), key=_draws)
        wanted[key] = merged(wanted[key], cell.audits)
    for (alike, _), members in ensembles.items():
        if len(members) > 1:
            continue
        if sum(other == alike for other, _ in ensembles) > 1:
            raise SupremeError("audits compare models that forgot the same images: add seeds.forget=0")
        raise SupremeError("audits compare models of several training seeds, and here is one: add -m 'seed=range(20)'")
    return [
        AuditJob(name=name, node=node, cells=tuple(members[seed] for seed in sorted(members)))
        for key, members in ensembles.items()
        for name, node in wanted[key].items()
    ]


def merged(
    some: Mapping[str, Mapping[str, Any]], more: Mapping[str, Mapping[str, Any]]
) -> dict[str, Mapping[str, Any]]:
    """The audits of both, refused where they want other values of the same one."""
    for name in some.keys() & more.keys():
        if identity(some[name]) != identity(more[name]):
            raise SupremeError(
                f"the values of audit {name} cannot be swept: run the sweep once for each; the models are found again"
            )
    return {**some, **more}


def _alike(cell: Cell) -> str:
    """What the cells of an ensemble have in common, but for the images they forget (and so for what poisons them)."""
    return digest([dict(cell.names), identity(cell.nodes), cell.data_path, cell.numerics])


def _draws(cell: Cell) -> list[int]:
    return [cell.seeds[name] for name in ("unlearn", "reference", "evaluate")]
