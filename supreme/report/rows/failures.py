"""Cells that failed, under the names that their rows would have: no table leaves a method out because it broke."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from supreme.core.canonical import Damaged
from supreme.core.failure import read_failure
from supreme.report.rows.columns import Kept
from supreme.report.rows.per_seed import BLOCK
from supreme.report.rows.reading import SEEDS, Row, changed_of, flat, moment, nodes_of, seeds_of
from supreme.report.rows.tuning import tuned_of

LABELS = (*BLOCK, "method", "variant")

Labels = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A cell without a row; the first three are as those of a `Row`."""

    names: Mapping[str, str]
    settings: Mapping[str, Mapping[str, Any]]
    changed: Mapping[str, Mapping[str, Any]]
    cell: str
    seeds: tuple[int, ...]
    protocol: str
    preset: str
    error: str
    log: str
    path: Path
    written: float
    """When it failed, in seconds since 1970."""


def read(path: Path) -> Failure:
    """The failure in this file.

    Raises:
        OSError: it is gone.
        Damaged: it is not what was written; OtherSchema: it is of another version.
    """
    content = read_failure(path)
    try:
        nodes = nodes_of(content, content["provenance"]["data_fingerprint"])
        return Failure(
            names={kind: content[kind] for kind in nodes},
            settings={kind: flat(node) for kind, node in nodes.items()},
            changed=changed_of(content),
            cell=content["cell"],
            seeds=seeds_of(content["seed"], content["seeds"]),
            protocol=content["protocol"] or "fixed",
            preset=tuned_of(content["tuned"])[0],
            error=content["error"],
            log=content["log"],
            path=path,
            written=moment(content["provenance"]["finished"]),
        )
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:  # a config of another form
        raise Damaged(f"it is no failure: {type(error).__name__}: {error}") from error


def standing(failures: Sequence[tuple[Failure, Labels]], rows: Sequence[tuple[Row, Labels]]) -> Kept[Mapping[str, Any]]:
    """The failures that still hold, for `attrs["failures"]`: the last of each labels and seeds, and no row is newer.

    Of a cell that has its row there is none, whatever was tried later: its numbers stand.

    Args:
        failures: with their labels, in order of arrival.
        rows: the newest of each labels and seeds.
    """
    done = {(labels, row.seeds): row.written for row, labels in rows}
    cells = {row.cell for row, _ in rows}
    last: dict[Any, Mapping[str, Any]] = {}
    for failure, labels in failures:
        key = labels, failure.seeds
        if failure.cell not in cells and done.get(key, 0.0) <= failure.written:
            last[key] = {
                "cell": failure.cell,
                **dict(zip(LABELS, labels, strict=True)),
                **dict(zip(SEEDS, failure.seeds, strict=True)),
                **{name: getattr(failure, name) for name in ("protocol", "preset", "error", "log")},
            }
    return Kept(last[key] for key in sorted(last))


def failures_in(frame: pd.DataFrame) -> Sequence[Mapping[str, Any]]:
    """Those that a frame of `load` carries."""
    return frame.attrs.get("failures", ())


def by_block(frame: pd.DataFrame) -> dict[Labels, list[Mapping[str, Any]]]:
    """The failures of a frame, by the labels of their block."""
    found: dict[Labels, list[Mapping[str, Any]]] = {}
    for one in failures_in(frame):
        found.setdefault(tuple(one[name] for name in BLOCK), []).append(one)
    return found


def of_cells(frame: pd.DataFrame, cells: Container[str]) -> pd.DataFrame:
    """What of a frame of `load` is of these cells: its lines, and its failures."""
    own = frame.loc[[cell in cells for cell in frame["cell"]]]
    own.attrs = {**frame.attrs, "failures": Kept(one for one in failures_in(frame) if one["cell"] in cells)}
    return own


def failures_csv(frame: pd.DataFrame) -> str:
    """One line per cell that failed."""
    columns = ["cell", *LABELS, *SEEDS, "protocol", "preset", "error", "log"]
    return pd.DataFrame(list(failures_in(frame)), columns=columns).to_csv(index=False, lineterminator="\n")
