"""Every figure that there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from supreme.report.figures import classes, confusion, cost, curves, frontier, roc, seeds, tradeoff, variance
from supreme.report.figures.shown import Shown
from supreme.report.figures.specification import Spec


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One kind of figure."""

    name: str
    """Of its files."""
    title: str
    """Above it in the page."""
    draw: Callable[..., Spec | None]
    """From a block, and a metric where `by_metric`, to its specification; None where there is nothing to show."""
    absent: str
    """Why it shows nothing, where it does: what it needs, and what to type."""
    by_metric: bool = False
    """One for each metric; files only of those that a paper shows."""
    wide: bool = False
    """As wide as the page; its specification then fits into any width."""


FIGURES = (
    Figure(
        name="tradeoff",
        title="Forgetting against utility",
        draw=tradeoff.tradeoff,
        absent=tradeoff.ABSENT,
    ),
    Figure(name="frontier", title="What forgetting costs", draw=frontier.frontier, absent=frontier.ABSENT),
    Figure(name="seeds", title="Every training seed", draw=seeds.seeds, absent=seeds.ABSENT, by_metric=True),
    Figure(name="cost", title="Cost against gap", draw=cost.cost, absent=cost.ABSENT),
    Figure(
        name="variance",
        title="Where the variance comes from",
        draw=variance.variance,
        absent=variance.ABSENT,
        by_metric=True,
    ),
    Figure(name="curves", title="Training and unlearning", draw=curves.curves, absent=curves.ABSENT),
    Figure(name="confusion", title="Which classes are confused", draw=confusion.confusion, absent=confusion.ABSENT),
    Figure(name="roc", title="Membership inference", draw=roc.roc, absent=roc.ABSENT, wide=True),
    Figure(name="classes", title="Accuracy of each class", draw=classes.classes, absent=classes.ABSENT, wide=True),
)


def drawn(block: Shown) -> Iterator[tuple[Figure, dict[str | None, Spec]]]:
    """Each figure of a block that shows something, by metric (None: of no metric)."""
    for one in FIGURES:
        asked = block.metrics if one.by_metric else [None]
        found = {metric: one.draw(block, *filter(None, [metric])) for metric in asked}
        if specs := {metric: spec for metric, spec in found.items() if spec is not None}:
            yield one, specs
