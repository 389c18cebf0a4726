"""Two numbers of each method against each other, every method named in the right margin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from supreme.report.figures.specification import COLOUR, LINE, LOOKS, SHAPE, Spec

LABELS = 158
"""Width of the margin in which methods are named, in pixels."""

MOST_LEADERS = 20
"""With more labels their lines to the points would be all that one sees; colour and shape must do."""


def height_for(methods: int) -> int:
    """Room for a label of each method."""
    return max(230, LINE * (methods + 1))


def transforms(height: int, x_scale: str = "linear", y_from_zero: bool = False) -> list[Spec]:
    """From `x`, `x_low`, `x_high` and those of y to the ends of the axes and the place `at` of each label, in y's unit.

    The labels are as near to their points as they can be in the order of the points: of all places a line apart the
    ones whose farthest label is nearest (the mean of the running maximum from below and the running minimum from
    above, the isotonic regression in the maximum norm), then moved into the plot.
    """
    room = 0.05
    log = x_scale == "log"
    x = "log(datum.{})/LN10" if log else "datum.{}"
    gap = f"({LINE / height}*(datum.y_to-datum.y_from))"
    return [
        LOOKS,
        *([_calculate(f"u{end}", x.format(f"x{end}")) for end in ("", "_low", "_high")]),
        {
            "joinaggregate": [
                {"op": "min", "field": "u_low", "as": "u_least"},
                {"op": "max", "field": "u_high", "as": "u_most"},
                {"op": "min", "field": "y_low", "as": "y_least"},
                {"op": "max", "field": "y_high", "as": "y_most"},
                {"op": "count", "as": "methods"},
            ]
        },
        _calculate("u_room", _room("u", room, "0.3" if log else None)),
        _calculate("y_room", _room("y", room, None)),
        _calculate("u_from", "datum.u_least-datum.u_room"),
        _calculate("u_to", "datum.u_most+datum.u_room"),
        _calculate("x_from", "pow(10,datum.u_from)" if log else "datum.u_from"),
        _calculate("x_to", "pow(10,datum.u_to)" if log else "datum.u_to"),
        _calculate("y_from", "0" if y_from_zero else "datum.y_least-datum.y_room"),
        _calculate("y_to", "datum.y_most+datum.y_room"),
        {
            "window": [{"op": "row_number", "as": "rank"}],
            "sort": [{"field": "y"}, {"field": "u"}, {"field": "method"}],
            "frame": [None, 0],
        },
        _calculate("wanted", f"datum.y-datum.rank*{gap}"),
        _running("max", "floor", "ascending"),
        _running("min", "ceiling", "descending"),
        _calculate(
            "at",
            f"max(datum.y_from-{gap}/2,min((datum.floor+datum.ceiling)/2,datum.y_to-{gap}*(datum.methods+0.5)))"
            f"+datum.rank*{gap}",
        ),
    ]


def frame_layer() -> Spec:
    """Nothing to see: it holds the axes to their ends."""
    return {"mark": {"type": "rule", "strokeWidth": 0}, "encoding": _box("x_from", "x_to", "y_from", "y_to")}


def intervals(axes: Sequence[str]) -> list[Spec]:
    """The 95 % intervals of each point."""
    ends = {"x": _box("x_low", "x_high", "y", None), "y": _box("x", None, "y_low", "y_high")}
    mark = {"type": "rule", "strokeWidth": 1, "opacity": 0.6}
    return [{"mark": mark, "encoding": {**ends[axis], "color": COLOUR}} for axis in axes]


def points(tooltip: Sequence[Spec]) -> Spec:
    return {
        "mark": {"type": "point", "filled": True, "size": 80, "opacity": 1, "style": "marker"},
        "encoding": {**_box("x", None, "y", None), "fill": COLOUR, "shape": SHAPE, "tooltip": list(tooltip)},
    }


def labels() -> list[Spec]:
    """Each method named in the right margin, marker first, with a thin line to its point."""
    at: Any = {"y": {"field": "at", "type": "quantitative"}}
    right = {"value": {"expr": "width + 8"}}
    return [
        {
            "transform": [{"filter": f"datum.methods <= {MOST_LEADERS}"}],
            "mark": {"type": "rule", "strokeWidth": 0.6, "opacity": 0.45},
            "encoding": {**_box("x", None, "y", None), "x2": right, "y2": {"field": "at"}, "color": COLOUR},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 52, "opacity": 1, "strokeWidth": 0},
            "encoding": {"x": {"value": {"expr": "width + 14"}}, **at, "fill": COLOUR, "shape": SHAPE},
        },
        {
            "mark": {"type": "text", "align": "left", "baseline": "middle", "limit": LABELS - 24},
            "encoding": {
                "x": {"value": {"expr": "width + 22"}},
                **at,
                "text": {"field": "label"},
                "color": COLOUR,
            },
        },
    ]


def _box(x: str, x2: str | None, y: str, y2: str | None) -> Spec:
    found: Spec = {"x": {"field": x, "type": "quantitative"}, "y": {"field": y, "type": "quantitative"}}
    return found | ({"x2": {"field": x2}} if x2 is not None else {}) | ({"y2": {"field": y2}} if y2 is not None else {})


def _calculate(name: str, expression: str) -> Spec:
    return {"calculate": expression, "as": name}


def _room(axis: str, share: float, least: str | None) -> str:
    """Beside the outermost values; where all are equal, enough to have an axis."""
    least = least or f"max(0.01,0.05*abs(datum.{axis}_least))"
    extent = f"(datum.{axis}_most-datum.{axis}_least)"
    return f"{extent}>0?{share}*{extent}:{least}"


def _running(op: str, name: str, order: str) -> Spec:
    return {
        "window": [{"op": op, "field": "wanted", "as": name}],
        "sort": [{"field": "rank", "order": order}],
        "frame": [None, 0],
    }
