"""What the page carries of each cell: its numbers for the list, then its config, provenance and log."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from supreme.report.page.parts import Pool
from supreme.report.page.values import short
from supreme.report.rows.labels import titled
from supreme.report.rows.per_seed import BLOCK

LOG_CHARACTERS, ALL_LOG_CHARACTERS = 20_000, 4_000_000
"""The most of one log and of all together; the beginning and the end of a longer one are kept."""

LEAST_LOG_CHARACTERS = 1_000

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
    most = max(LEAST_LOG_CHARACTERS, min(LOG_CHARACTERS, ALL_LOG_CHARACTERS // max(1, len(cells))))
    found = {}
    for cell in cells:
        path = log_path(directory, cell)
        if path.is_file():
            found[cell] = shortened(_text(path), most, f"logs/{path.name}")
    return found


def shortened(text: str, most: int, where: str) -> str:
    """The text, or its first quarter and its last three, with a note of how much is missing and where it is."""
    if len(text) <= most:
        return text
    head, tail = text[: most // 4], text[len(text) - 3 * most // 4 :]
    left_out = f"{len(text) - len(head) - len(tail):,} characters left out here; all of it is in {where}"
    return f"{head}\n[... {left_out} ...]\n{tail}"


def failures(directory: Path, cells: Sequence[str]) -> list[dict[str, str]]:
    """What left a log but no result: `label`, `why` (the last line, where it raised), `log`; in the order of labels.

    Of shared stages, whose keys are longer, only those whose last attempt raised.
    """
    done = {cell[:16] for cell in cells}
    found = []
    for path in sorted((directory / "logs").glob("*.log")):
        if path.stem in done:
            continue
        header, last = _last_attempt(_text(path))
        if header is None:
            continue
        raised = "Traceback (most recent call last)" in last
        if raised or len(header["key"]) == 16:
            why = last.strip().splitlines()[-1] if raised else "it did not finish"
            found.append({"label": header["label"], "why": why[:500], "log": path.name})
    return sorted(found, key=lambda one: (one["label"], one["log"]))


def log_path(directory: Path, cell: str) -> Path:
    return directory / "logs" / f"{cell[:16]}.log"


_HEADER = re.compile(r"^\S+ \S+ (?P<label>.+): attempt \d+ on .*, key (?P<key>[0-9a-f]+)$", re.MULTILINE)


def _last_attempt(text: str) -> tuple[re.Match[str] | None, str]:
    headers = list(_HEADER.finditer(text))
    return (headers[-1], text[headers[-1].end() :]) if headers else (None, "")


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
