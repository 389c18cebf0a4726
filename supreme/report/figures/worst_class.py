"""The class whose test accuracy is farthest from the retrained model's, of each method."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from supreme.report.figures.stored import BY_CLASS
from supreme.report.rows.labels import with_titles
from supreme.report.rows.load import SEEDS
from supreme.report.statistics import mean_interval

COLUMNS = ("method", "class", "accuracy", "reference", "change", "low", "high", "seeds", "classes")


def worst_classes(series: pd.DataFrame) -> pd.DataFrame:
    """`COLUMNS` of each method of one block, the original among them; accuracies are fractions.

    The class is the one whose mean `change`, accuracy minus the reference's accuracy of the same seed, is largest in
    absolute value; low and high are its 95 % t interval over training seeds, NaN of one seed. It was chosen for being
    the worst of `classes`, so a second retrained model has one, too: that of the method `retrain` is the noise floor.
    """
    changes = changes_by_class(series)
    rows = []
    for method, own in changes.groupby("method", sort=False):
        means: Any = own.groupby("class", sort=False)["change"].mean()
        if means.empty:
            continue
        name = means.abs().idxmax()
        worst: Any = own[own["class"] == name]
        interval = mean_interval(np.asarray(worst["change"]))
        ends = (interval.low, interval.high) if interval else (math.nan, math.nan)
        levels = [float(np.mean(worst[column])) for column in ("accuracy", "reference", "change")]
        rows.append((method, name, *levels, *ends, len(worst), len(means)))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def changes_by_class(series: pd.DataFrame) -> pd.DataFrame:
    """`method`, `seed`, `class`, `accuracy`, `reference`, `change`, draws averaged within each training seed."""
    own: Any = with_titles(series.loc[series["series"] == BY_CLASS])
    swept = own[(own["role"] == "unlearned") & (own["method"] != "original")]
    original = own[own["role"] == "original"].drop_duplicates(list(SEEDS)).assign(method="original")
    references = {
        line["cell"]: dict(zip(line["x"], line["y"], strict=True))
        for line in own[own["role"] == "reference"].to_dict("records")
    }
    lines = [
        (line["method"], line["seed"], name, accuracy, references[line["cell"]][name])
        for line in pd.concat([original, swept]).to_dict("records")
        for name, accuracy in zip(line["x"], line["y"], strict=True)
        if name in references.get(line["cell"], {})
    ]
    keys = ["method", "seed", "class"]
    table = pd.DataFrame(lines, columns=[*keys, "accuracy", "reference"])
    means: Any = table.groupby(keys, sort=False, as_index=False)[["accuracy", "reference"]].mean()
    return means.assign(change=means["accuracy"] - means["reference"])
