"""From the rows of a sweep to one tidy frame."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from supreme.report.rows import asked, failures
from supreme.report.rows.columns import declared_by
from supreme.report.rows.files import read_all
from supreme.report.rows.naming import Names, names_of
from supreme.report.rows.nowhere import no_results
from supreme.report.rows.reading import COMPONENTS, PARTS, SEEDS, Reader, Row
from supreme.report.rows.swept import swept_texts
from supreme.report.rows.values import family_of, metric_values, scenario_values

log = logging.getLogger(__name__)

LABELS = (*COMPONENTS, "setting", "method", "variant")
OF_METHOD = len(LABELS) - 1
"""The labels before the variant: of the block and the method."""
VALUES = ("value", "reference", "original")
REASONS = ("reason", "reason_reference", "reason_original")
TUNED = ("preset", "tuned_on", "tuned_seeds", "tuned_images", "tuned_reference", "tuned_trials", "values_for")
PER_ROW = (
    *("cell", *LABELS, *SEEDS, "forget_size", "forget_digest", "notes", "protocol", "scenario_values"),
    *(*TUNED, "declared", "code", "versions", "older", "twins", "given", "swept"),
)
COLUMNS = (*PER_ROW, "metric", "metric_values", "images", "warning", *VALUES, *REASONS)

_Labelled = tuple[Row, tuple[str, ...], dict[str, str]]
"""A row, its labels, and what to add to the columns of its metrics."""


def load(directory: str | Path = "outputs") -> pd.DataFrame:
    """One line per cell and metric column, from every row in `<directory>/rows`.

    `value`, `reference` and `original` are floats, NaN where the row has null, and the reasons say why. `forget_size`
    is in images, and so is `images`, the size of the set that a metric speaks of, NaN where it names none; rows with
    the same `forget_digest` forget the same images; `notes` tell of a method that misbehaves, as `unchanged` where it
    returned the original; `warning` of a value to be doubted.
    `preset` names the preset of conf/tuned that set values of the method, `tuned_on` the columns by which these were
    found, if results chose them, `tuned_seeds` the training seeds, `tuned_images` the images beside the forget set
    (test, validation or training), `tuned_reference` whether the retrained model was used (yes, no, or unknown in an
    older row, whose images then count as test), and `tuned_trials` how many trials of `supreme tune` found them; each
    is "" where results chose nothing. `values_for` says what
    the values of the method's YAML are for, where it ran without a preset on something else. `declared` has the
    endpoints that were declared before the row was there, as JSON, or "".

    `attrs["left_out"]` says in sentences which files were left out, and why; a table repeats them below it.
    `attrs["failures"]` has one mapping for each cell that failed and has no row, with the labels and seeds that the row
    would have, the `error` in one line and the file name of its `log`. Where every cell failed the frame has no line.
    `attrs["asked"]` tells of each block which metrics its rows were asked for, in their order.

    `attrs["columns"]` holds what the metrics declare of their columns (title, unit, direction, format), by name.

    `data`, `model`, `recipe`, `scenario` and `method` are names of YAML files, whatever else is in the directory.
    `variant` tells what a row has otherwise than its method's YAML and preset, `alpha=5`, and `setting` the same of the
    other components, `recipe.epochs=1`; both are "" of the plain row. Rows that differ in any value differ in one of
    these, so grouping by all of them never pools what differs; see `labels`. A metric whose values are changed, which
    those of a protocol are not, has them in its name; `metric_values` are all of them. Of several rows of one config
    and seeds, which other code or data made, the newest is here, and `older` is the number of those left out; `code`
    are digests of the code and values of model, recipe and scenario, and of the method; `versions` tells the versions,
    devices and CPU capabilities that made the row and its models. `twins` counts the images of one set that are
    identical to one of another, as `forget_retain 18/20`. `given` is JSON that names the files of models that were not
    made here. `swept` has the values of those fields of the method in which the rows of its block differ, `alpha=5`.

        >>> frame = supreme.report.load("outputs")
        >>> frame.query("metric == 'accuracy/test'").groupby(["method", "variant"])["value"].mean()

    Raises:
        SupremeError: there is no readable row, and no cell has failed.
    """
    return frame_of(*read_results(directory))


def read_results(directory: str | Path) -> tuple[list[Row], list[failures.Failure], list[str]]:
    """The rows and the failures of an output directory, each in order of arrival, and what is to be said of others.

    Raises:
        SupremeError: there is neither.
    """
    folder = Path(directory, "rows")
    rows, left_out = read_all(folder, Reader().read, "row")
    rows.sort(key=lambda row: (row.written, row.path.name))
    failed, flaws = read_all(Path(directory, "failures"), failures.read, "failure")
    failed.sort(key=lambda failure: (failure.written, failure.path.name))
    left_out += flaws
    if not rows and not failed:
        raise no_results(directory, left_out)
    return rows, failed, left_out


def frame_of(
    rows: Sequence[Row],
    failed: Sequence[failures.Failure] = (),
    left_out: Sequence[str] = (),
    names: Names | None = None,
) -> pd.DataFrame:
    """The frame that `load` gives, of these rows and failures, each in order of arrival.

    Args:
        left_out: for `attrs["left_out"]`.
        names: what they are called, where others are named with them.
    """
    labels, suffixes, of_failed = names or names_of(rows, failed)
    entries, older = _newest(zip(rows, labels, suffixes, strict=True))
    frame = _frame(sorted(entries, key=lambda entry: (entry[1], entry[0].seeds)), older)
    frame.attrs["failures"] = failures.standing(
        list(zip(failed, of_failed, strict=True)),
        [(row, told) for row, told, _ in entries],
    )
    frame.attrs["asked"] = asked.by_block((told[:-2], row.metric_settings) for row, told, _ in entries)
    frame.attrs["left_out"] = list(left_out)
    frame.attrs["columns"] = declared_by((row.columns, row.declared) for row in rows)
    return frame


def _frame(entries: Sequence[_Labelled], older: Mapping[str, int]) -> pd.DataFrame:
    """The lines of these rows, in their order; made by columns, for a sweep may have a million of them."""
    if not entries:
        return pd.DataFrame(columns=list(COLUMNS))
    rows = [row for row, _, _ in entries]
    swept = swept_texts([labels[:OF_METHOD] for _, labels, _ in entries], [row.settings["method"] for row in rows])
    per_row = pd.DataFrame(
        [
            (
                *(row.cell, *labels, *row.seeds, row.forget_size, row.forget_digest, row.notes, row.protocol),
                *(scenario_values(row), *row.tuned, row.endpoints, row.code, row.versions),
                *(older.get(row.cell, 0), row.twins, row.given, fields),
            )
            for (row, labels, _), fields in zip(entries, swept, strict=True)
        ],
        columns=list(PER_ROW),
    )
    lines = np.repeat(np.arange(len(rows)), [len(row.columns) for row in rows])
    return (
        per_row.take(lines)
        .assign(
            metric=_text(
                (column + suffix.get(family_of(column), "") for column in row.columns) for row, _, suffix in entries
            ),
            metric_values=_text(metric_values(row) for row in rows),
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


def _newest(labelled: Iterable[_Labelled]) -> tuple[list[_Labelled], dict[str, int]]:
    """One row per labels and seeds, the one that was finished last, and of how many older ones it takes the place.

    They have the same config and other cells: a change of data or code lies between them.
    """
    newest: dict[Any, _Labelled] = {}
    older: dict[Any, list[Path]] = defaultdict(list)
    for entry in labelled:
        key = entry[1], entry[0].seeds
        if key in newest:
            older[key].append(newest[key][0].path)
        newest[key] = entry
    left_out = sorted(path.name for paths in older.values() for path in paths)
    if left_out:
        some = ", ".join(left_out[:3]) + (f" and {len(left_out) - 3} more" if len(left_out) > 3 else "")
        log.warning(
            "left out %d older row%s (%s): newer ones have the same config and seeds but other cells, so the data or "
            "the code changed between them",
            *(len(left_out), "" if len(left_out) == 1 else "s", some),
        )
    return list(newest.values()), {newest[key][0].cell: len(paths) for key, paths in older.items()}
