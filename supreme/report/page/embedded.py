"""What the page carries of each cell: its numbers for the list, then its config, provenance and log."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from supreme.core.long_files import beginning_of, end_of, ends_of
from supreme.core.text import one_line
from supreme.report.page.parts import Pool
from supreme.report.page.values import short
from supreme.report.rows.labels import titled
from supreme.report.rows.per_seed import BLOCK

LOG_BYTES, ALL_LOG_BYTES = 20_000, 4_000_000
"""The most of one log and of all together; the beginning and the end of a longer one are kept."""

LEAST_LOG_BYTES = 1_000

WHY_CHARACTERS = 500

DETAILS_AT_ONCE = 250
"""Cells whose details are one part of the page: what opening one of them unpacks."""

LISTED = ("accuracy/forget", "accuracy/retain", "accuracy/test", "membership/auc", "cost/seconds")
"""Metrics in the list of cells, where a row has them; everything else waits until a cell is opened."""

_LISTED_PARTS = ("seeds", "notes")
_ELSEWHERE = ("series", "cell", "schema")


def cells(frame: pd.DataFrame, rows: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """One entry per cell for the list of cells, and the pool of their values; `rows` by cell."""
    pool, found = Pool(), []
    for label in frame.drop_duplicates("cell").to_dict("records"):
        row = rows[label["cell"]]
        found.append(
            {
                "cell": label["cell"],
                "block": pool.packed([label[name] for name in BLOCK]),
                "method": titled(label["method"], label["variant"]),
                "seed": label["seed"],
                "values": [short(row["metrics"].get(name)) for name in LISTED],
                **{name: pool.packed(row[name]) for name in _LISTED_PARTS},
            }
        )
    return {"value": found, "pool": pool.values}


def details(rows: Sequence[Mapping[str, Any]], logs: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Everything else of these rows with the log of each, `logs` by cell: so many at a time, with their pool."""
    for start in range(0, len(rows), DETAILS_AT_ONCE):
        pool, found = Pool(), []
        for row in rows[start : start + DETAILS_AT_ONCE]:
            rest = {name: value for name, value in row.items() if name not in (*_LISTED_PARTS, *_ELSEWHERE, "metrics")}
            rest |= {name: _shortened(row[name]) for name in ("reference", "original")}
            values = [short(value) for value in row["metrics"].values()]
            found.append(
                {
                    "names": pool.packed(list(row["metrics"])),
                    "values": values,
                    "row": {name: pool.packed(value) for name, value in rest.items()},
                    "log": logs.get(row["cell"], ""),
                }
            )
        yield {"value": found, "pool": pool.values}


def _shortened(part: Mapping[str, Any]) -> dict[str, Any]:
    return {name: short(value) for name, value in part.items()}


def logs_of(directory: Path, cells: Sequence[str]) -> dict[str, str]:
    """The log of each cell that has one, by cell: shortened so that all together have room."""
    most = max(LEAST_LOG_BYTES, min(LOG_BYTES, ALL_LOG_BYTES // max(1, len(cells))))
    found = {}
    for cell in cells:
        path = log_path(directory, cell)
        if path.is_file():
            found[cell] = ends_of(path, most, f"logs/{path.name}")
    return found


def failures(directory: Path, cells: Sequence[str]) -> list[dict[str, str]]:
    """What left a log but no result: `label`, `why` (the last line, where it raised), `log`; in the order of labels.

    Of shared stages, whose keys are longer, only those whose last attempt raised.
    """
    done = {cell[:16] for cell in cells}
    found = []
    for path in sorted((directory / "logs").glob("*.log")):
        if path.stem in done:
            continue
        header = _HEADER.search(beginning_of(path))
        if header is None:
            continue
        why = _why(_HEADER.split(end_of(path))[-1])
        if why or len(header["key"]) == 16:
            found.append({"label": header["label"], "why": why or "it did not finish", "log": path.name})
    return sorted(found, key=lambda one: (one["label"], one["log"]))


def log_path(directory: Path, cell: str) -> Path:
    return directory / "logs" / f"{cell[:16]}.log"


_TRACEBACK = "Traceback (most recent call last)"
_HEADER = re.compile(r"^\S+ \S+ (?P<label>.+): attempt \d+ on .*, key (?P<key>[0-9a-f]+)$", re.MULTILINE)


_FAILED = re.compile(r"^failed: (.+)$", re.MULTILINE)


def _why(said: str) -> str:
    """Why the last attempt raised, from what it said last; empty where it did not."""
    if found := _FAILED.findall(said):
        return one_line(found[-1], WHY_CHARACTERS)
    return one_line(said.strip().splitlines()[-1], WHY_CHARACTERS) if _TRACEBACK in said else ""
