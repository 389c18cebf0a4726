"""From the curves and bar charts that rows hold to what figures show of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from supreme.core.canonical import Damaged
from supreme.core.row import StoredRow, read_row
from supreme.report.figures.stored import with_stored
from supreme.report.rows.labels import with_titles
from supreme.report.rows.load import SEEDS, load
from supreme.report.statistics.aggregate import BLOCK

ROLES = {"metrics": "unlearned", "reference": "reference", "original": "original"}
"""The parts of row["series"] -> whose curve it is."""

SERIES_COLUMNS = ("cell", *BLOCK, "method", "variant", *SEEDS, "role", "series", "x", "y")
ROC, CLASSES = "membership/roc", "accuracy/by_class"
GRID = 61
"""Places of false-positive rate, evenly spaced on a logarithmic axis, at which curves are averaged."""


def load_series(directory: str | Path = "outputs", frame: pd.DataFrame | None = None) -> pd.DataFrame:
    """One line per curve of the rows in `<directory>/rows`: whose it is, its name, and its `x` and `y` as tuples.

    The labels are those of `frame`, what `load` gives of the same directory; cells that it lacks are left out.
    `role` is unlearned, reference or original; x are floats or, of a bar chart, names. Of `confusion/test` they are
    pairs (true, predicted) of classes, and of `samples/...` positions of images in their source. Where the store is
    beside the rows, classes have their names, and `training/loss` and `training/accuracy` are by epoch.
    """
    frame = load(directory) if frame is None else frame
    rows = list(contents(directory))
    return with_stored(series_of(rows, frame), directory, rows)


def contents(directory: str | Path) -> Iterator[StoredRow]:
    """Every row in `<directory>/rows` that is whole, in the order of their names."""
    for path in sorted(Path(directory, "rows").glob("*.json")):
        with suppress(OSError, Damaged):  # `load` has told of it
            yield read_row(path)


def series_of(rows: Iterable[Mapping[str, Any]], frame: pd.DataFrame) -> pd.DataFrame:
    """What `load_series` gives, of rows that have been read already."""
    labelled: Any = frame[["cell", *BLOCK, "method", "variant", *SEEDS]]
    labels = {line[0]: line for line in labelled.drop_duplicates("cell").itertuples(index=False, name=None)}
    suffixes = metric_suffixes(frame)
    found = []
    for row in rows:
        if (label := labels.get(row["cell"])) is None:
            continue
        for part, role in ROLES.items():
            for name, curve in row["series"][part].items():
                x, y = tuple(curve["x"]), tuple(curve["y"])
                if x and len(x) == len(y):
                    found.append((*label, role, name + suffixes.get((label[0], name.partition("/")[0]), ""), x, y))
    table = pd.DataFrame(found, columns=list(SERIES_COLUMNS))
    return table.sort_values([*BLOCK, "method", "variant", *SEEDS, "series", "role"], kind="stable", ignore_index=True)


def roc_curves(series: pd.DataFrame, name: str = ROC) -> pd.DataFrame:
    """`method`, `fpr`, `mean`, `low`, `high`, `seeds`: true-positive rates, averaged over training seeds.

    The rate at x is the highest whose false-positive rate is at most x, without interpolation; low and high are one SD
    between training seeds away from the mean (the mean itself, of one seed), clipped to [0, 1].
    """
    curves = by_seed(series, name)
    if curves.empty:
        return pd.DataFrame(columns=["method", "fpr", "mean", "low", "high", "seeds"])
    smallest = min(min((value for value in x if value > 0), default=1.0) for x in curves["x"])
    grid = np.logspace(np.log10(np.clip(smallest, 1e-4, 0.1)), 0, GRID)
    rates = curves.assign(rate=[_steps(x, y, grid) for x, y in zip(curves["x"], curves["y"], strict=True)])
    rows = []
    for method, group in rates.groupby("method", sort=False):
        seeds = np.stack([np.mean(np.stack(list(own)), axis=0) for _, own in group.groupby("seed")["rate"]])
        mean = seeds.mean(axis=0)
        spread = seeds.std(axis=0, ddof=1) if len(seeds) > 1 else np.zeros_like(mean)
        low, high = np.clip(mean - spread, 0, 1), np.clip(mean + spread, 0, 1)
        rows += [(method, *values, len(seeds)) for values in zip(grid, mean, low, high, strict=True)]
    return pd.DataFrame(rows, columns=["method", "fpr", "mean", "low", "high", "seeds"])


def class_changes(series: pd.DataFrame, name: str = CLASSES) -> pd.DataFrame:
    """Per method (rows) and class (columns) the mean over training seeds of accuracy minus the reference's accuracy.

    Classes stand in the order of the rows; one that a seed has not is averaged over the others.
    """
    own: Any = with_titles(series.loc[series["series"] == name])
    models = {
        role: {line["cell"]: dict(zip(line["x"], line["y"], strict=True)) for line in part.to_dict("records")}
        for role, part in own.groupby("role")
    }
    rows = []
    for line in own[own["role"] == "unlearned"].drop_duplicates("cell").to_dict("records"):
        for role, method in (("unlearned", line["method"]), ("original", "original")):
            theirs, reference = (models.get(which, {}).get(line["cell"], {}) for which in (role, "reference"))
            if method == "original" and role == "unlearned":
                continue
            rows += [(method, line["seed"], str(x), y - reference[x]) for x, y in theirs.items() if x in reference]
    changes = pd.DataFrame(rows, columns=["method", "seed", "class", "change"])
    per_seed: Any = changes.groupby(["method", "seed", "class"], sort=False)["change"].mean()
    return per_seed.groupby(["method", "class"], sort=False).mean().unstack("class")


def by_seed(series: pd.DataFrame, name: str) -> pd.DataFrame:
    """The curves of one name, the reference and the original as methods, each once per seed however many share it."""
    own: Any = with_titles(series.loc[series["series"] == name])
    swept = own[(own["role"] == "unlearned") & (own["method"] != "original")]
    anchors = own[own["role"] != "unlearned"].assign(method=lambda lines: lines["role"])
    anchors = anchors.drop_duplicates(["method", "seed", "seed_forget", "seed_reference", "seed_evaluate"])
    return pd.concat([anchors, swept], ignore_index=True)


def _steps(x: Iterable[float], y: Iterable[float], grid: np.ndarray) -> np.ndarray:
    rates, found = np.asarray(list(x), dtype=float), np.asarray(list(y), dtype=float)
    order = np.argsort(rates, kind="stable")
    best = np.concatenate([[0.0], np.maximum.accumulate(found[order])])
    return best[np.searchsorted(rates[order], grid * (1 + 1e-12), side="right")]


def metric_suffixes(frame: pd.DataFrame) -> dict[tuple[str, str], str]:
    """What `load` added to the columns of a metric of a cell, because its config is not the same everywhere."""
    named: Any = frame.loc[frame["metric"].str.contains(" (", regex=False), ["cell", "metric"]].drop_duplicates()
    return {
        (cell, metric.partition("/")[0]): metric[metric.index(" (") :]
        for cell, metric in named.itertuples(index=False, name=None)
    }
