"""What a row says of the values of its scenario and of its metrics, as text for the frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from supreme.report.rows.labels import values_text
from supreme.report.rows.reading import Row


def scenario_values(row: Row) -> str:
    """`target=3`, or `fraction=0.1, count=null`: what labels leave out where it is the same in all rows."""
    return _text(row.settings["scenario"])


def metric_values(row: Row) -> list[str]:
    """Of each column, the values of its metric: `base=2`; "" where it has none, or its column is called otherwise."""
    told = {name: _text(settings) for name, settings in row.metric_settings.items()}
    return [told.get(family_of(column), "") for column in row.columns]


def family_of(column: str) -> str:
    """The metric that yields a column: `membership` of `membership/auc`."""
    return column.partition("/")[0]


def _text(settings: Mapping[str, Any]) -> str:
    return values_text({name: value for name, value in settings.items() if name != "_target_"})
