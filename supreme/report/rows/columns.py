"""What the tables show: which metrics, under which titles, with how many digits. The metrics declare it themselves."""

from __future__ import annotations

import difflib
import math
from collections.abc import Container, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from typing import Any, NamedTuple, TypeVar

import pandas as pd

from supreme.core import Column, SupremeError
from supreme.core.column import Declared, column_in, columns_in
from supreme.report.catalogue.metrics import our_columns
from supreme.report.rows.labels import bare_name


class TableColumn(NamedTuple):
    """What one column of the tables shows."""

    metric: str
    title: str
    format: str
    """As Python's `format` takes it; `%` multiplies by 100, and the title says so in place of each cell."""


def unsigned(value: float, form: str) -> str:
    """A number as its column shows it, without the per cent sign; n/a for NaN."""
    return "n/a" if math.isnan(value) else format(value, form).removesuffix("%")


def signed(value: float, form: str) -> str:
    """A difference as its column shows it: +0.00 also where rounding leaves nothing of a negative one."""
    return unsigned(value, f"+z{form}")


def declared_in(frame: pd.DataFrame) -> Declared:
    """What the rows of a frame declare of its columns; where it was not made by `load`, what our own metrics do."""
    told = frame.attrs.get("columns")
    return our_columns() if told is None else {name: Column.of_record(record) for name, record in told.items()}


class Records(dict[str, Mapping[str, Any]]):
    """The fields of columns, by name, as `attrs` of a frame.

    pandas copies `attrs` with every frame that it makes of another one, which would take longer than making it: so all
    of them share this one, and nobody changes it.
    """

    def __deepcopy__(self, memo: object) -> Records:
        return self


T = TypeVar("T")


class Kept(list[T]):
    """A list as `attrs` of a frame, of which the same holds as of `Records`."""

    def __deepcopy__(self, memo: object) -> Kept[T]:
        return self


def declared_by(rows: Iterable[tuple[tuple[str, ...], Mapping[str, Mapping[str, Any]] | None]]) -> Records:
    """What rows declare of their columns, for `declared_in`; where they differ, the last one counts.

    Args:
        rows: of each its columns and what it says of them; None where it is older than such declarations, so that what
            our own metrics declare now stands in.
    """
    found = Records()
    for columns, told in rows:
        found |= _our_records(columns) if told is None else told
    return found


@cache
def _our_records(columns: tuple[str, ...]) -> Mapping[str, Mapping[str, Any]]:
    return {name: column.record() for name, column in columns_in(our_columns(), columns).items()}


def default_columns(
    metrics: Sequence[str], declared: Declared, wanted: Sequence[str] = (), explicit: Container[str] = ()
) -> list[TableColumn]:
    """Those of a block that a table shows unless told otherwise; where it has none of them, everything it has.

    These are the columns that are declared to be shown, by rank. Where metrics are `wanted`, only theirs, in the order
    of the metrics; one of the `explicit` ones that declares none to be shown has all its columns shown.
    """
    names = list(dict.fromkeys(map(bare_name, metrics)))
    shown = _shown(names, metrics, declared)
    if wanted:
        families = dict.fromkeys([*wanted, ""])  # the last: columns that are not named after their metric
        own = {family: [name for name in names if _metric_of(name, wanted) == family] for family in families}
        own[""] = [name for name in own[""] if column_in(our_columns(), name) is None]
        strange = any(name in explicit and not own[name] for name in wanted)
        shown = [
            column
            for family, columns in own.items()
            for column in [column for column in shown if column.metric in columns]
            or [column_of(name, declared) for name in columns if (family in explicit if family else strange)]
        ]
    return found_columns(shown, metrics) or [TableColumn(metric, metric, Column().format) for metric in metrics]


def _shown(names: Sequence[str], metrics: Sequence[str], declared: Declared) -> list[TableColumn]:
    """Those that are declared to be shown, by rank."""
    shown = [
        (column.rank, name, column)
        for name, column in columns_in(declared, names).items()
        if column.shown and (not column.only_beside or _has(metrics, column.only_beside))
    ]
    return [_table_column(name, column) for _, name, column in sorted(shown, key=lambda one: one[:2])]


def _metric_of(name: str, wanted: Sequence[str]) -> str:
    """The metric of these that a column is named after; "" where it is none."""
    family = name.partition("/")[0]
    return family if family in wanted else ""


def found_columns(columns: Iterable[TableColumn], metrics: Sequence[str]) -> list[TableColumn]:
    """The columns that these metrics have, one for each config of a metric that has several."""
    return [
        TableColumn(metric, column.title + metric.removeprefix(column.metric), column.format)
        for column in columns
        for metric in metrics
        if is_config_of(metric, column.metric)
    ]


def is_config_of(metric: str, name: str) -> bool:
    """Whether this is the metric of that name, or one config of it where there are several."""
    return metric == name or metric.startswith(f"{name} (")


def column_of(metric: str, declared: Declared) -> TableColumn:
    """As it is declared, else with its own name as the title."""
    return _table_column(metric, column_in(declared, metric) or Column())


def columns_named(names: Iterable[str], frame: pd.DataFrame) -> list[TableColumn]:
    """The columns of these names; one with a `*` stands for every metric of the frame that it fits.

    Raises:
        SupremeError: no row has one of them.
    """
    metrics, declared = list(frame["metric"].unique()), declared_in(frame)
    columns: list[TableColumn] = []
    for name in names:
        fitting = [metric for metric in dict.fromkeys(map(bare_name, metrics)) if fnmatchcase(metric, name)]
        columns += [column_of(one, declared) for one in (fitting if "*" in name and fitting else [name])]
    for column in columns:
        refuse_unknown(column.metric, metrics)
    return columns


def columns_asked(text: str, frame: pd.DataFrame) -> list[TableColumn]:
    """Those of a list with commas, as `columns_named` takes its parts.

    Raises:
        SupremeError: it names none, or one that no row has.
    """
    if columns := columns_named(filter(None, map(str.strip, text.split(","))), frame):
        return columns
    raise SupremeError(f"--metrics {text!r} names none; there is {', '.join(frame['metric'].unique())}")


def _table_column(name: str, column: Column) -> TableColumn:
    return TableColumn(name, column.title or name, column.format)


def _has(metrics: Iterable[str], name: str) -> bool:
    return any(is_config_of(metric, name) for metric in metrics)


def refuse_unknown(metric: str, known: Sequence[str]) -> None:
    if not _has(known, metric):
        near = difflib.get_close_matches(metric, known, 1)
        raise SupremeError(
            f"no row has the metric {metric}; "
            + (f"did you mean {near[0]}?" if near else f"they have {', '.join(known)}")
        )
