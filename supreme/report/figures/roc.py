"""Membership ROC of each method beside the reference's."""

from __future__ import annotations

from typing import Any

from supreme.report.figures.series import ROC, roc_curves
from supreme.report.figures.shown import Shown
from supreme.report.figures.specification import COLOUR, LOOKS, WIDTH, Spec, figure, seeds_over

ABSENT = "membership curves need rows with the series membership/roc, of metric=[accuracy,membership]"

COLUMNS = 4
LETTER = 5.7
"""Width of an average letter of a panel's name, in pixels."""

_NAME = "(length(datum.label) > letters ? datum.brief : datum.label)"
GAP, AXIS, PANEL = 10, 44, 62
"""Between panels, of the axis left of them, and the height of one, in pixels."""


def roc(block: Shown, name: str = ROC) -> Spec | None:
    """A panel per method, false-positive rates on a logarithmic axis; None where no row has a curve."""
    curves: Any = roc_curves(block.series, name)
    methods = set(curves["method"]) - {"reference"}
    if not methods:
        return None
    columns = min(COLUMNS, len(methods))
    panel = (WIDTH - AXIS - GAP * (columns - 1)) // columns
    count = int(curves["seeds"].max())
    shaded = ", shaded ± SD" if count > 1 else ""
    caption = f"Mean over n = {seeds_over([count])}{shaded}. Thin: the reference; dashed: chance."
    of_reference = curves["method"] == "reference"
    kept = curves[["fpr", "mean", "low", "high"]].round(4)
    reference, own = kept[of_reference], kept[~of_reference].assign(method=curves["method"])
    least = float(curves["fpr"].min())
    return figure(
        block,
        "Membership ROC of each method",
        caption,
        {"curves": own, "reference": reference},
        width=None,
        data={"name": "curves"},
        transform=[LOOKS, {"calculate": f"[datum.colour, {_NAME}, datum.method]", "as": "look"}],
        params=[{"name": "letters", "value": int(panel / LETTER)}],
        columns=columns,
        facet={
            "field": "look",
            "type": "nominal",
            "sort": {"op": "min", "field": "order"},
            "header": {
                "labelExpr": "datum.value[1]",
                "labelColor": {"expr": "parent.look[0]"},
                "labelAnchor": "start",
                "labelPadding": 3,
                "title": "true-positive rate (upwards) against false-positive rate (logarithmic)",
                "titleOrient": "bottom",
            },
        },
        spacing={"row": 10, "column": GAP},
        resolve={"axis": {"x": "independent"}},
        spec={
            "width": panel,
            "height": PANEL,
            "encoding": {
                "x": {"field": "fpr", "type": "quantitative", "scale": {"type": "log", "domain": [least, 1]}}
                | {"axis": {"values": _ticks(least), "format": "~r", "title": None, "labelFlush": True, "tickSize": 3}},
                "y": {"type": "quantitative", "scale": {"domain": [0, 1]}}
                | {"axis": {"values": [0, 0.5, 1], "format": "~r", "title": None, "tickSize": 3}},
            },
            "layer": [
                {"mark": {"type": "line", "style": "target"}, "encoding": {"y": {"field": "fpr"}}},
                *_curve({"data": {"name": "reference"}}, {}, 0.9),
                *_curve({}, {"color": COLOUR}, 1.5),
            ],
        },
    )


def _curve(data: Spec, colour: Spec, width: float) -> list[Spec]:
    band = {"y": {"field": "low", "type": "quantitative"}, "y2": {"field": "high"}}
    return [
        data | {"mark": {"type": "area", "style": "ink", "opacity": 0.15}, "encoding": band | colour},
        data
        | {
            "mark": {"type": "line", "style": "ink", "strokeWidth": width},
            "encoding": {"y": {"field": "mean", "type": "quantitative"}} | colour,
        },
    ]


def _ticks(least: float) -> list[float]:
    """Powers of ten from `least` to 1, or the ends of these where all of them do not fit."""
    powers = [tick for tick in (1e-4, 1e-3, 1e-2, 1e-1) if tick >= least] + [1.0]
    return powers if len(powers) <= 3 else [powers[0], powers[2], 1.0][: len(powers) - 1]
