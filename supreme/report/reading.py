"""One row of a sweep, from its file."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from supreme.core.canonical import Damaged
from supreme.core.row import OtherSchema, StoredRow, Values, read_row

FloatArray = np.ndarray[Any, np.dtype[np.float64]]

log = logging.getLogger(__name__)

T = TypeVar("T")

TOLD = 5
"""How many of the damaged files are named in a table's note."""
COMPONENTS = ("data", "model", "recipe", "scenario")
SEEDS = ("seed", "seed_forget", "seed_reference", "seed_unlearn", "seed_evaluate")
PARTS = ("metrics", "reference", "original")
"""The parts of a row that hold values, and of its reasons."""


@dataclass(frozen=True, kw_only=True)
class Row:
    cell: str
    names: Mapping[str, str]
    """Of each component and of the method."""
    settings: Mapping[str, Mapping[str, Any]]
    """The resolved config of each of these, flat; where two rows have the same, it is the same object."""
    metric_settings: Mapping[str, Mapping[str, Any]]
    seeds: tuple[int, ...]
    forget_size: int
    notes: str
    protocol: str
    """fixed, or another one of conf/protocol."""
    tuned: tuple[str, str, str]
    """The preset that set values of the method, and, where results chose these, the columns and training seeds."""
    columns: tuple[str, ...]
    """Of the metrics."""
    images: Sequence[float]
    """For each column, in the set that it speaks of: 20 for `accuracy/forget`; NaN where it names none."""
    values: Mapping[str, FloatArray]
    """For each of `PARTS` and each column; NaN where the row has null."""
    texts: Mapping[str, Mapping[str, str]]
    """For each of `PARTS` why columns are null, and for `warnings` what is doubtful about others; few have any."""
    path: Path
    written: int
    """When, in nanoseconds, as the file system says."""


class Reader:
    """Reads rows; keeps what most of them have in common."""

    def __init__(self) -> None:
        self._flat: dict[str, Mapping[str, Any]] = {}
        self._images: dict[Any, tuple[tuple[str, ...], Sequence[float]]] = {}

    def read(self, path: Path) -> Row:
        """The row in this file.

        Raises:
            OSError: it is gone.
            Damaged: it is not what was written; OtherSchema: it is of another version.
        """
        content = read_row(path)
        try:
            return self._parsed(path, content)
        except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:  # a config of another form
            raise Damaged(f"it is no row: {type(error).__name__}: {error}") from error

    def _parsed(self, path: Path, content: StoredRow) -> Row:
        config = content["config"]
        nodes = {kind: dict(config[kind]) for kind in (*COMPONENTS, "method")}
        # Of no component, but they change what is trained: with the recipe. Rows of two protocols are never pooled,
        # whether or not they differ where they were stored.
        protocol = content["protocol"] or "fixed"
        numerics = {"deterministic": config["deterministic"], "threads": config["threads"]}
        nodes["recipe"] = {"protocol": protocol, **nodes["recipe"], **numerics}
        nodes["data"]["content"] = content["provenance"]["data_fingerprint"][:8]  # one config may have read others
        columns = tuple(content["metrics"])
        images = (columns, *sorted(content["sets"].items()))
        if images not in self._images:
            sizes = [float(content["sets"].get(column.rpartition("/")[2], math.nan)) for column in columns]
            self._images[images] = columns, sizes
        columns, sizes = self._images[images]
        texts = {**content["reasons"], "warnings": content["warnings"]}
        streams: Mapping[str, Any] = dict(content["seeds"])
        return Row(
            cell=content["cell"],
            names={kind: content[kind] for kind in nodes},
            settings={kind: self._settings(node) for kind, node in nodes.items()},
            metric_settings={name: self._settings(node) for name, node in config["metric"].items()},
            seeds=(
                content["seed"],
                *(streams[name.removeprefix("seed_")] for name in SEEDS[1:]),
            ),
            forget_size=content["sets"]["forget"],
            notes="; ".join(content["notes"]),
            protocol=protocol,
            tuned=_tuned(content["tuned"]),
            columns=columns,
            images=sizes,
            values={part: _numbers(content[part], columns) for part in PARTS},
            texts=texts,
            path=path,
            written=path.stat().st_mtime_ns,
        )

    def _settings(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        key = json.dumps(node)
        if key not in self._flat:
            self._flat[key] = _flat(node)
        return self._flat[key]


def _tuned(told: Mapping[str, Any] | None) -> tuple[str, str, str]:
    """Empty where no value of a preset is left, and of rows written before presets were told."""
    if not told or not told["kept"]:
        return "", "", ""
    columns, seeds = (", ".join(map(str, told.get(name, ()))) for name in ("columns", "seeds"))
    return str(told["preset"]), columns, seeds


def _numbers(part: Values, columns: Sequence[str]) -> FloatArray:
    return np.array([part.get(column) for column in columns], dtype=np.float64)  # None becomes NaN


def _flat(node: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in node.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {prefix + name: value}
    return flat


def read_all(folder: Path, read: Callable[[Path], T], what: str) -> tuple[list[T], list[str]]:
    """What this reader makes of the files of a folder, and a sentence of what is left out; each is logged, too.

    Args:
        what: a file holds: row or audit.
    """
    found, damaged, others = list[T](), list[str](), 0
    for path in sorted(folder.glob("*.json")):
        try:
            found.append(read(path))
        except FileNotFoundError:  # a sweep has set it aside meanwhile
            continue
        except OtherSchema:
            others += 1
        except Damaged as flaw:
            log.warning("skipped %s, which is damaged: %s", path, flaw)
            damaged.append(path.name)
    sentences = []
    if damaged:
        names = ", ".join(damaged[:TOLD]) + (f" and {len(damaged) - TOLD} more" if len(damaged) > TOLD else "")
        sentences.append(f"Left out, damaged: {names}; the same sweep makes them again.")
    if others:
        count = f"{others} {what}{'' if others == 1 else 's'}"
        sentences.append(
            f"Left out, {count} of another version of supreme: the same sweep makes them again from the models that "
            "are stored, and `supreme store verify --set-aside` moves the old files away."
        )
        log.warning("%s: %s", folder, sentences[-1])
    return found, sentences
