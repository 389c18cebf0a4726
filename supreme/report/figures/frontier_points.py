"""The points that the figure of frontiers shows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from supreme.report.figures import estimates
from supreme.report.figures.shown import Shown
from supreme.report.figures.style import FIRST, look_records, short
from supreme.report.rows.labels import bare_name
from supreme.report.statistics.frontier import FORGETTING, swept_in
from supreme.report.statistics.hypervolume import pareto_front


def frontier_points(block: Shown, utility: str) -> pd.DataFrame:
    """A line for every value of every method, and for the models that they are compared with.

    `method` is its name with its variant, `family` without, and `text` with the field in which the variants differ;
    `place` counts along that field, `joined` tells whether there is one, and `front` whether the mean is on the Pareto
    front. `own` and `shape_of` are how the family looks; `own` is null where that is as everywhere.
    """
    across, up = (_ends(estimates.points(block.rows, metric)).set_index("method") for metric in (FORGETTING, utility))
    table: Any = across.add_prefix("x_").join(up.add_prefix("y_"), how="inner").reset_index()
    table = table.rename(columns={"x_mean": "x", "y_mean": "y", "x_seeds": "seeds"}).drop(columns=["y_seeds"])
    swept = swept_in(block.rows)
    families = [bare_name(title) for title in table["method"]]
    looks = {str(look["method"]): look for look in look_records([*FIRST, *families])}
    places = {title: at for one in swept.values() for at, title in enumerate(one.values)}
    fields = {family: swept[family].field if family in swept else "" for family in families}
    return table.assign(
        family=families,
        text=[short(f"{name} ({fields[name]})" if fields[name] else name) for name in families],
        place=[places.get(title, 0) for title in table["method"]],
        joined=[bool(fields[name]) for name in families],
        own=[None if name in FIRST else looks[name]["colour"] for name in families],
        shape_of=[looks[name]["shape"] for name in families],
        rank_of=[looks[name]["order"] for name in families],
        front=_front(table, families),
    )


def _front(table: pd.DataFrame, families: list[str]) -> list[bool]:
    """Which means no other method's mean dominates, without those that methods are compared with."""
    reference = table.loc[table["method"] == "reference", ["x", "y"]]
    competing = np.array([name not in FIRST for name in families])
    found = np.zeros(len(table), dtype=bool)
    if len(reference) and competing.any():
        x, y = reference.iloc[0]
        lost = np.maximum(0.0, y - table["y"].to_numpy(dtype=float))
        distances = np.abs(table["x"].to_numpy(dtype=float) - x)
        found[competing] = pareto_front(np.column_stack([distances, lost])[competing])
    return found.tolist()


def _ends(points: pd.DataFrame) -> pd.DataFrame:
    return estimates.with_ends(points, 0, 1)
