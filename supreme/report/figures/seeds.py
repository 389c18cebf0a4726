"""Every training seed of each method: how far its value is from that of the reference."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from supreme.report.figures import estimates
from supreme.report.figures.shown import Shown
from supreme.report.figures.specification import COLOUR, LOOKS, ROW_AXIS, ROWS, Spec, figure, seeds_over, value_axis

ABSENT = "no row has a value of it"

ROW = 17
"""Height of the row of a method, in pixels."""


def seeds(block: Shown, metric: str = "accuracy/forget") -> Spec | None:
    """One dot per training seed and method: value minus reference of the same seed, their mean and 95 % interval.

    A metric that the reference has no value of, as a distance to it, is shown itself. None where no row has a value.
    """
    every: Any = block.seeds.get(metric)
    if every is None:
        return None
    paired = bool(every["reference"].notna().any())
    shown = every["value"] - every["reference"] if paired else every["value"]
    spread = every.loc[every["method"] == "reference", "value"].std()
    every = every.assign(value=shown).dropna(subset=["value"])
    means: Any = estimates.with_ends(estimates.intervals_of(every))
    if paired:
        every, means = every[every["method"] != "reference"], means[means["method"] != "reference"]
    if means.empty:
        return None
    caption = f"A dot: one of n = {seeds_over(means['seeds'])}."
    caption += " Line and bar: mean and its 95 % t interval." if max(means["seeds"]) > 1 else ""
    datasets: Any = {
        "dots": every[["method", "seed", "value"]],
        "means": means[["method", "mean", "low", "high"]],
    }
    layer = []
    if paired:
        datasets["reference"] = pd.DataFrame({"zero": [0.0], "low": [-spread], "high": [spread]})
        caption += f" Shaded: the reference's {block.spread}." if math.isfinite(spread) else ""
        layer = _target(math.isfinite(spread))
    return figure(
        block,
        f"{metric} of every training seed",
        caption,
        datasets,
        row=ROW,
        layer=[*layer, *_marks(metric)],
        encoding={
            "x": value_axis(f"{metric} minus the reference's, same training seed" if paired else metric)
            | {"scale": {"zero": False, "nice": False, "padding": 6}},
            "y": {"axis": ROW_AXIS["axis"] | {"grid": True}},
        },
    )


def _marks(metric: str) -> list[Spec]:
    means: Spec = {"data": {"name": "means"}, "transform": [LOOKS]}
    place: Any = {"y": ROWS, "color": COLOUR}
    mean = {"field": "mean", "type": "quantitative"}
    tooltip = [
        {"field": "method", "type": "nominal"},
        {"field": "seed", "type": "quantitative"},
        {"field": "value", "type": "quantitative", "title": metric, "format": ".4"},
    ]
    return [
        {
            "data": {"name": "dots"},
            "transform": [LOOKS],
            "mark": {"type": "circle", "size": 24, "opacity": 0.45},
            "encoding": {"x": {"field": "value", "type": "quantitative"}, **place, "tooltip": tooltip},
        },
        means
        | {
            "mark": {"type": "rule", "strokeWidth": 1.5},
            "encoding": {"x": {"field": "low", "type": "quantitative"}, "x2": {"field": "high"}, **place},
        },
        means
        | {"mark": {"type": "tick", "thickness": 2.2, "size": 11, "opacity": 1}, "encoding": {"x": mean, **place}},
    ]


def _target(with_band: bool) -> list[Spec]:
    """The reference at 0, with a band of one SD to each side."""
    data: Spec = {"data": {"name": "reference"}}
    zero = {"x": {"field": "zero", "type": "quantitative"}}
    band = {"x": {"field": "low", "type": "quantitative"}, "x2": {"field": "high"}}
    found = [data | {"mark": {"type": "rule", "style": "target"}, "encoding": zero}]
    return ([data | {"mark": {"type": "rect", "style": "band"}, "encoding": band}] if with_band else []) + found
