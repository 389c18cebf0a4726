"""Which values went together: parallel coordinates of the trials of one method."""

from __future__ import annotations

from supreme.report.figures.specification import Spec, figure
from supreme.report.studies.trials import Study


def coordinates(study: Study, method: str) -> Spec:
    """A line for each trial, across an axis for each searched value."""
    table, ends = study.coordinates(method)
    caption = (
        f"A line for each trial of {method} that succeeded, across the values that were searched; the darker, the "
        "smaller the objective. Axes go from the smallest to the largest value tried."
    )
    order = [str(field) for field in dict.fromkeys(table["field"])]
    x = {"field": "field", "type": "nominal", "title": None, "sort": order, "scale": {"padding": 0.3}}
    x |= {"axis": {"grid": True, "labelAngle": 0, "ticks": False, "domain": False, "labelPadding": 14}}
    y = {"field": "place", "type": "quantitative", "axis": None, "scale": {"domain": [-0.06, 1.06]}}
    values = table["objective"].to_numpy(dtype=float)
    spread = bool(values.min() > 0) and values.min() < values.max()
    scale = {"scheme": "viridis", "type": "log" if spread else "linear"}
    colour = {"field": "objective", "type": "quantitative", "scale": scale}
    colour |= {"legend": {"title": "objective", "gradientLength": 120, "format": ".2~f", "tickCount": 4}}
    return figure(
        study,
        f"values of the trials of {method}",
        caption,
        {"values": table, "ends": ends},
        height=180,
        layer=[
            {
                "data": {"name": "values"},
                "mark": {"type": "line", "strokeWidth": 1.2, "opacity": 0.85, "interpolate": "linear"},
                "encoding": {"detail": {"field": "number"}, "color": colour, "x": x, "y": y},
            },
            {
                "data": {"name": "ends"},
                "mark": {"type": "text", "align": "left", "dx": 4, "fontSize": 9, "stroke": None},
                "encoding": {"text": {"field": "label"}, "x": x, "y": y},
            },
        ],
    )
