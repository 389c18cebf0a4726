"""The rows of several exports, each result once, the same in whatever order the exports are given."""

from __future__ import annotations

import math
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supreme.core import SupremeError
from supreme.core.canonical import DIGEST, Damaged
from supreme.core.failure import read_failure
from supreme.core.row import StoredRow, read_audit, read_row
from supreme.report.leaderboard.exports import Export
from supreme.report.rows.naming import names_of
from supreme.report.rows.reading import PARTS, Reader


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One row of one export."""

    export: Export
    row: StoredRow
    label: tuple[str, ...]
    """Data, model, recipe, scenario, setting, method and variant."""

    @property
    def verified(self) -> bool:
        """Whether its metrics were computed again from the predictions in its export."""
        return self.row["cell"] in self.export.checks

    @property
    def told(self) -> str:
        """For messages: which row, of which export."""
        return f"row {self.row['cell']} of {self.export.name} ({self.row['method']}, seed {self.row['seed']})"


@dataclass(frozen=True, kw_only=True)
class Merged:
    """All rows of all exports, and those of them that the tables are made of."""

    entries: Sequence[Entry]
    """By export, then by label and seed."""
    shown: Mapping[str, Entry]
    """By cell, the row that stands for it."""
    audits: Mapping[str, str]
    """By the id of an audit, the name of the export whose record stands for it."""
    replaced: Mapping[str, int]
    """By the name of an export, how many of its rows newer code of its own has made again."""
    notes: Sequence[str]
    """Where two exports have other values of one cell or of one audit."""


def merge(exports: Sequence[Export], into: Path) -> Merged:
    """Put each result once into a new output directory.

    Of one cell in several exports that row stands in the tables which is verified, else has more metrics, else has the
    smaller SHA-256.

    Raises:
        SupremeError: a file of an export is not what such a file is.
    """
    for name in ("rows", "audits", "failures"):
        (into / name).mkdir(parents=True)
    entries, replaced = _entries(exports)
    by_cell: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_cell[entry.row["cell"]].append(entry)
    shown = {cell: min(same, key=_rank) for cell, same in sorted(by_cell.items())}
    for cell, entry in shown.items():
        shutil.copyfile(entry.export.folder / "rows" / f"{cell}.json", into / "rows" / f"{cell}.json")
    notes = [_rows_differ(shown[cell], other) for cell, same in sorted(by_cell.items()) for other in same]
    audits, of_audits = _once(exports, into, "audits", read_audit, _audits_differ)
    _once(exports, into, "failures", read_failure, lambda *_: "")
    notes = list(filter(None, [*notes, *of_audits]))
    return Merged(entries=entries, shown=shown, audits=audits, replaced=replaced, notes=notes)


def _entries(exports: Sequence[Export]) -> tuple[list[Entry], dict[str, int]]:
    """The rows, but for those that newer code of the same export has made again, which are counted."""
    read = [
        (export, path, _read(export, path, read_row))
        for export in exports
        for path in sorted((export.folder / "rows").glob("*.json"))
    ]
    reader = Reader()
    parsed = [(reader.parsed(path, row), export, row) for export, path, row in read]
    parsed.sort(key=lambda one: (one[0].written, one[0].path.name, one[2]["sha256"]))  # type: ignore[typeddict-item]
    labels = names_of([row for row, _, _ in parsed], []).labels
    newest: dict[Any, Entry] = {}
    counts: dict[str, int] = defaultdict(int)
    for (row, export, content), label in zip(parsed, labels, strict=True):
        key = export.name, label, row.seeds
        counts[export.name] += key in newest
        newest[key] = Entry(export=export, row=content, label=label)
    ordered = sorted(newest.items(), key=lambda one: one[0])
    return [entry for _, entry in ordered], {name: count for name, count in sorted(counts.items()) if count}


def _read(export: Export, path: Path, read: Callable[[Path], Any]) -> Any:
    try:
        return read(path)
    except Damaged as flaw:
        raise SupremeError(f"{export.name}: {path.parent.name}/{path.name} cannot be used: {flaw}") from flaw


def _rank(entry: Entry) -> tuple[Any, ...]:
    content: Any = entry.row
    return not entry.verified, -len(entry.row["metrics"]), content[DIGEST], entry.export.name


def _rows_differ(one: Entry, other: Entry) -> str:
    rows: list[Any] = [one.row, other.row]
    pairs = {
        f"{part}: {column}" if part != "metrics" else column: tuple(row[part][column] for row in rows)
        for part in PARTS
        for column in rows[0][part].keys() & rows[1][part].keys()
        if not column.startswith("cost/")  # which no two runs share
    }
    return _told(f"{one.told} and {other.told}", pairs, one.export.name)


def _audits_differ(one: tuple[Export, Any], other: tuple[Export, Any]) -> str:
    values = [record["values"] for _, record in (one, other)]
    pairs = {column: (values[0][column], values[1][column]) for column in values[0].keys() & values[1].keys()}
    of = f"audit {one[1]['name']} of {one[1]['method']}, {one[1]['audit']}"
    return _told(f"{of}, of {one[0].name} and of {other[0].name}", pairs, one[0].name)


def _told(which: str, pairs: Mapping[str, tuple[Any, Any]], shown: str) -> str:
    """What is said of two results of one key; empty where they are equal."""
    apart = {name: math.inf if None in pair else abs(pair[0] - pair[1]) for name, pair in pairs.items()}
    apart = {name: far for name, far in apart.items() if pairs[name][0] != pairs[name][1]}
    if not apart:
        return ""
    worst = min(apart, key=lambda name: (-apart[name], name))
    far = "one has no value" if math.isinf(apart[worst]) else f"{apart[worst]:.3g} apart"
    return (
        f"Two results of one key: {which} differ in {len(apart)} of {len(pairs)} values, most in {worst} ({far}); "
        f"the one of {shown} stands in the tables."
    )


def _once(
    exports: Iterable[Export],
    into: Path,
    kind: str,
    read: Callable[[Path], Any],
    differ: Callable[[Any, Any], str],
) -> tuple[dict[str, str], list[str]]:
    """Copy each record once, of two the one with the smaller SHA-256; whose each is, and what is said of such two."""
    found: dict[str, list[tuple[Export, Any]]] = defaultdict(list)
    for export in exports:
        for path in sorted((export.folder / kind).glob("*.json")):
            found[path.name].append((export, _read(export, path, read)))
    owners, notes = {}, []
    for name, same in sorted(found.items()):
        same.sort(key=lambda one: (one[1][DIGEST], one[0].name))
        owners[name.removesuffix(".json")] = same[0][0].name
        shutil.copyfile(same[0][0].folder / kind / name, into / kind / name)
        notes += [differ(same[0], other) for other in same[1:]]
    return owners, notes
