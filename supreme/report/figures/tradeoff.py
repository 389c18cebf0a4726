"""Forget accuracy against accuracy on unseen data: the reference is the target."""

from __future__ import annotations

from typing import Any

import pandas as pd

from supreme.report.figures import estimates, scatter
from supreme.report.figures.shown import Shown
from supreme.report.figures.specification import Spec, axis_title, figure, mean_over

ABSENT = "the accuracies against each other need methods with both, as metric=[accuracy] gives them"


def tradeoff(block: Shown, x: str = "accuracy/forget", y: str | None = None) -> Spec | None:
    """Each method's mean of both with 95 % intervals; None where no method has both.

    `y` is `accuracy/test`, or `accuracy/retain_test` where the forgotten classes have test data of their own.
    """
    y = y or estimates.utility_metric(block.rows)
    across, up = (_ends(estimates.points(block.rows, metric)).set_index("method") for metric in (x, y))
    table: Any = across.add_prefix("x_").join(up.add_prefix("y_"), how="inner").reset_index()
    if table.empty:
        return None
    table = table.rename(columns={"x_mean": "x", "y_mean": "y"})
    caption = f"{mean_over([*table['x_seeds'], *table['y_seeds']])} Dashed: the reference"
    caption += f"; shaded: its {block.spread}." if table["x_seeds"].max() > 1 else "."
    height = scatter.height_for(len(table))
    tooltip = [
        {"field": "method", "type": "nominal"},
        {"field": "x", "type": "quantitative", "title": x, "format": ".4"},
        {"field": "y", "type": "quantitative", "title": y, "format": ".4"},
    ]
    view = [scatter.frame_layer(), *_target(), *scatter.intervals("xy"), scatter.points(tooltip), *scatter.labels()]
    return figure(
        block,
        f"{x} against {y}",
        caption,
        {"points": table.drop(columns=["x_seeds", "y_seeds"])},
        data={"name": "points"},
        transform=scatter.transforms(height),
        height=height,
        layer=view,
        encoding={
            "x": {"title": axis_title(x), "scale": {"zero": False, "nice": False}, "axis": {"tickCount": 5}},
            "y": {"title": axis_title(y), "scale": {"zero": False, "nice": False}, "axis": {"tickCount": 5}},
        },
    )


def _ends(points: pd.DataFrame) -> pd.DataFrame:
    """With ends of intervals that fit an axis: of fractions from 0 to 1."""
    return estimates.with_ends(points, *((0, 1) if points["mean"].between(0, 1).all() else ()))


def _target() -> list[Spec]:
    """The reference as cross-hair, with a band of one SD to each side."""
    reference = {"filter": "datum.method === 'reference'"}
    found: list[Spec] = []
    for axis, other in (("x", "y"), ("y", "x")):
        within = [
            reference,
            {"filter": f"isValid(datum.{axis}_sd)"},
            *(
                {
                    "calculate": f"clamp(datum.{axis}{sign}datum.{axis}_sd,datum.{axis}_from,datum.{axis}_to)",
                    "as": f"{axis}_{end}",
                }
                for sign, end in (("-", "below"), ("+", "above"))
            ),
        ]
        along = {other: {"field": f"{other}_from", "type": "quantitative"}, f"{other}2": {"field": f"{other}_to"}}
        found += [
            {
                "transform": within,
                "mark": {"type": "rect", "style": "band"},
                "encoding": {
                    axis: {"field": f"{axis}_below", "type": "quantitative"},
                    f"{axis}2": {"field": f"{axis}_above"},
                    **along,
                },
            },
            {
                "transform": [reference],
                "mark": {"type": "rule", "style": "target"},
                "encoding": {axis: {"field": axis, "type": "quantitative"}, **along},
            },
        ]
    return found
