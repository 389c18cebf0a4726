"""The type, lines and colours of every figure: on paper here; the page replaces the colours by its own."""

from __future__ import annotations

from typing import Any

FONT = "Liberation Sans, Arial, Helvetica, Nimbus Sans, sans-serif"
"""Faces of the same widths: what fits in one fits in all."""

SOFT, FAINT, STRONG = "#444444", "#777777", "#888888"

CONFIG: dict[str, Any] = {
    "background": "white",
    "font": FONT,
    "padding": 4,
    "view": {"stroke": None},
    "axis": {
        "labelFontSize": 10,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
        "labelColor": SOFT,
        "titleColor": "#222222",
        "domainColor": STRONG,
        "tickColor": STRONG,
        "gridColor": "#e2e2e2",
        "gridWidth": 0.6,
        "domainWidth": 0.8,
        "tickWidth": 0.8,
        "tickSize": 4,
        "grid": False,
        "labelOverlap": "greedy",
        "labelSeparation": 6,
        "titlePadding": 7,
        "labelLimit": 150,
        "titleLimit": 360,
    },
    "legend": {
        "labelFontSize": 10,
        "labelColor": "#222222",
        "title": None,
        "symbolType": "square",
        "symbolSize": 90,
        "labelLimit": 170,
        "rowPadding": 3,
        "columnPadding": 12,
        "offset": 8,
    },
    "header": {"labelFontSize": 10, "titleFontSize": 11, "titleFontWeight": "normal", "titleColor": "#222222"},
    "text": {"fontSize": 10, "color": "#222222"},
    "rule": {"color": FAINT},
    "title": {
        "orient": "bottom",
        "anchor": "start",
        "frame": "bounds",
        "fontSize": 9,
        "fontWeight": "normal",
        "color": "#666666",
        "lineHeight": 11,
        "offset": 8,
    },
    "style": {
        "ink": {"color": "#222222"},
        "target": {"color": FAINT, "strokeWidth": 0.8, "strokeDash": [4, 3]},
        "band": {"color": "black", "opacity": 0.07},
    },
}


def themed(spec: dict[str, Any]) -> dict[str, Any]:
    """The figure as on paper."""
    return {**spec, "config": CONFIG}
