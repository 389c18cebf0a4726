"""Figures of what `load_series` gives: curves and classes, of each method beside the reference."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from supreme.report.figures import estimates
from supreme.report.figures.drawing import CAPTION, DPI, FAINT, LINE, WIDTH, colour, nothing, panel, publication, short
from supreme.report.figures.figures import Block
from supreme.report.figures.series import CLASSES, ROC, class_changes, roc_curves
from supreme.report.figures.style import looks, place

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS_OF_PANELS = 4
MOST_CLASSES = 30
"""More do not fit a column; those that change most are shown."""

MOST_NUMBERS = 12
"""With more classes a cell of the heat map is too narrow for its number."""


@publication
def plot_roc(series: pd.DataFrame, block: Block = None, name: str = ROC) -> Figure:
    """Membership ROC of each method beside the reference's, false-positive rates on a logarithmic axis."""
    part = estimates.one_block(series, block) if len(series) else series
    curves: Any = roc_curves(part, name)
    methods = sorted(set(curves["method"]) - {"reference"}, key=place)
    if not methods:
        return nothing(f"Nothing to show: no row has the series {name}; sweep with metric=[accuracy,membership,...].")
    from matplotlib.figure import Figure

    found = looks(estimates.methods_of(series))
    columns = min(COLUMNS_OF_PANELS, len(methods))
    rows = math.ceil(len(methods) / columns)
    height = 0.62 + 0.82 * rows
    figure = Figure(figsize=(WIDTH, height), dpi=DPI)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    left, right, bottom, top = 0.40 / WIDTH, 1 - 0.06 / WIDTH, 0.46 / height, 1 - 0.14 / height
    figure.subplots_adjust(left=left, right=right, bottom=bottom, top=top, wspace=0.1, hspace=0.28)
    reference = curves[curves["method"] == "reference"]
    ticks = [tick for tick in (1e-4, 1e-3, 1e-2, 1e-1) if tick >= curves["fpr"].min()] + [1.0]
    names = [f"{tick:g}".removeprefix("0") for tick in ticks]
    if len(ticks) > 3:  # as many as fit a panel
        names = [name if index % 2 == 0 or name == "1" else "" for index, name in enumerate(names)]
    for axes, method in zip(panels.flat, methods, strict=False):
        own = curves[curves["method"] == method]
        axes.plot(own["fpr"], own["fpr"], color=FAINT, lw=0.5, ls=(0, (1, 1.5)))
        for lines, shade in ((reference, "#222222"), (own, colour(found[method]))):
            axes.fill_between(lines["fpr"], lines["low"], lines["high"], color=shade, alpha=0.15, lw=0)
            axes.plot(lines["fpr"], lines["mean"], color=shade, lw=0.9 if lines is own else 0.6)
        axes.set_xscale("log")
        axes.set_xlim(own["fpr"].min(), 1)
        axes.set_xticks(ticks, names)
        axes.tick_params(axis="x", which="minor", bottom=False)
        axes.set_ylim(0, 1.02)
        axes.set_yticks([0, 0.5, 1], ["0", ".5", "1"])
        axes.tick_params(labelsize=5.5, pad=1.5)
        axes.set_title(short(method, 16), color=colour(found[method]), size=6, pad=2)
    for axes in list(panels.flat)[len(methods) :]:
        axes.set_visible(False)
    for column in range(columns):  # an axis with labels below the last panel of each column
        lowest = [axes for axes in panels[:, column] if axes.get_visible()][-1]
        lowest.tick_params(labelbottom=True)
        first, *_, last = lowest.xaxis.get_major_ticks()
        first.label1.set_horizontalalignment("left")  # or it would touch the last label of the next panel
        last.label1.set_horizontalalignment("right")
    seeds = int(curves["seeds"].max())
    over = f"n = {seeds} training seed{'' if seeds == 1 else 's'}"
    caption = f"Mean over {over}, shaded ± SD. Black: reference; dotted: chance."
    figure.text(0.5, 0.16 / height, "false-positive rate", ha="center", size=7)
    figure.text(0.01, (bottom + top) / 2, "true-positive rate", rotation=90, va="center", size=7)
    figure.text(0.02, 0.03 / height, caption, size=CAPTION, color=FAINT)
    return figure


@publication
def plot_classes(series: pd.DataFrame, block: Block = None, name: str = CLASSES) -> Figure:
    """Accuracy of each class minus the reference's, per method: which classes a method leaves or harms."""
    part = estimates.one_block(series, block) if len(series) else series
    changes = class_changes(part, name) if len(part) else pd.DataFrame()
    if changes.empty:
        return nothing(f"Nothing to show: no row has the series {name} of a method and of its reference.")
    changes = changes.loc[sorted(changes.index, key=place)]
    most = changes.abs().max().sort_values(ascending=False, kind="stable").index[:MOST_CLASSES]
    shown = 100 * changes[[column for column in changes.columns if column in set(most)]]
    seeds = part.loc[part["series"] == name, "seed"].nunique()
    caption = (
        f"Accuracy of the class minus that of the reference, in percentage points; mean over n = {seeds} training "
        f"seed{'' if seeds == 1 else 's'}."
    )
    if len(shown.columns) < len(changes.columns):
        caption += f" The {len(shown.columns)} of {len(changes.columns)} classes that change most."
    names = [short(str(label), 10) for label in shown.columns]
    turned = max(map(len, names)) * len(names) > 34
    top = 0.12 + 0.05 * max(map(len, names)) if turned else 0.12
    figure, axes = panel(max(0.6, LINE * 1.3 * len(shown)), caption, left=1.0, right=0.5, top=top)
    limit = max(5.0, float(np.nanmax(np.abs(shown.to_numpy()))))
    image = axes.imshow(shown.to_numpy(), cmap="RdBu", vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest")
    if len(shown.columns) <= MOST_NUMBERS:
        for (row, column), value in np.ndenumerate(shown.to_numpy()):
            if np.isfinite(value):
                ink = "white" if abs(value) > 0.6 * limit else "#222222"
                axes.text(
                    column,
                    row,
                    f"{value:+.0f}" if abs(value) >= 0.5 else "0",
                    ha="center",
                    va="center",
                    size=4.7,
                    color=ink,
                )
    axes.set_yticks(range(len(shown)), [short(method, 20) for method in shown.index])
    axes.set_xticks(range(len(shown.columns)), names)
    axes.tick_params(length=0, labelsize=6)
    if turned:
        axes.xaxis.tick_top()
        axes.tick_params(axis="x", labelrotation=90, labelsize=5)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_xlabel("class")
    position = axes.get_position()
    scale = figure.add_axes((1 - 0.42 / WIDTH, position.y0, 0.06 / WIDTH, position.height))
    bar = figure.colorbar(image, cax=scale)
    bar.outline.set_visible(False)  # type: ignore[operator]
    bar.ax.tick_params(labelsize=5.5, length=1.5, pad=1.5)
    return figure
