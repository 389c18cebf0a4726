"""Figures of several views, each with a size of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from supreme.report.figures.shown import Shown
from supreme.report.figures.specification import Spec, figure


def concatenated(
    block: Shown, name: str, caption: str, datasets: Mapping[str, pd.DataFrame], views: Sequence[Spec]
) -> Spec:
    """A figure of these views below each other; see `figure`."""
    whole = figure(block, name, caption, datasets, vconcat=list(views), spacing=10)
    return {part: value for part, value in whole.items() if part not in ("width", "autosize")}  # of a single view
