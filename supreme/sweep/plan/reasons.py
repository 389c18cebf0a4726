"""Why a cell is run again that has a row: what of all that the row depends on is no longer the same. No torch here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from supreme.core.canonical import Damaged, read_json
from supreme.core.row import read_row
from supreme.pipeline.cell import COMPONENTS, Cell
from supreme.pipeline.keys import dependencies
from supreme.pipeline.stored_row import made_by
from supreme.pipeline.workplace import Workplace
from supreme.store.decoded import cache as data_cache
from supreme.store.files import digest
from supreme.store.fingerprint import Code, changes


def told(
    todo: Sequence[Cell], again: Mapping[str, Mapping[str, Any]], labels: Mapping[str, str], at: Workplace
) -> list[str]:
    """Lines for people: why these cells run again though they have rows, each reason once.

    Args:
        again: of cells that have a row which does not do, by their ids, that row.
        labels: what each cell is called, by its id.
    """
    if not todo or not any((at.results / "rows").glob("*.json")):
        return []
    earlier, by_reason = Earlier(at, {asked(cell) for cell in todo}), dict[str, list[str]]()
    for cell in todo:
        if reason := earlier.why(cell, again.get(cell.id)):
            by_reason.setdefault(reason, []).append(labels[cell.id])
    return [f"runs again: {_some(names)}: {reason}" for reason, names in by_reason.items()]


def _some(labels: Sequence[str]) -> str:
    return labels[0] if len(labels) == 1 else f"{labels[0]} and {len(labels) - 1} more"


class Earlier:
    """The last row of each of these cells, whatever code and data it was computed with."""

    def __init__(self, at: Workplace, wanted: set[str]) -> None:
        self._at = at
        self._rows: dict[str, Mapping[str, Any]] = {}
        for path in sorted((at.results / "rows").glob("*.json"), key=_written):
            row = _read(read_row, path)
            if row and (key := _asked_of(row)) in wanted:
                self._rows[key] = row
        self._records: dict[str, Mapping[str, Any]] = {}

    def why(self, cell: Cell, own: Mapping[str, Any] | None) -> str:
        """What has changed since the last row of this cell was made; empty where there was none.

        Args:
            own: its row, where there is one that does not do: it lacks a metric, or was made by other versions.
        """
        row = own or self._rows.get(asked(cell))
        if row is None:
            return ""
        found = list(self._changes(row["provenance"]["depends"], cell))
        if own is not None:
            found += [f"metric {name} is new" for name in cell.metrics if name not in own["metric_keys"]]
            if self._at.same_versions and (others := made_by(own)):
                found.append(f"{', '.join(others)} made it")
        return "; ".join(dict.fromkeys(found))

    def _changes(self, before: Mapping[str, Any], cell: Cell) -> Iterator[str]:
        now = dependencies(cell)
        if before["data"] != now["data"]:
            yield f"data: {self._data_change(before['data'], cell)}"
        elif before["split"] != now["split"]:
            yield "the scenario draws other images"
        for target, code in cell.codes.items():
            if (old := before["code"].get(target)) not in (code.digest, None):
                yield self._code_change(target, old, code)
        there = set(before["files"].values())  # wherever a file lies, the same content is the same file
        changed = [path for path, found in now["files"].items() if found not in there]
        yield from (f"the file {path} changed" for path in changed)
        schemas = [stage for stage, number in now["schemas"].items() if before["schemas"].get(stage) != number]
        if schemas:
            yield f"this version of supreme computes {', '.join(schemas)} in another way"

    def _code_change(self, target: str, old: str, code: Code) -> str:
        name = target.rpartition(".")[2]
        if (record := self._record(old)) is None:
            return f"the code of {name} changed"
        return "; ".join(changes(record, code))

    def _record(self, key: str) -> Mapping[str, Any] | None:
        if key not in self._records:
            self._records[key] = self._at.store.record("code", key) or {}
        return self._records[key] or None

    def _data_change(self, old: str, cell: Cell) -> str:
        """How many images differ, where both are still decoded here."""
        new = Path(cell.data_path)
        for folder in new.parent.glob("*"):
            if (_read(read_json, folder / "meta.json") or {}).get("fingerprint") != old:
                continue
            before, after = data_cache.open(folder), data_cache.open(new)
            if before.pixels.shape != after.pixels.shape:
                return f"{len(before.labels)} images before, {len(after.labels)} now"
            old_pixels, new_pixels = np.asarray(before.pixels), np.asarray(after.pixels)
            different = sum(bool((old_pixels[one] != new_pixels[one]).any()) for one in range(len(after.labels)))
            if different:
                return f"{different} of {len(after.labels)} images changed"
            return "the labels, or which images are test images, changed"
        return "the images changed"


def asked(cell: Cell) -> str:
    """What identifies a cell to the person who asks for it: no code and no data."""
    patterns = [[stage, cell.given[stage]] for stage in sorted(cell.given)]
    return digest([dict(cell.names), cell.nodes, cell.numerics, cell.seed, dict(cell.seeds), *patterns])


def _asked_of(row: Mapping[str, Any]) -> str:
    names, config = {group: row[group] for group in COMPONENTS}, row["config"]
    numerics = {name: config[name] for name in ("deterministic", "threads")}
    given: Mapping[str, Mapping[str, str]] = row.get("given", {})
    patterns = [[stage, given[stage]["pattern"]] for stage in sorted(given) if stage != "unlearned"]
    return digest([names, {group: config[group] for group in names}, numerics, row["seed"], row["seeds"], *patterns])


def _read(read: Callable[[Path], Any], path: Path) -> Any:
    """What is in a file; None where it cannot be read: whoever needs it says so."""
    try:
        return read(path)
    except (OSError, Damaged):
        return None


def _written(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
