"""From the rows of a sweep to one tidy frame."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from supreme.core import SupremeError
from supreme.report.labels import distinguished, values_text
from supreme.report.reading import COMPONENTS, PARTS, SEEDS, Reader, Row, read_all

log = logging.getLogger(__name__)

LABELS = (*COMPONENTS, "method")
VALUES = ("value", "reference", "original")
REASONS = ("reason", "reason_reference", "reason_original")
TUNED = ("preset", "tuned_on", "tuned_seeds")
PER_ROW = ("cell", *LABELS, *SEEDS, "forget_size", "notes", "protocol", "scenario_values", *TUNED)
COLUMNS = (*PER_ROW, "metric", "images", "warning", *VALUES, *REASONS)

_Labelled = tuple[Row, tuple[str, ...], dict[str, str]]
"""A row, its labels, and what to add to the columns of its metrics."""


def load(directory: str | Path = "outputs") -> pd.DataFrame:
    """One line per cell and metric column, from every row in `<directory>/rows`.

    `value`, `reference` and `original` are floats, NaN where the row has null, and the reasons say why. `forget_size`
    is in images, and so is `images`, the size of the set that a metric speaks of, NaN where it names none; `notes` tell
    of a method that misbehaves, as `unchanged` where it returned the original; `warning` of a value to be doubted.
    `preset` names the preset of conf/tuned that set values of the method, `tuned_on` the columns by which these were
    found, if results chose them, and `tuned_seeds` the training seeds.

    `attrs["left_out"]` says in sentences which files were left out, and why; a table repeats them below it.

    Rows of one name whose configs differ get the differing fields as part of the name, `scrub (lr=0.1)`, so grouping by
    the labels never pools them: a method within its data, model, recipe and scenario, each of which may have tuned
    values of its own; the other components, and metrics, over the whole directory.

        >>> frame = supreme.report.load("outputs")
        >>> frame.query("metric == 'accuracy/test'").groupby("method")["value"].mean()

    Raises:
        SupremeError: there is no readable row.
    """
    folder = Path(directory, "rows")
    rows, left_out = read_all(folder, Reader().read, "row")
    if not rows:
        found = " ".join(left_out) or "it is empty or missing"
        raise SupremeError(
            f"no results in {folder}: {found}; name the output directory of a sweep, as in `supreme report outputs`"
        )
    entries = _newest(zip(rows, _labels(rows), _metric_suffixes(rows), strict=True))
    frame = _frame(sorted(entries, key=lambda entry: (entry[1], entry[0].seeds)))
    frame.attrs["left_out"] = left_out
    return frame


def _frame(entries: Sequence[_Labelled]) -> pd.DataFrame:
    """The lines of these rows, in their order; made by columns, for a sweep may have a million of them."""
    rows = [row for row, _, _ in entries]
    per_row = pd.DataFrame(
        [
            (row.cell, *labels, *row.seeds, row.forget_size, row.notes, row.protocol, scenario_values(row), *row.tuned)
            for row, labels, _ in entries
        ],
        columns=list(PER_ROW),
    )
    lines = np.repeat(np.arange(len(rows)), [len(row.columns) for row in rows])
    return (
        per_row.take(lines)
        .assign(
            metric=_text(
                (column + suffix.get(_family(column), "") for column in row.columns) for row, _, suffix in entries
            ),
            images=np.concatenate([row.images for row in rows]),
            warning=_told(rows, "warnings"),
            **{
                name: np.concatenate([row.values[part] for row in rows])
                for name, part in zip(VALUES, PARTS, strict=True)
            },
            **{name: _told(rows, part) for name, part in zip(REASONS, PARTS, strict=True)},
        )
        .reset_index(drop=True)
    )


def scenario_values(row: Row) -> str:
    """`target=3`, or `fraction=0.1, count=null`: what labels leave out where it is the same in all rows."""
    return values_text({name: value for name, value in row.settings["scenario"].items() if name != "_target_"})


def _told(rows: Iterable[Row], name: str) -> Any:
    nothing: dict[int, Sequence[str]] = {}  # one list of empty strings for each number of columns
    return _text(
        [row.texts[name].get(column, "") for column in row.columns]
        if row.texts[name]
        else nothing.setdefault(len(row.columns), [""] * len(row.columns))
        for row in rows
    )


def _text(strings: Iterable[Iterable[str]]) -> Any:
    """A column of few strings, repeated often."""
    places: dict[str, int] = {}
    codes = [places.setdefault(string, len(places)) for some in strings for string in some]
    return pd.array(list(places), dtype="str").take(np.array(codes, dtype=np.int64))


def _family(column: str) -> str:
    """The metric that yields a column: `membership` of `membership/auc`."""
    return column.partition("/")[0]


def _labels(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """The labels of data, model, recipe, scenario and method of each row."""
    same_images: dict[Any, Any] = {}  # wherever they lie, the same images are the same data
    for row in rows:
        same_images.setdefault(row.settings["data"].get("content", row.path), row.settings["data"])
    settings = [{**row.settings, "data": same_images[row.settings["data"].get("content", row.path)]} for row in rows]
    parts = [
        distinguished([((), row.names[kind], own[kind]) for row, own in zip(rows, settings, strict=True)])
        for kind in COMPONENTS
    ]
    blocks = list(zip(*parts, strict=True))
    methods = distinguished(
        [(block, row.names["method"], row.settings["method"]) for row, block in zip(rows, blocks, strict=True)]
    )
    return [(*block, method) for block, method in zip(blocks, methods, strict=True)]


def _metric_suffixes(rows: Sequence[Row]) -> list[dict[str, str]]:
    """For each row, what to add to the columns of each metric whose config is not the same everywhere."""
    suffixes: list[dict[str, str]] = [{} for _ in rows]
    for family in {name for row in rows for name in row.metric_settings}:
        having = [index for index, row in enumerate(rows) if family in row.metric_settings]
        labels = distinguished([((), family, rows[index].metric_settings[family]) for index in having])
        for index, label in zip(having, labels, strict=True):
            suffixes[index][family] = label.removeprefix(family)
    return suffixes


def _newest(labelled: Iterable[_Labelled]) -> list[_Labelled]:
    """One row per labels and seeds: the file written last, of those that a change of data or code made other cells."""
    newest: dict[Any, _Labelled] = {}
    for entry in sorted(labelled, key=lambda entry: (entry[0].written, entry[0].path.name)):
        older = newest.get((entry[1], entry[0].seeds))
        if older is not None:
            log.warning(
                "skipped %s: %s, written later, has the same config and seeds but another cell, so the data or the "
                "code changed between them; move the old rows away",
                older[0].path,
                entry[0].path,
            )
        newest[entry[1], entry[0].seeds] = entry
    return list(newest.values())
