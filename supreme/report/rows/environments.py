"""Which versions and machines made rows: told below a table where they were not the same, counted in the card."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

MACHINE = ("device", "cpu_capability")
"""What of a machine may change last digits as another version may."""

BETWEEN, SEVERAL = "; ", " and "
"""Stand between the parts of an environment, and between the values of a part that was not always the same."""


def environment(provenance: Mapping[str, Any]) -> str:
    """What made a row and the models that it is about: `python 3.12.3; torch 2.11.0 and 2.14.1; device cpu (x86_64)`.

    Args:
        provenance: of a row, that of its stages included.
    """
    values: dict[str, dict[str, None]] = defaultdict(dict)  # each once, the row's own first
    for one in (provenance, *provenance["stages"].values()):
        for name, value in {**one["versions"], **{name: one[name] for name in MACHINE}}.items():
            values[name][str(value)] = None
    return BETWEEN.join(f"{name} {SEVERAL.join(several)}" for name, several in values.items())


def environment_notes(part: pd.DataFrame) -> list[str]:
    """What is to be said below a table of these lines where its rows, or the models of one, were made differently."""
    lines: Any = part[["cell", "versions"]]
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for told, count in lines.drop_duplicates("cell")["versions"].value_counts(sort=False).items():
        for name, _, value in (one.partition(" ") for one in str(told).split(BETWEEN) if one):
            counts[name][value] += int(count)
    apart = {
        name: own
        for name, own in counts.items()
        if len(own) > 1 or any(SEVERAL in value for value in own)  # the models of one row
    }
    if not apart:
        return []
    told = "; ".join(f"{name} {', '.join(_counted(own))}" for name, own in apart.items())
    return [f"Made {'on several machines' if apart.keys() <= set(MACHINE) else 'by several versions'}: {told}."]


def environment_counts(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Versions, machine and code, each with the rows that were evaluated and the models that were made there."""
    found: list[dict[str, Any]] = []
    cells: list[set[str]] = []
    models: list[set[str]] = []

    def place(provenance: Mapping[str, Any]) -> int:
        git = provenance.get("git") or {}
        state = {"commit": git.get("commit"), "local_changes": git.get("changed")} if git else {}
        one = {**provenance["versions"], **{name: provenance[name] for name in (*MACHINE, "threads")}, **state}
        if one not in found:
            found.append(one)
            cells.append(set())
            models.append(set())
        return found.index(one)

    for row in rows:
        provenance = row["provenance"]
        cells[place(provenance)].add(row["cell"])
        for stage, made in provenance["stages"].items():
            models[place(made)].add(provenance["keys"][stage])  # which several rows share
    return [{"rows": len(own), "models": len(made), **one} for own, made, one in zip(cells, models, found, strict=True)]


def _counted(own: Counter[str]) -> list[str]:
    """The most frequent first; of others the one that sorts first."""
    ordered = sorted(own.items(), key=lambda one: (-one[1], one[0]))
    return [f"{value} ({count} row{'' if count == 1 else 's'})" for value, count in ordered]
