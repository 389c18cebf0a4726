"""What the page carries: every number, config and log of a sweep, in little room."""

from __future__ import annotations

import base64
import gzip
import json
import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from supreme.report.figures.series import metric_suffixes
from supreme.report.rows.labels import titled
from supreme.report.rows.per_seed import BLOCK

LOG_CHARACTERS, ALL_LOG_CHARACTERS = 20_000, 4_000_000
"""The most of one log and of all together; the beginning and the end of a longer one are kept."""

LEAST_LOG_CHARACTERS = 1_000

_POOLED = 48
"""A value whose JSON is longer is stored once."""


class Pool:
    """Values that occur many times, each stored once: `{"$": 7}` stands for the eighth of `values`."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._places: dict[str, int] = {}
        self._packed: dict[str, Any] = {}

    def packed(self, value: Any) -> Any:
        """The value, with what is long inside it, or the whole of it, replaced by its place in the pool."""
        if not isinstance(value, (dict, list, tuple)):  # not Mapping: a sweep of 10,000 cells asks a million times
            return None if isinstance(value, float) and not math.isfinite(value) else value
        seen = json.dumps(value)
        if seen not in self._packed:
            self._packed[seen] = self._packed_first(value)
        return self._packed[seen]

    def _packed_first(self, value: Any) -> Any:
        if isinstance(value, dict):
            inside: Any = {str(name): self.packed(one) for name, one in value.items()}
        else:
            inside = [self.packed(one) for one in value]
        text = json.dumps(inside, separators=(",", ":"))
        if len(text) <= _POOLED and not (isinstance(inside, dict) and "$" in inside):
            return inside
        if text not in self._places:
            self._places[text] = len(self.values)
            self.values.append(inside)
        return {"$": self._places[text]}


def cells(frame: pd.DataFrame, rows: Mapping[str, Mapping[str, Any]], logs: Mapping[str, str], pool: Pool) -> list[Any]:
    """One entry per cell, for a line of the list of cells and for its details; `rows` and `logs` by cell."""
    suffixes: dict[str, dict[str, str]] = defaultdict(dict)
    for (cell, family), suffix in metric_suffixes(frame).items():
        suffixes[cell][family] = suffix
    found = []
    for label in frame.drop_duplicates("cell").to_dict("records"):
        row = rows[label["cell"]]
        rest = {name: value for name, value in row.items() if name not in ("metrics", "series", "cell", "schema")}
        names = list(row["metrics"])
        found.append(
            {
                "cell": label["cell"],
                "block": [label[name] for name in BLOCK],
                "method": titled(label["method"], label["variant"]),
                "seed": label["seed"],
                "names": pool.packed(names),
                "suffixes": suffixes.get(label["cell"], {}),
                "values": [row["metrics"][name] for name in names],
                "row": {name: pool.packed(value) for name, value in rest.items()},
                "log": logs.get(label["cell"], ""),
            }
        )
    for entry in found:
        entry["block"] = pool.packed(entry["block"])
    return found


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


def as_script(value: Any) -> str:
    """JSON that may stand inside a script element: no text in it can end the element or begin a comment."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def zipped(value: Any) -> str:
    """JSON for a script element that no browser runs: gzipped, in base64; the same value gives the same text."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


_HEADER = re.compile(r"^\S+ \S+ (?P<label>.+): attempt \d+ on .*, key (?P<key>[0-9a-f]+)$", re.MULTILINE)


def _last_attempt(text: str) -> tuple[re.Match[str] | None, str]:
    headers = list(_HEADER.finditer(text))
    return (headers[-1], text[headers[-1].end() :]) if headers else (None, "")


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
