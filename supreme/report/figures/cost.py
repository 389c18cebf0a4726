"""What a method costs against how far it is from the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from supreme.report.figures import estimates, scatter
from supreme.report.figures.shown import Shown
from supreme.report.figures.specification import Spec, figure, mean_over

ABSENT = "cost against gap needs methods with both, a cost above 0 and an accuracy beside the reference's"

_Y = {"mean": "y", "low": "y_low", "high": "y_high"}


def cost(block: Shown, metric: str = "cost/seconds") -> Spec | None:
    """The cost on a logarithmic axis against the average gap with a 95 % interval; None where no method has both."""
    spent: Any = estimates.points(block.rows, metric).set_index("method")["mean"]
    gaps, averaged = estimates.average_gap(block.rows)
    gaps = estimates.with_ends(gaps, least=0).assign(x=gaps["method"].map(spent))
    table: Any = gaps[(gaps["x"] > 0) & (gaps["method"] != "original")]  # its cost is not one of unlearning
    if table.empty:
        return None
    price = spent.get("reference")
    seen = table["x"].to_numpy() if price is None or not price > 0 else np.append(table["x"], price)
    caption = (
        f"{mean_over(table['seeds'], 'bars: 95 % t intervals')} Gap: mean of |value - reference| over "
        f"{', '.join(averaged)}, within each training seed; that of retrain is the noise floor."
    )
    points = table[["method", "x", "mean", "low", "high"]].rename(columns=_Y)
    datasets = {"points": points.assign(x_low=seen.min(), x_high=seen.max())}  # a cost has no interval: the axis' ends
    layer = [scatter.frame_layer(), *scatter.intervals("y")]
    if len(seen) > len(table):
        caption += " Dashed: what training the reference costs."
        datasets["reference"] = pd.DataFrame({"price": [price]})
        layer.append(
            {
                "data": {"name": "reference"},
                "transform": [],
                "mark": {"type": "rule", "style": "target"},
                "encoding": {"x": {"field": "price", "type": "quantitative"}},
            }
        )
    height = scatter.height_for(len(table))
    tooltip = [
        {"field": "method", "type": "nominal"},
        {"field": "x", "type": "quantitative", "title": metric, "format": ".4"},
        {"field": "y", "type": "quantitative", "title": "average gap", "format": ".4"},
    ]
    return figure(
        block,
        "Cost against average gap",
        caption,
        datasets,
        data={"name": "points"},
        transform=scatter.transforms(height, x_scale="log", y_from_zero=True),
        height=height,
        layer=[*layer, scatter.points(tooltip), *scatter.labels()],
        encoding={
            "x": {
                "title": "seconds of the method's own work" if metric == "cost/seconds" else metric,
                "scale": {"type": "log", "nice": False},
                "axis": {"tickCount": 6, "labelExpr": _tick_labels(seen.max() / seen.min())},
            },
            "y": {"title": "average gap to the reference", "scale": {"nice": False}, "axis": {"tickCount": 5}},
        },
    )


def _tick_labels(ratio: float) -> str:
    """The expression of plain numbers: at powers of ten, also at twice and five times these, or wherever ticks are."""
    plain = "format(datum.value, ',~r')"
    digit = "round(datum.value / pow(10, floor(log(datum.value) / LN10 + 1e-9)))"
    if ratio < 5:
        return plain
    return f"indexof({[1] if ratio > 200 else [1, 2, 5]}, {digit}) < 0 ? '' : {plain}"
