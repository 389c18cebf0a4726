"""Methods that were swept over how hard they forget: forget accuracy against utility, with the Pareto front."""

from __future__ import annotations

from typing import Any

import pandas as pd

from supreme.report.figures import estimates
from supreme.report.figures.frontier_points import frontier_points
from supreme.report.figures.scatter import LABELS, intervals
from supreme.report.figures.shown import Shown
from supreme.report.figures.specification import (
    COLOUR,
    LINE,
    LOOKS,
    SHAPE,
    WIDTH,
    Spec,
    axis_title,
    figure,
    mean_over,
)
from supreme.report.figures.style import DARK, FIRST
from supreme.report.statistics.frontier import FORGETTING, has_frontier

ABSENT = (
    "a frontier needs three values of one field of a method, and metric=[accuracy], as experiment=frontier has them"
)

MOST_TOGETHER = 8
"""Methods in one view; more have a panel each, with the others in grey."""

COLUMNS, GAP, AXIS, PANEL = 3, 10, 44, 84
"""Of panels: how many beside each other, pixels between them and of the axis left of them, and the height of one."""

ROOM = 0.08
"""Beside the outermost points, as a share of the axis; intervals that are longer are cut."""


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
    view = {"data": {"name": "points"}, "transform": _TRANSFORM, "encoding": _axes(table, utility)}
    shown = {"points": table.drop(columns="seeds")}
    if len(methods) > MOST_TOGETHER:
        return _panels(block, caption, shown, view)
    height = max(230, LINE * (table["family"].nunique() + 2))
    layer = [*_target({}), *_intervals(), _line({}), _marks({}), _anchors({}), *_legend()]
    return figure(block, "Frontier of forgetting", caption, shown, height=height, layer=layer, **view)


_TRANSFORM: list[Spec] = [
    LOOKS,
    {"calculate": "datum.own || datum.colour", "as": "colour"},
    {"calculate": "datum.shape_of", "as": "shape"},
]


def _axes(table: pd.DataFrame, utility: str) -> Spec:
    found: Spec = {}
    for axis, metric in (("x", FORGETTING), ("y", utility)):
        values = table[axis].to_numpy(dtype=float)
        low, high = float(values.min()), float(values.max())
        room = ROOM * (high - low) or 0.05
        found[axis] = {
            "field": axis,
            "type": "quantitative",
            "title": axis_title(metric),
            "scale": {"domain": [low - room, high + room], "nice": False, "zero": False},
            "axis": {"tickCount": 5},
        }
    return found


def _target(data: Spec) -> list[Spec]:
    """The reference as cross-hair."""
    only = {"transform": [{"filter": "datum.method === 'reference'"}], "mark": {"type": "rule", "style": "target"}}
    along: dict[str, Spec] = {
        "x": {"y": {"value": 0}, "y2": {"value": "height"}},
        "y": {"x": {"value": 0}, "x2": {"value": "width"}},
    }
    return [
        data | only | {"encoding": {axis: {"field": axis, "type": "quantitative"}, **ends}}
        for axis, ends in along.items()
    ]


def _line(data: Spec) -> Spec:
    return data | {
        "transform": [{"filter": "datum.joined"}],
        "mark": {"type": "line", "strokeWidth": 1.2, "opacity": 0.8},
        "encoding": {"detail": {"field": "family"}, "order": {"field": "place"}, "color": COLOUR},
    }


def _intervals() -> list[Spec]:
    return [part | {"mark": part["mark"] | {"opacity": 0.35, "clip": True}} for part in intervals("xy")]


def _marks(data: Spec) -> Spec:
    on_front = {"test": "datum.front"}
    tooltip = [
        {"field": "method", "type": "nominal"},
        {"field": "x", "type": "quantitative", "title": FORGETTING, "format": ".4"},
        {"field": "y", "type": "quantitative", "title": "utility", "format": ".4"},
    ]
    return data | {
        "transform": [{"filter": "datum.own"}],
        "mark": {"type": "point", "filled": True, "opacity": 1},
        "encoding": {
            "fill": COLOUR,
            "shape": SHAPE,
            "size": {"condition": on_front | {"value": 70}, "value": 34},
            "stroke": {"condition": on_front | {"value": DARK}, "value": "transparent"},
            "strokeWidth": {"condition": on_front | {"value": 1.3}, "value": 0},
            "tooltip": tooltip,
        },
    }


def _anchors(data: Spec) -> Spec:
    """The models that methods are compared with, on top."""
    return data | {
        "transform": [*_TRANSFORM, {"filter": "!datum.own"}],
        "mark": {"type": "point", "filled": True, "size": 60, "opacity": 0.9, "style": "marker"},
        "encoding": {"fill": COLOUR, "shape": SHAPE, "tooltip": {"field": "method", "type": "nominal"}},
    }


def _legend() -> list[Spec]:
    """Every method with its marker in the right margin."""
    rows: Spec = {
        "transform": [
            {"aggregate": [], "groupby": ["text", "colour", "shape", "rank_of"]},
            {"window": [{"op": "row_number", "as": "rank"}], "sort": [{"field": "rank_of"}]},
        ]
    }
    y = {"value": {"expr": f"{LINE} * (datum.rank - 0.5)"}}
    return [
        rows
        | {
            "mark": {"type": "point", "filled": True, "size": 52, "opacity": 1, "strokeWidth": 0},
            "encoding": {"x": {"value": {"expr": "width + 14"}}, "y": y, "fill": COLOUR, "shape": SHAPE},
        },
        rows
        | {
            "mark": {"type": "text", "align": "left", "baseline": "middle", "limit": LABELS - 24},
            "encoding": {"x": {"value": {"expr": "width + 22"}}, "y": y, "text": {"field": "text"}, "color": COLOUR},
        },
    ]


def _panels(block: Shown, caption: str, shown: dict[str, pd.DataFrame], view: Spec) -> Spec:
    """A panel for each method: its own points on those of all."""
    every = shown["points"]
    own: Any = every[[name not in FIRST for name in every["family"]]]
    context: Spec = {"data": {"name": "every"}}
    others = {"filter": "datum.own"}
    axes = {name: axis | {"axis": {"tickCount": 3, "title": None}} for name, axis in view["encoding"].items()}
    target = [part | {"data": {"name": "every"}} for part in _target({})]
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
        transform=[*_TRANSFORM, {"calculate": "[datum.colour, datum.text, datum.rank_of]", "as": "look"}],
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
            "layer": [dots, *target, *_intervals(), _line({}), _marks({}), _anchors({"data": {"name": "every"}})],
        },
    )
