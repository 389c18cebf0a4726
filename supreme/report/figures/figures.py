"""Figures of the rows: methods against the reference. Each takes what `load` gives and returns a matplotlib Figure.

`block` chooses a data, model, recipe, scenario and setting, as {"scenario": "random", "setting": ""}; it may be left
out where there is one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from supreme.report.figures import estimates
from supreme.report.figures.drawing import FAINT, LINE, colour, dot, margin_labels, nothing, panel, publication, short
from supreme.report.figures.style import looks, place
from supreme.report.rows.spread import spread_words
from supreme.report.statistics.variance_shares import SHARES, variance

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Block = Mapping[str, str] | None

_SHARE_COLOURS = ("#0077bb", "#33bbee", "#009988", "#ee7733", "#bbbbbb")


@publication
def plot_tradeoff(frame: pd.DataFrame, block: Block = None, x: str = "accuracy/forget", y: str | None = None) -> Figure:
    """Forget accuracy against accuracy on unseen data, each with its 95 % interval; the reference is the target.

    `y` is `accuracy/test`, or `accuracy/retain_test` where the forgotten classes have test data of their own.
    """
    part = estimates.one_block(frame, block)
    y = y or estimates.utility_metric(part)
    across, up = (estimates.points(part, metric).set_index("method") for metric in (x, y))
    methods = [method for method in estimates.methods_of(part) if method in across.index and method in up.index]
    if not methods:
        return nothing(f"Nothing to show: no row has a value of both {x} and {y}.")
    found = looks(estimates.methods_of(frame))
    caption = (
        f"Mean over {_seeds(pd.concat([across, up]))}; bars: 95 % t intervals of the mean. "
        f"Dashed: the reference; shaded: its {spread_words(part).sd}."
    )
    figure, axes = panel(max(2.2, LINE * (len(methods) + 1)), caption, left=0.48, right=1.12)
    if "reference" in methods:
        _target(axes, across.loc["reference"].to_dict(), up.loc["reference"].to_dict())
    for method in methods:
        a, b, shade = across.loc[method], up.loc[method], colour(found[method])
        axes.plot([a["low"], a["high"]], [b["mean"]] * 2, color=shade, lw=0.6, alpha=0.6, zorder=3)
        axes.plot([a["mean"]] * 2, [b["low"], b["high"]], color=shade, lw=0.6, alpha=0.6, zorder=3)
        dot(axes, a["mean"], b["mean"], found[method])
    _keep_fractions_in_view(axes, across, up)
    axes.set_xlabel(_axis(x))
    axes.set_ylabel(_axis(y))
    margin_labels(axes, [(method, across.loc[method, "mean"], up.loc[method, "mean"]) for method in methods], found)
    return figure


@publication
def plot_seeds(frame: pd.DataFrame, block: Block = None, metric: str = "accuracy/forget") -> Figure:
    """One dot per training seed and method: value minus reference of the same seed, its mean and 95 % interval.

    A metric that the reference has no value of, as a distance to it, is shown itself.
    """
    part = estimates.one_block(frame, block)
    seeds = estimates.per_seed(part, metric)
    paired = bool(seeds["reference"].notna().any())
    seeds = seeds.assign(shown=seeds["value"] - seeds["reference"] if paired else seeds["value"]).dropna(subset="shown")
    means = estimates.points(part, metric, gap=paired).set_index("method")
    if paired:
        seeds, means = seeds[seeds["method"] != "reference"], means.drop(index="reference", errors="ignore")
    methods = sorted(means.index, key=place)
    if not methods:
        return nothing(f"Nothing to show: no row has a value of {metric}.")
    found = looks(estimates.methods_of(frame))
    what = f"{metric} minus the reference's, same training seed" if paired else metric
    caption = f"A dot: one of {_seeds(means)}. Line and bar: mean and its 95 % t interval."
    if paired:
        caption += f" Shaded: the reference's {spread_words(part).sd}."
    figure, axes = panel(max(0.8, LINE * 1.15 * len(methods)), caption, left=1.18, right=0.12)
    if paired:
        spread = _spread_of_reference(part, metric)
        if math.isfinite(spread):
            axes.axvspan(-spread, spread, color="#000000", alpha=0.07, lw=0)
        axes.axvline(0, color=FAINT, lw=0.6, ls=(0, (4, 2)))
    for level, method in enumerate(methods):
        shade, line = colour(found[method]), means.loc[method]
        values = seeds.loc[seeds["method"] == method, "shown"]
        axes.plot(values, [level] * len(values), "o", color=shade, markersize=2.4, mew=0, alpha=0.45, zorder=3)
        axes.plot([line["low"], line["high"]], [level] * 2, color=shade, lw=0.9, zorder=4, solid_capstyle="butt")
        axes.plot([line["mean"]], [level], "|", color=shade, markersize=6, mew=1.4, zorder=5)
    axes.set_yticks(range(len(methods)), [short(method, 26) for method in methods])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(methods) - 0.4, -0.6)
    axes.grid(axis="y", lw=0.3, color="#dddddd")
    axes.set_axisbelow(True)
    axes.set_xlabel(what, x=0.5 if len(what) < 40 else 0.3)
    return figure


@publication
def plot_cost(frame: pd.DataFrame, block: Block = None, cost: str = "cost/seconds") -> Figure:
    """What a method costs, on a logarithmic axis, against its average gap to the reference with a 95 % interval."""
    part = estimates.one_block(frame, block)
    spent = estimates.points(part, cost).set_index("method")
    gaps, averaged = estimates.average_gap(part)
    gaps = gaps.set_index("method")
    methods = [method for method in gaps.index if method in spent.index and spent.loc[method, "mean"] > 0]
    methods = [method for method in methods if method != "original"]  # its cost is not one of unlearning
    if not methods:
        return nothing(f"Nothing to show: no method has both {cost} above 0 and a gap to the reference.")
    found = looks(estimates.methods_of(frame))
    caption = (
        f"Mean over {_seeds(gaps)}; bars: 95 % t intervals. Gap: mean of |value - reference| over "
        f"{', '.join(averaged)}, within each training seed."
    )
    if "reference" in spent.index:
        caption += " Dashed: what training the reference costs."
    figure, axes = panel(max(2.0, LINE * (len(methods) + 1)), caption, left=0.48, right=1.12)
    if "reference" in spent.index:
        axes.axvline(spent.loc["reference", "mean"], color=FAINT, lw=0.6, ls=(0, (4, 2)))
    for method in methods:
        at, line = spent.loc[method, "mean"], gaps.loc[method]
        axes.plot([at, at], [max(0, line["low"]), line["high"]], color=colour(found[method]), lw=0.6, alpha=0.6)
        dot(axes, at, line["mean"], found[method])
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("seconds of the method's own work" if cost == "cost/seconds" else cost)
    axes.set_ylabel("average gap to the reference")
    margin_labels(axes, [(method, spent.loc[method, "mean"], gaps.loc[method, "mean"]) for method in methods], found)
    return figure


@publication
def plot_variance(frame: pd.DataFrame, block: Block = None, metric: str = "accuracy/forget") -> Figure:
    """Where the variance of a value comes from, per method, where several draws within a seed let it be estimated."""
    part = estimates.one_block(frame, block)
    own: Any = part[part["metric"] == metric]
    table: Any = variance(own)
    table = table[table[list(SHARES)].notna().any(axis=1)].sort_values("method", key=lambda names: names.map(place))
    if table.empty:
        return nothing(
            f"Nothing to show: shares of the variance of {metric} need two training seeds and two draws within each, "
            "as in 'seed=range(5)' 'seeds.unlearn=range(3)', or the same forget sets in each, 'seeds.forget=range(3)'."
        )
    caption = (
        f"Estimated components of the variance of {metric} (analysis of variance, negative estimates set to 0), "
        f"over {_seeds(table)}."
    )
    figure, axes = panel(max(0.6, LINE * 1.5 * len(table)), caption, left=1.18, right=0.12, top=0.28)
    before = pd.Series(0.0, index=table.index)
    titles = estimates.share_titles(part)
    for (column, title), shade in zip(titles.items(), _SHARE_COLOURS, strict=True):
        share = table[column].fillna(0.0)
        if share.any():
            axes.barh(range(len(table)), share, left=before, height=0.68, color=shade, label=title, lw=0)
        before = before + share
    axes.set_yticks(range(len(table)), [short(method, 26) for method in table["method"]])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(table) - 0.4, -0.6)
    axes.set_xlim(0, 1)
    axes.set_xlabel("share of the variance between", x=0.4)
    axes.legend(
        loc="lower right",
        bbox_to_anchor=(1.02, 1.0),
        ncols=3,
        frameon=False,
        fontsize=6,
        handlelength=0.9,
        handletextpad=0.4,
        columnspacing=0.9,
        borderaxespad=0.2,
    )
    return figure


def _spread_of_reference(part: pd.DataFrame, metric: str) -> float:
    line = estimates.points(part, metric).query("method == 'reference'")
    return float(line["sd"].iloc[0]) if len(line) else math.nan


def _target(axes: Axes, across: Mapping[Any, float], up: Mapping[Any, float]) -> None:
    """The reference as cross-hair, with a box of one SD to each side."""
    for place_, line in ((across["mean"], axes.axvline), (up["mean"], axes.axhline)):
        line(place_, color=FAINT, lw=0.5, ls=(0, (4, 2)), zorder=1)
    if math.isfinite(across["sd"]):
        axes.axvspan(across["mean"] - across["sd"], across["mean"] + across["sd"], color="#000000", alpha=0.06, lw=0)
        axes.axhspan(up["mean"] - up["sd"], up["mean"] + up["sd"], color="#000000", alpha=0.06, lw=0)


def _keep_fractions_in_view(axes: Axes, across: pd.DataFrame, up: pd.DataFrame) -> None:
    """An interval of a fraction may leave [0, 1]; the axis shows no more of that than its margin."""
    for table, limits, setter in ((across, axes.get_xlim(), axes.set_xlim), (up, axes.get_ylim(), axes.set_ylim)):
        if table["mean"].between(0, 1).all():
            room = 0.04 * (min(1, limits[1]) - max(0, limits[0]))
            setter(max(limits[0], -room), min(limits[1], 1 + room))


def _seeds(table: pd.DataFrame) -> str:
    low, high = min(table["seeds"]), max(table["seeds"])
    return f"n = {low if low == high else f'{low} to {high}'} training seed{'' if high == 1 else 's'}"


def _axis(metric: str) -> str:
    family, _, which = metric.partition("/")
    return f"{which.replace('_', '-')} accuracy (fraction)" if family == "accuracy" else metric
