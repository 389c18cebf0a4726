"""Figures in a notebook: each takes what `load` or `load_series` gives and returns the Altair chart of one block.

`block` chooses a data, model, recipe, scenario and setting, as {"scenario": "random", "setting": ""}; it may be left
out where there is one. They raise a SupremeError where there is nothing to show, or where `block` is not one block.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from supreme.core import SupremeError
from supreme.report.figures.shown import Block, shown
from supreme.report.figures.specification import Spec
from supreme.report.figures.theme import themed
from supreme.report.figures.tradeoff import ABSENT as NO_TRADEOFF
from supreme.report.figures.tradeoff import tradeoff

if TYPE_CHECKING:
    from altair import LayerChart


def plot_tradeoff(
    frame: pd.DataFrame, block: Block = None, x: str = "accuracy/forget", y: str | None = None
) -> LayerChart:
    """Forget accuracy against accuracy on unseen data, each with its 95 % interval; the reference is the target.

    `y` is `accuracy/test`, or `accuracy/retain_test` where the forgotten classes have test data of their own.
    """
    return _chart(tradeoff(shown(frame, None, block), x, y), f"{NO_TRADEOFF}; here of {x} and {y}")


def _chart(spec: Spec | None, absent: str) -> LayerChart:
    if spec is None:
        raise SupremeError(f"nothing to show: {absent}")
    import altair

    return altair.LayerChart.from_dict(themed(spec))
