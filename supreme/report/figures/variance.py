"""Where the variance of a value comes from."""

from __future__ import annotations

from typing import Any

from supreme.report.figures import estimates
from supreme.report.figures.shown import Shown
from supreme.report.figures.specification import LOOKS, ROW_AXIS, ROWS, Spec, figure, seeds_over, value_axis
from supreme.report.statistics.variance_shares import SHARES

ABSENT = (
    "shares of the variance need two training seeds and two draws within each, as in 'seed=range(5)' "
    "'seeds.unlearn=range(3)', or the same forget sets in each, 'seeds.forget=range(3)'"
)

COLOURS = ("#0077bb", "#33bbee", "#009988", "#ee7733", "#9aa3ab")

ROW = 20
"""Height of the row of a method, in pixels."""


def variance(block: Shown, metric: str = "accuracy/forget") -> Spec | None:
    """A bar per method, in shares; None where too few draws within a training seed let them be estimated."""
    table: Any = block.variances
    table = table[(table["metric"] == metric) & table[list(SHARES)].notna().any(axis=1)]
    if table.empty:
        return None
    titles = estimates.share_titles(block.rows)
    caption = (
        f"Estimated components of the variance of {metric} (analysis of variance, negative estimates set to 0), "
        f"over n = {seeds_over(table['seeds'])}."
    )
    parts = table.melt("method", list(SHARES), "part", "share").fillna({"share": 0.0})
    parts["step"] = parts["part"].map(list(SHARES).index)
    parts["part"] = parts["part"].map(titles)
    present = [title for title in titles.values() if (parts["part"].eq(title) & parts["share"].gt(0)).any()]
    colours = dict(zip(titles.values(), COLOURS, strict=True))
    return figure(
        block,
        f"Shares of the variance of {metric}",
        caption,
        {"shares": parts[parts["share"] > 0]},
        data={"name": "shares"},
        transform=[LOOKS],
        row=ROW,
        mark={"type": "bar", "height": {"band": 0.75}},
        encoding={
            "x": {
                "field": "share",
                "type": "quantitative",
                "stack": "zero",
                "scale": {"domain": [0, 1]},
            }
            | value_axis("share of the variance between"),
            "y": ROWS | ROW_AXIS,
            "order": {"field": "step", "type": "quantitative"},
            "color": {
                "field": "part",
                "type": "nominal",
                "scale": {"domain": present, "range": [colours[title] for title in present]},
                "legend": {"orient": "top", "columns": 3 if max(map(len, present), default=0) < 17 else 2},
            },
            "tooltip": [
                {"field": "method", "type": "nominal"},
                {"field": "part", "type": "nominal"},
                {"field": "share", "type": "quantitative", "format": ".1%"},
            ],
        },
    )
