"""What the figures share: paper sizes, type, markers, labels that do not overlap."""

from __future__ import annotations

import functools
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec

import numpy as np

from supreme.report.figures.style import INK, SHAPES, Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

P = ParamSpec("P")

WIDTH = 3.3
"""Of one column of a two-column paper, in inches."""

DPI = 150
"""Of a figure on a screen; files have more."""

LINE = 0.105
"""Height of one line of labels, in inches."""

MOST_LEADERS = 20
"""With more labels their lines to the points would be all that one sees; colour and shape must do."""

CAPTION, FAINT = 5.6, "#666666"
MARKERS: Mapping[str, str] = dict(zip((*SHAPES, "star"), "os^DvPX*", strict=True))
STYLE: Mapping[str, Any] = {
    "font.family": "sans-serif",
    "font.size": 7.0,
    "axes.labelsize": 7.0,
    "axes.linewidth": 0.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#444444",
    "axes.titlesize": 6.5,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "xtick.major.width": 0.5,
    "ytick.major.width": 0.5,
    "xtick.minor.width": 0.35,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.minor.size": 1.5,
    "pdf.fonttype": 42,  # text stays text
    "svg.fonttype": "none",
    "text.usetex": False,
}


def publication(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw in our style and leave the user's as it was."""

    @functools.wraps(draw)
    def styled(*arguments: P.args, **options: P.kwargs) -> Figure:
        import matplotlib

        settings: Any = STYLE
        with matplotlib.rc_context(settings):
            return draw(*arguments, **options)

    return styled


def panel(plot_height: float, caption: str, left: float, right: float, top: float = 0.12) -> tuple[Figure, Axes]:
    """A figure one column wide with one axes of this height; inches, `left` and `right` of it for labels."""
    from matplotlib.figure import Figure

    text = textwrap.fill(caption, 74)
    below = 0.36 + 0.085 * (text.count("\n") + 1)
    height = top + plot_height + below
    figure = Figure(figsize=(WIDTH, height), dpi=DPI)
    figure.text(0.02, 0.03 / height, text, size=CAPTION, color=FAINT, va="bottom", linespacing=1.05)
    width = (WIDTH - left - right) / WIDTH
    return figure, figure.add_axes((left / WIDTH, below / height, width, plot_height / height))


def nothing(why: str) -> Figure:
    """A figure that says why it shows nothing."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, 0.9), dpi=DPI)
    figure.text(0.5, 0.5, textwrap.fill(why, 62), ha="center", va="center", color=FAINT)
    return figure


def colour(look: Look) -> str:
    return "#222222" if look.colour == INK else look.colour


def short(label: str, length: int = 22) -> str:
    """The label, or its beginning and end around an ellipsis."""
    return label if len(label) <= length else f"{label[: length // 2]}…{label[-(length - length // 2 - 1) :]}"


def dot(axes: Axes, x: float, y: float, look: Look, size: float = 4.0, **options: Any) -> None:
    """One marker, with an edge in the paper's white so that neighbours stay apart."""
    filled = {"markeredgecolor": "white", "markeredgewidth": 0.4, "zorder": 4} | options
    marker = MARKERS[look.shape]
    axes.plot([x], [y], marker, color=colour(look), markersize=size * (1.7 if marker == "*" else 1), **filled)


def margin_labels(axes: Axes, ends: Sequence[tuple[str, float, float]], found: Mapping[str, Look]) -> None:
    """Each (label, x, y) named in the right margin, marker first, in the order of y, with a thin line to its point."""
    from matplotlib.transforms import blended_transform_factory

    order = sorted(ends, key=lambda end: (end[2], end[1], end[0]))
    figure = axes.figure
    height = axes.get_position().height * figure.get_figheight()  # type: ignore[union-attr]
    wanted = [axes.transAxes.inverted().transform(axes.transData.transform((x, y)))[1] for _, x, y in order]
    at = spread(wanted, LINE / height, 0.0, 1.0)
    margin = blended_transform_factory(axes.transAxes, axes.transAxes)
    for (label, x, y), own in zip(order, at, strict=True):
        look = found[label]
        leader = {"color": colour(look), "lw": 0.35, "alpha": 0.45 if len(ends) <= MOST_LEADERS else 0.0}
        axes.annotate(
            "",
            xy=(x, y),
            xytext=(1.03, own),
            textcoords=margin,
            arrowprops={"arrowstyle": "-", "shrinkA": 0, "shrinkB": 2} | leader,
            annotation_clip=False,
        )
        marker = MARKERS[look.shape]
        size = 5.5 if marker == "*" else 3.2
        axes.plot([1.05], [own], marker, color=colour(look), markersize=size, mew=0, transform=margin, clip_on=False)
        axes.text(1.09, own, short(label, 20), color=colour(look), size=6.0, va="center_baseline", transform=margin)


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places as near as possible to the ascending ones wanted, `gap` apart, within the bounds where they fit."""
    pools: list[tuple[float, int]] = []  # (mean, how many): pooled neighbours of an isotonic regression
    for index, place in enumerate(wanted):
        mean, count = place - index * gap, 1
        while pools and pools[-1][0] > mean:
            before, many = pools.pop()
            mean, count = (mean * count + before * many) / (count + many), count + many
        pools.append((mean, count))
    fitted = np.repeat([mean for mean, _ in pools], [count for _, count in pools])
    room = max(low, high - gap * (len(wanted) - 1))
    return list(np.clip(fitted, low, room) + gap * np.arange(len(wanted)))
