"""Methods that were swept over how hard they forget: forget accuracy against utility, with the Pareto front."""

from __future__ import annotations

from typing import Any

import pandas as pd

from supreme.report.figures import estimates
from supreme.report.figures import frontier_layers as layers
from supreme.report.figures.frontier_points import frontier_points
from supreme.report.figures.shown import Shown
from supreme.report.figures.specification import LINE, WIDTH, Spec, figure, mean_over
from supreme.report.figures.style import FIRST
from supreme.report.statistics.frontier import has_frontier

ABSENT = (
    "a frontier needs three values of one field of a method, and metric=[accuracy], as experiment=frontier has them"
)

MOST_TOGETHER = 8
"""Methods in one view; more have a panel each, with the others in grey."""

COLUMNS, GAP, AXIS, PANEL = 3, 10, 44, 84
"""Of panels: how many beside each other, pixels between them and of the axis left of them, and the height of one."""


def frontier(block: Shown) -> Spec | None:
    """Each value of each method, joined along its field; None where no method was swept over one."""
    if not has_frontier(block.rows):
        return None
    utility = estimates.utility_metric(block.rows)
    table = frontier_points(block, utility)
    methods = [name for name in table["family"].unique() if name not in FIRST]
    caption = (
        f"{mean_over(table['seeds'])} A line: one method along the field in brackets. Outlined: on the Pareto front of "
        "all of them, by the distance of forget accuracy from the reference's and by the accuracy on unseen data that "
        "is lost. Dashed: the reference."
    )
    view = {"data": {"name": "points"}, "transform": layers.TRANSFORM, "encoding": layers.axes(table, utility)}
    shown = {"points": table.drop(columns="seeds")}
    if len(methods) > MOST_TOGETHER:
        return _panels(block, caption, shown, view)
    height = max(230, LINE * (table["family"].nunique() + 2))
    layer = [
        *layers.target({}),
        *layers.uncertainty(),
        layers.line({}),
        *layers.marks({}),
        layers.anchors({}),
        *layers.legend(),
    ]
    return figure(block, "Frontier of forgetting", caption, shown, height=height, layer=layer, **view)


def _panels(block: Shown, caption: str, shown: dict[str, pd.DataFrame], view: Spec) -> Spec:
    """A panel for each method: its own points on those of all."""
    every = shown["points"]
    own: Any = every[[name not in FIRST for name in every["family"]]]
    context: Spec = {"data": {"name": "every"}}
    others = {"filter": "datum.own"}
    axes = {name: axis | {"axis": {"tickCount": 3, "title": None}} for name, axis in view["encoding"].items()}
    target = [part | {"data": {"name": "every"}} for part in layers.target({})]
    dots = context | {
        "transform": [others],
        "mark": {"type": "circle", "size": 7, "opacity": 0.25, "style": "ink", "tooltip": None},
    }
    return figure(
        block,
        "Frontier of forgetting",
        caption.replace("A line: one method", "A panel: one method, a line") + " Grey: the other methods.",
        {"points": own, "every": every},
        width=None,
        data={"name": "points"},
        transform=[*layers.TRANSFORM, {"calculate": "[datum.colour, datum.text, datum.rank_of]", "as": "look"}],
        columns=COLUMNS,
        facet={
            "field": "look",
            "type": "nominal",
            "sort": {"op": "min", "field": "rank_of"},
            "header": {
                "labelExpr": "datum.value[1]",
                "labelColor": {"expr": "parent.look[0]"},
                "labelAnchor": "start",
                "labelPadding": 3,
                "labelLimit": (WIDTH - AXIS) // COLUMNS - GAP,
                "title": f"{view['encoding']['y']['title']} (upwards) against {view['encoding']['x']['title']}",
                "titleOrient": "bottom",
            },
        },
        spacing={"row": 10, "column": GAP},
        resolve={"axis": {"x": "independent"}},
        spec={
            "width": (WIDTH - AXIS - GAP * (COLUMNS - 1)) // COLUMNS,
            "height": PANEL,
            "encoding": axes,
            "layer": [
                dots,
                *target,
                *layers.uncertainty(),
                layers.line({}),
                *layers.marks({}),
                layers.anchors({"data": {"name": "every"}}),
            ],
        },
    )
