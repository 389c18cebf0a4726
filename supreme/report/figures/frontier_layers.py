"""The layers of the figure of frontiers; `data` is what a layer draws where that is not what the view has."""

from __future__ import annotations

import pandas as pd

from supreme.report.figures.scatter import LABELS, intervals
from supreme.report.figures.specification import COLOUR, LINE, LOOKS, SHAPE, Spec, axis_title
from supreme.report.statistics.frontier import FORGETTING

ROOM = 0.08
"""Beside the outermost points, as a share of the axis; intervals that are longer are cut."""

TRANSFORM: list[Spec] = [
    LOOKS,
    {"calculate": "datum.own || datum.colour", "as": "colour"},
    {"calculate": "datum.shape_of", "as": "shape"},
]


def axes(table: pd.DataFrame, utility: str) -> Spec:
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


def target(data: Spec) -> list[Spec]:
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


def line(data: Spec) -> Spec:
    return data | {
        "transform": [{"filter": "datum.joined"}],
        "mark": {"type": "line", "strokeWidth": 1.2, "opacity": 0.8},
        "encoding": {"detail": {"field": "family"}, "order": {"field": "place"}, "color": COLOUR},
    }


def uncertainty() -> list[Spec]:
    return [part | {"mark": part["mark"] | {"opacity": 0.35, "clip": True}} for part in intervals("xy")]


def marks(data: Spec) -> list[Spec]:
    """A marker for each value, outlined where it is on the Pareto front."""
    tooltip = [
        {"field": "method", "type": "nominal"},
        {"field": "x", "type": "quantitative", "title": FORGETTING, "format": ".4"},
        {"field": "y", "type": "quantitative", "title": "utility", "format": ".4"},
    ]
    return [
        data
        | {
            "transform": [{"filter": "datum.own"}],
            "mark": {"type": "point", "filled": True, "opacity": 1, "strokeWidth": 0},
            "encoding": {
                "fill": COLOUR,
                "shape": SHAPE,
                "size": {"condition": {"test": "datum.front", "value": 70}, "value": 34},
                "tooltip": tooltip,
            },
        },
        data
        | {
            "transform": [{"filter": "datum.front"}],
            "mark": {"type": "point", "filled": False, "size": 70, "strokeWidth": 1.3, "style": "ink", "opacity": 1},
            "encoding": {"shape": SHAPE, "tooltip": tooltip},
        },
    ]


def anchors(data: Spec) -> Spec:
    """The models that methods are compared with, on top."""
    return data | {
        "transform": [*TRANSFORM, {"filter": "!datum.own"}],
        "mark": {"type": "point", "filled": True, "size": 60, "opacity": 0.9, "style": "marker"},
        "encoding": {"fill": COLOUR, "shape": SHAPE, "tooltip": {"field": "method", "type": "nominal"}},
    }


def legend() -> list[Spec]:
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
