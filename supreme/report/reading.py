"""One row of a sweep, from its file."""

from __future__ import annotations

import hashlib
import json
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

FloatArray = np.ndarray[Any, np.dtype[np.float64]]

log = logging.getLogger(__name__)

SCHEMA = 1
COMPONENTS = ("data", "model", "recipe", "scenario")
OF_THE_RUN = ("protocol", "deterministic", "threads")
"""Values of no component that change what is trained; they stand with those of the recipe."""

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
    changed: Mapping[str, Mapping[str, Any]]
    """Of each component, the method and each metric (`metric.scores`), the fields that are not as its YAML has them."""
    code: str
    """Digests of the code and values of the model, recipe and scenario, and of the method; "" of rows without."""
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
    written: float
    """When, in seconds since 1970, as the row says, or the file system of rows that do not."""


class Reader:
    """Reads rows; keeps what most of them have in common."""

    def __init__(self) -> None:
        self._flat: dict[str, Mapping[str, Any]] = {}
        self._images: dict[Any, tuple[tuple[str, ...], Sequence[float]]] = {}

    def read(self, path: Path) -> Row | None:
        """The row in this file; None, and a warning, where it is none."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content["schema"] != SCHEMA:
                raise ValueError(f"its schema is {content['schema']}, and this version reads schema {SCHEMA}")
            return self.parse(path, content)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            log.warning("skipped %s, which is no row of a sweep: %s: %s", path, type(error).__name__, error)
            return None

    def parse(self, path: Path, content: Mapping[str, Any]) -> Row:
        config = content["config"]
        nodes = {kind: dict(config[kind]) for kind in (*COMPONENTS, "method")}
        for name in OF_THE_RUN:
            if name in config:
                nodes["recipe"][name] = config[name]
        # Rows of two protocols are never pooled, whether or not they differ where they were stored.
        protocol = str(content.get("protocol") or "fixed")
        nodes["recipe"] = {"protocol": protocol, **nodes["recipe"]}
        if fingerprint := content["provenance"].get("data_fingerprint"):  # the same config may have read other images
            nodes["data"]["content"] = fingerprint[:8]
        columns = tuple(content["metrics"])
        images = (columns, *sorted(content["sets"].items()))
        if images not in self._images:
            sizes = [float(content["sets"].get(column.rpartition("/")[2], math.nan)) for column in columns]
            self._images[images] = columns, sizes
        columns, sizes = self._images[images]
        provenance = content["provenance"]
        texts = {part: content["reasons"].get(part, {}) for part in PARTS} | {"warnings": content.get("warnings", {})}
        return Row(
            cell=content["cell"],
            names={kind: content[kind] for kind in nodes},
            settings={kind: self._settings(node) for kind, node in nodes.items()},
            metric_settings={name: self._settings(node) for name, node in config.get("metric", {}).items()},
            changed=changed_of(content),
            code=_code(provenance.get("code_keys") or {}),
            seeds=(
                _integer(content["seed"]),
                *(_integer(content["seeds"][name.removeprefix("seed_")]) for name in SEEDS[1:]),
            ),
            forget_size=_integer(content["sets"]["forget"]),
            notes="; ".join(content.get("notes", ())),
            protocol=protocol,
            tuned=_tuned(content.get("tuned")),
            columns=columns,
            images=sizes,
            values={part: _numbers(content[part], columns) for part in PARTS},
            texts={name: {column: str(told) for column, told in found.items()} for name, found in texts.items()},
            path=path,
            written=moment(provenance["finished"]) if "finished" in provenance else path.stat().st_mtime,
        )

    def _settings(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        key = json.dumps(node)
        if key not in self._flat:
            self._flat[key] = flat(node)
        return self._flat[key]


def is_row(path: Path, content: Mapping[str, Any]) -> bool:
    """Whether this content of a file can be used: what `load` would skip is no row."""
    try:
        Reader().parse(path, content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return False
    return content["schema"] == SCHEMA


def _tuned(told: Mapping[str, Any] | None) -> tuple[str, str, str]:
    """Empty where no value of a preset is left, and of rows written before presets were told."""
    if not told or not told["kept"]:
        return "", "", ""
    columns, seeds = (", ".join(map(str, told.get(name, ()))) for name in ("columns", "seeds"))
    return str(told["preset"]), columns, seeds


def changed_of(content: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """`Row.changed` of a row, or of a record of an audit; of one that does not tell it, what its command line set."""
    changed, protocol = content.get("changed"), str(content.get("protocol") or "fixed")
    if changed is None:
        typed = (one.lstrip("+").partition("=") for one in content["provenance"].get("overrides", ()))
        changed = {key: value for key, _, value in typed if "." in key or key in OF_THE_RUN}
    found: dict[str, dict[str, Any]] = {}
    if protocol != "fixed":
        found["recipe"] = {"protocol": protocol}
    for key, value in changed.items():
        kind, _, field = key.partition(".")
        if kind in ("metric", "audit"):
            name, _, field = field.partition(".")
            kind = f"{kind}.{name}"
        if key in OF_THE_RUN:
            kind, field = "recipe", key
        found.setdefault(kind, {})[field] = value
    return found


def _code(keys: Mapping[str, str]) -> str:
    if not keys:
        return ""
    of_block = repr(sorted((name, key) for name, key in keys.items() if name != "method"))
    return f"{hashlib.sha256(of_block.encode()).hexdigest()[:8]}.{keys['method'][:8]}"


def moment(told: str) -> float:
    return datetime.fromisoformat(told).timestamp()


def _integer(value: Any) -> int:
    if type(value) is not int:
        raise ValueError(f"{value!r} is not an integer")
    return value


def _numbers(part: Mapping[str, Any], columns: Sequence[str]) -> FloatArray:
    values = [part.get(column) for column in columns]
    if strange := set(map(type, values)) - {float, int, type(None)}:
        raise ValueError(f"a value is of the type {strange.pop().__name__}, not a number")
    numbers = np.array(values, dtype=np.float64)  # None becomes NaN
    if np.isfinite(numbers).sum() != len(values) - values.count(None):
        raise ValueError("a value is not finite")
    return numbers


def flat(node: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The values of a nested mapping by their dotted names."""
    found: dict[str, Any] = {}
    for name, value in node.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {prefix + name: value}
    return found
