"""What may differ between the rows of two sides that are still of the same cell: names of classes, and new values.

Where code goes on, classes move, and a component gets a value that it did not have. Neither is a choice that somebody
made for these rows, so neither keeps two of them apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from supreme.report.rows.failures import Failure
from supreme.report.rows.labels import titled, values_text
from supreme.report.rows.reading import Row

R = TypeVar("R", Row, Failure)

Part = tuple[str, str]
"""A kind and the name of its YAML: method and ssd; of a metric, metric and its name."""

_CLASS = "_target_"


class Lone:
    """The values that the rows of one side alone have, and that nobody chose."""

    def __init__(self, first: Iterable[Row], second: Iterable[Row]) -> None:
        sides = [list(first), list(second)]
        fields = [_fields(rows) for rows in sides]
        chosen = defaultdict[Part, set[str]](set)
        for row in (*sides[0], *sides[1]):
            for kind, changed in row.changed.items():
                chosen[_part(kind, row)].update(changed)
        self.fields: dict[Part, set[str]] = {
            part: (fields[0][part].keys() ^ fields[1][part].keys()) - chosen[part]
            for part in fields[0].keys() & fields[1].keys()
        }
        self._values = [
            {
                part: {name: one[part][name] for name in names if name in one[part]}
                for part, names in self.fields.items()
            }
            for one in fields
        ]
        self._kept: dict[tuple[Part, int], Mapping[str, Any]] = {}
        self._alive: list[Mapping[str, Any]] = []  # an id is one's own only while one lives

    def told(self, names: Sequence[str]) -> list[str]:
        """One sentence for each side that has such values."""
        return [
            f"Values that only {name} has, so that they keep no rows apart: "
            + "; ".join(f"{titled(of, kind)} {values_text(values)}" for (kind, of), values in own.items() if values)
            + "."
            for name, own in zip(names, self._values, strict=True)
            if any(own.values())
        ]

    def without(self, row: R) -> R:
        """The row, or the failure, without these values, and with classes by their bare names."""
        settings = {kind: self._bare((kind, row.names[kind]), one) for kind, one in row.settings.items()}
        if isinstance(row, Failure):
            return replace(row, settings=settings)
        metrics = {name: self._bare(("metric", name), one) for name, one in row.metric_settings.items()}
        return replace(row, settings=settings, metric_settings=metrics)

    def _bare(self, part: Part, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        key = part, id(settings)
        if key not in self._kept:
            self._alive.append(settings)
            left_out = self.fields.get(part, set())
            self._kept[key] = {
                name: value.rpartition(".")[2] if name.endswith(_CLASS) and isinstance(value, str) else value
                for name, value in settings.items()
                if name not in left_out
            }
        return self._kept[key]


def _part(kind: str, row: Row) -> Part:
    family, _, name = kind.partition(".")
    return (family, name) if name else (kind, row.names[kind])


def _fields(rows: Iterable[Row]) -> dict[Part, dict[str, Any]]:
    """By component the fields that some row has, each with one of its values."""
    found = defaultdict[Part, dict[str, Any]](dict)
    seen = set[tuple[Part, int]]()
    for row in rows:
        parts = [((kind, row.names[kind]), settings) for kind, settings in row.settings.items()]
        parts += [(("metric", name), settings) for name, settings in row.metric_settings.items()]
        for part, settings in parts:
            if (part, id(settings)) not in seen:
                seen.add((part, id(settings)))
                found[part].update(settings)
    return found
