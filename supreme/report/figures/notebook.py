"""Figures in a notebook: each takes what `load` or `load_series` gives and returns the Altair chart of one block.

`block` chooses a data, model, recipe, scenario and setting, as {"scenario": "random", "setting": ""}; it may be left
out where there is one. They raise a SupremeError where there is nothing to show, or where `block` is not one block.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from supreme.core import SupremeError
from supreme.report.figures import classes, frontier, roc, seeds, tradeoff, variance
from supreme.report.figures import cost as costs
from supreme.report.figures.series import CLASSES, ROC
from supreme.report.figures.shown import Block, shown
from supreme.report.figures.specification import Spec
from supreme.report.figures.theme import themed

if TYPE_CHECKING:
    from altair import Chart, FacetChart, LayerChart


def plot_tradeoff(
    frame: pd.DataFrame, block: Block = None, x: str = "accuracy/forget", y: str | None = None
) -> LayerChart:
    """Forget accuracy against accuracy on unseen data, each with its 95 % interval; the reference is the target.

    `y` is `accuracy/test`, or `accuracy/retain_test` where the forgotten classes have test data of their own.
    """
    import altair

    told = _shown(
        tradeoff.tradeoff(shown(frame, None, block), x, y),
        f"no row has a value of both {x} and {y or 'accuracy on unseen data'}",
    )
    return altair.LayerChart.from_dict(told)


def plot_seeds(frame: pd.DataFrame, block: Block = None, metric: str = "accuracy/forget") -> LayerChart:
    """One dot per training seed and method: value minus reference of the same seed, its mean and 95 % interval.

    A metric that the reference has no value of, as a distance to it, is shown itself.
    """
    import altair

    told = _shown(seeds.seeds(shown(frame, None, block), metric), f"no row has a value of {metric}")
    return altair.LayerChart.from_dict(told)


def plot_cost(frame: pd.DataFrame, block: Block = None, cost: str = "cost/seconds") -> LayerChart:
    """What a method costs, on a logarithmic axis, against its average gap to the reference with a 95 % interval."""
    import altair

    return altair.LayerChart.from_dict(_shown(costs.cost(shown(frame, None, block), cost), costs.ABSENT))


def plot_frontier(frame: pd.DataFrame, block: Block = None) -> LayerChart | FacetChart:
    """Methods that were swept over how hard they forget: forget accuracy against accuracy on unseen data."""
    import altair

    told = _shown(frontier.frontier(shown(frame, None, block)), frontier.ABSENT)
    return (altair.FacetChart if "facet" in told else altair.LayerChart).from_dict(told)


def plot_variance(frame: pd.DataFrame, block: Block = None, metric: str = "accuracy/forget") -> Chart:
    """Where the variance of a value comes from, per method, where several draws within a seed let it be estimated."""
    import altair

    return altair.Chart.from_dict(_shown(variance.variance(shown(frame, None, block), metric), variance.ABSENT))


def plot_roc(series: pd.DataFrame, block: Block = None, name: str = ROC) -> FacetChart:
    """Membership ROC of each method beside the reference's, false-positive rates on a logarithmic axis."""
    import altair

    return altair.FacetChart.from_dict(_shown(roc.roc(shown(None, series, block), name), roc.ABSENT))


def plot_classes(series: pd.DataFrame, block: Block = None, name: str = CLASSES) -> LayerChart:
    """Accuracy of each class minus the reference's, per method: which classes a method leaves or harms."""
    import altair

    return altair.LayerChart.from_dict(_shown(classes.classes(shown(None, series, block), name), classes.ABSENT))


def _shown(spec: Spec | None, absent: str) -> Spec:
    if spec is None:
        raise SupremeError(f"nothing to show: {absent}")
    return themed(spec)
