"""Accuracy of each class: which classes a method leaves or harms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from supreme.report.figures.series import CLASSES, class_changes
from supreme.report.figures.shown import Shown
from supreme.report.figures.specification import LOOKS, ROW_AXIS, ROWS, Spec, figure, seeds_over
from supreme.report.figures.style import short

ABSENT = "accuracies of each class need rows with the series accuracy/by_class, of metric=[accuracy]"

MOST_CLASSES = 20
"""More do not fit a column; those that change most are shown."""

NARROWEST = 25
"""Pixels of a column that has room for its numbers."""

ROW = 18
"""Height of the row of a method, in pixels."""

SIGNED = "abs({0}) < 0.5 ? '0' : format({0}, '+.0f')"
"""The expression of a whole number of points, with its sign."""

BELOW, ABOVE = "rgba(192,57,43,{})", "rgba(31,111,178,{})"
"""The colours of less and of more than the reference, by how much of it covers the paper."""


def classes(block: Shown, name: str = CLASSES) -> Spec | None:
    """Accuracy of each class minus the reference's, per method; None where no row has accuracies of classes."""
    changes = class_changes(block.series, name) if len(block.series) else pd.DataFrame()
    if changes.empty:
        return None
    most = changes.abs().max().sort_values(ascending=False, kind="stable").index[:MOST_CLASSES]
    shown: Any = 100 * changes[[column for column in changes.columns if column in set(most)]]
    over = seeds_over([block.series.loc[block.series["series"] == name, "seed"].nunique()])
    caption = (
        f"Accuracy of the class minus that of the reference, in percentage points; mean over n = {over}. "
        "Red: below the reference; blue: above."
    )
    if len(shown.columns) < len(changes.columns):
        caption += f" The {len(shown.columns)} of {len(changes.columns)} classes that change most."
    names = {column: short(str(column), 14) for column in shown.columns}
    turned = max(map(len, names.values())) * len(names) > 34
    limit = max(5.0, float(np.nanmax(np.abs(shown.to_numpy()))))
    stacked: Any = shown.rename(columns=str).rename_axis(columns="class").stack()
    table: Any = pd.DataFrame({"change": stacked.round(2)}).reset_index()
    order = {str(column): index for index, column in enumerate(shown.columns)}
    labels = {str(column): label for column, label in names.items()}
    table = table.assign(column=table["class"].map(order), name=table["class"].map(labels))
    column: Spec = {"field": "column", "type": "ordinal", "title": "class"}
    colour = {
        "field": "change",
        "type": "quantitative",
        "scale": {
            "domain": [-limit, -1e-9, 1e-9, limit],
            "range": [BELOW.format(0.9), BELOW.format(0.03), ABOVE.format(0.03), ABOVE.format(0.9)],
        },
        "legend": {
            "orient": "bottom",
            "values": [-int(limit), 0, int(limit)],
            "labelExpr": SIGNED.format("datum.value"),
            "gradientLength": 150,
            "gradientThickness": 8,
        },
    }
    axis: Spec = {
        "orient": "top",
        "ticks": False,
        "domain": False,
        "labelOverlap": False,
        "labelFontSize": 9.5,
        "labelAngle": -90 if turned else 0,
        "labelExpr": f"{list(names.values())!r}[datum.value]",
    }
    return figure(
        block,
        "Accuracy of each class minus the reference's",
        caption,
        {"classes": table[["method", "class", "column", "change"]]},
        data={"name": "classes"},
        transform=[LOOKS],
        row=ROW,
        encoding={
            "x": column | {"axis": axis},
            "y": ROWS | ROW_AXIS,
        },
        layer=[
            {
                "mark": {"type": "rect", "height": {"band": 0.94}, "width": {"band": 0.94}},
                "encoding": {
                    "color": colour,
                    "tooltip": [
                        {"field": "method", "type": "nominal"},
                        {"field": "class", "type": "nominal"},
                        {"field": "change", "type": "quantitative", "format": "+.1f", "title": "points"},
                    ],
                },
            },
            {
                "transform": [
                    {"filter": f"width >= {NARROWEST * len(names)}"},
                    {"calculate": SIGNED.format("datum.change"), "as": "text"},
                ],
                "mark": {"type": "text", "fontSize": 9, "tooltip": None},
                "encoding": {
                    "text": {"field": "text"},
                    "color": {"condition": {"test": f"abs(datum.change) > {0.55 * limit}", "value": "white"}},
                },
            },
        ],
    )
