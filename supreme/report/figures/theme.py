"""The type, lines and colours of every figure: those of paper, and those of the page, which follow light and dark."""

from __future__ import annotations

from typing import Any, NamedTuple

FONT = "Liberation Sans, Arial, Helvetica, Nimbus Sans, sans-serif"
"""Faces of the same widths: what fits in one fits in all."""


class Palette(NamedTuple):
    """What a figure is drawn with beside the colours of methods."""

    paper: str
    ink: str
    soft: str
    faint: str
    line: str
    background: str | None


PAPER = Palette("white", "#222222", "#444444", "#777777", "#e2e2e2", "white")
PAGE = Palette("var(--paper)", "currentColor", "var(--soft)", "var(--faint)", "var(--line)", None)


def config(palette: Palette) -> dict[str, Any]:
    """What Vega-Lite calls the config: the look of everything that a figure does not say itself."""
    paper, ink, soft, faint, line, background = palette
    title = {"titleFontSize": 11, "titleFontWeight": "normal", "titleColor": ink}
    return {
        "background": background,
        "font": FONT,
        "padding": 4,
        "aria": False,  # the whole figure has a description
        "view": {"stroke": None},
        "axis": {
            **title,
            "labelFontSize": 10,
            "labelColor": soft,
            "domainColor": faint,
            "domainWidth": 0.8,
            "tickColor": faint,
            "tickWidth": 0.8,
            "tickSize": 4,
            "grid": False,
            "gridColor": line,
            "gridWidth": 0.6,
            "labelOverlap": "greedy",
            "labelSeparation": 6,
            "titlePadding": 7,
            "labelLimit": 150,
            "titleLimit": 360,
        },
        "legend": {
            "labelFontSize": 10,
            "labelColor": ink,
            "title": None,
            "symbolType": "square",
            "symbolSize": 90,
            "symbolStrokeWidth": 0,
            "labelLimit": 170,
            "rowPadding": 3,
            "columnPadding": 12,
            "offset": 8,
        },
        "header": {**title, "labelFontSize": 10, "labelColor": ink},
        "text": {"fontSize": 10, "color": ink},
        "rule": {"color": faint},
        "title": {
            "orient": "bottom",
            "anchor": "start",
            "frame": "bounds",
            "fontSize": 9,
            "fontWeight": "normal",
            "color": soft,
            "lineHeight": 11,
            "offset": 8,
        },
        "style": {
            "ink": {"color": ink},
            "marker": {"stroke": paper, "strokeWidth": 0.6},
            "target": {"color": faint, "strokeWidth": 0.8, "strokeDash": [4, 3]},
            "band": {"color": ink, "opacity": 0.07},
        },
    }


def themed(spec: dict[str, Any]) -> dict[str, Any]:
    """The figure as on paper."""
    return {**spec, "config": config(PAPER)}
