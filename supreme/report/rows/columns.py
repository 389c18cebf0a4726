"""What the tables show: which metrics, under which titles, with how many digits."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from supreme.core import SupremeError


class Column(NamedTuple):
    """What one column of the tables shows."""

    metric: str
    title: str
    format: str
    """As Python's `format` takes it; `%` multiplies by 100, and the title says so in place of each cell."""


COLUMNS = (
    Column("accuracy/forget", "forget acc. %", ".2%"),
    Column("accuracy/retain", "retain acc. %", ".2%"),
    Column("accuracy/test", "test acc. %", ".2%"),
    Column("accuracy/forget_test", "forget-test acc. %", ".2%"),
    Column("accuracy/retain_test", "retain-test acc. %", ".2%"),
    Column("membership/auc", "membership AUC", ".3f"),
    Column("scores/tug_of_war", "ToW", ".3f"),
    Column("js_divergence/forget", "JS div. forget", ".4f"),
    Column("interclass_confusion/error", "confusion error %", ".2%"),
    Column("backdoor/attack_success", "attack success %", ".2%"),
    Column("gaussian_poison/z", "poison z", ".2f"),
    Column("cost/seconds", "seconds", ".2f"),
)
"""What the tables show unless told otherwise; `retain_test` only beside `forget_test`, else it is the test set."""


def unsigned(value: float, form: str) -> str:
    """A number as its column shows it, without the per cent sign; n/a for NaN."""
    return "n/a" if math.isnan(value) else format(value, form).removesuffix("%")


def signed(value: float, form: str) -> str:
    """A difference as its column shows it: +0.00 also where rounding leaves nothing of a negative one."""
    return unsigned(value, f"+z{form}")


def default_columns(metrics: Sequence[str]) -> list[Column]:
    """Those of `COLUMNS` that a block has; where it has none of them, everything it has."""
    whole = "accuracy/forget_test" not in metrics
    columns = [column for column in COLUMNS if not (whole and column.metric == "accuracy/retain_test")]
    return found_columns(columns, metrics) or [Column(metric, metric, ".4f") for metric in metrics]


def found_columns(columns: Iterable[Column], metrics: Sequence[str]) -> list[Column]:
    """The columns that these metrics have, one for each config of a metric that has several."""
    return [
        Column(metric, column.title + metric.removeprefix(column.metric), column.format)
        for column in columns
        for metric in metrics
        if is_config_of(metric, column.metric)
    ]


def is_config_of(metric: str, name: str) -> bool:
    """Whether this is the metric of that name, or one config of it where there are several."""
    return metric == name or metric.startswith(f"{name} (")


def column_of(metric: str) -> Column:
    """As `COLUMNS` has it, else with its own name as the title."""
    usual = next((column for column in COLUMNS if column.metric == metric), None)
    if usual is not None:
        return usual
    name = metric.removeprefix("accuracy/").replace("_", "-")
    return Column(metric, f"{name} acc. %", ".2%") if metric.startswith("accuracy/") else Column(metric, metric, ".4f")


def refuse_unknown(metric: str, known: Sequence[str]) -> None:
    if not found_columns([Column(metric, "", "")], known):
        near = difflib.get_close_matches(metric, known, 1)
        raise SupremeError(
            f"no row has the metric {metric}; "
            + (f"did you mean {near[0]}?" if near else f"they have {', '.join(known)}")
        )
