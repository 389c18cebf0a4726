"""What every figure shares: its size, its caption, its data sets, and axes and words of the same kind."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import pandas as pd

from supreme.report.figures.shown import Shown
from supreme.report.figures.style import look_records

Spec = dict[str, Any]
"""A Vega-Lite specification, or a part of one."""

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"

WIDTH = 380
"""Of a figure, in its own pixels, with everything in it; a file is 3.35 inches wide, one column of a paper."""

LINE = 13
"""Height of one line of labels, in pixels."""

CAPTION_CHARACTERS = 88
"""Of a line of the caption."""

LOOKS: Spec = {
    "lookup": "method",
    "from": {"data": {"name": "methods"}, "key": "method", "fields": ["label", "brief", "colour", "shape", "order"]},
}
"""The transform that gives each record the look of its method."""

COLOUR: Spec = {"field": "colour", "type": "nominal", "scale": None}
SHAPE: Spec = {"field": "shape", "type": "nominal", "scale": None}
ROWS: Spec = {"field": "label", "type": "nominal", "title": None, "sort": {"op": "min", "field": "order"}}
"""Encodings: of marks by method, and of a row for each method."""


class OfMethods(Protocol):
    """What a figure is of, as far as its looks go."""

    @property
    def methods(self) -> list[str]:
        """Every method that it shows."""
        ...


def figure(
    block: Shown | OfMethods,
    name: str,
    caption: str,
    datasets: Mapping[str, pd.DataFrame],
    width: int | None = WIDTH,
    row: int | None = None,
    **view: Any,
) -> Spec:
    """A figure of one block, or of another set of methods, one column wide.

    Args:
        name: what a screen reader says of it.
        caption: what the marks are and over how many training seeds; below the figure in files, beside it in the page.
        datasets: by name; records have `method`, or belong to every method.
        width: with everything in it; None: of panels, which have widths of their own.
        row: height of the row of a method, of a figure that has such rows.
        view: the rest of the specification; each layer names its data.
    """
    shown = {name: records(table) for name, table in datasets.items()}
    rows = {record["method"] for part in shown.values() for record in part if "method" in record}
    return {
        "$schema": SCHEMA,
        "description": name,
        "title": {"text": textwrap.wrap(caption, CAPTION_CHARACTERS)},
        "datasets": {
            "methods": look_records(block.methods),
            **shown,
        },
        **({"width": width, "autosize": {"type": "fit-x", "contains": "padding"}} if width else {}),
        **({"height": row * len(rows), "usermeta": {"row": row}} if row else {}),
        **view,
    }


def seeds_over(counts: Iterable[float]) -> str:
    """`3 training seeds`, `2 to 5 training seeds`."""
    found = [int(count) for count in counts]
    low, high = min(found), max(found)
    return f"{low if low == high else f'{low} to {high}'} training seed{'' if high == 1 else 's'}"


def mean_over(counts: Iterable[float], bars: str = "bars: 95 % t intervals of the mean") -> str:
    """Of what the marks are means, and what their bars are, where more than one training seed gives any."""
    found = list(counts)
    return (
        f"Mean over n = {seeds_over(found)}; {bars}." if max(found) > 1 else f"n = {seeds_over(found)}: no intervals."
    )


def value_axis(title: str) -> Spec:
    """The axis below rows; a title that is wider than the plot reaches below the names of the rows."""
    return {"title": title, "axis": {"tickCount": 5, "titleAnchor": "end" if len(title) > 30 else None}}


ROW_AXIS: Spec = {"axis": {"ticks": False, "domain": False, "labelPadding": 6}}


def axis_title(metric: str) -> str:
    family, _, which = metric.partition("/")
    return f"{which.replace('_', '-')} accuracy (fraction)" if family == "accuracy" else metric


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The lines of a table as JSON has them: five significant digits, as a plot shows, None where not finite."""
    return [{str(name): _plain(value) for name, value in line.items()} for line in table.to_dict("records")]


def _plain(value: Any) -> Any:
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float):
        return float(f"{value:.5g}") if math.isfinite(value) else None
    return value
