"""How the original and the retrained model were trained, and what methods that train by epochs do after that."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from supreme.report.figures.panels import concatenated
from supreme.report.figures.series import by_seed
from supreme.report.figures.shown import Shown
from supreme.report.figures.specification import COLOUR, LOOKS, SHAPE, WIDTH, Spec, seeds_over
from supreme.report.figures.stored import TRAINING
from supreme.report.figures.style import short

ABSENT = "curves of trainings are read from store/ beside rows/: the models of these rows are not there"

MOST_EPOCHS = 30
"""Of one curve; of a longer one so many are shown, evenly spaced, the first and the last among them."""

MOST_NAMES = 8
"""Methods without a curve that the caption names."""

LEGEND_LINE = 14
HEIGHT, EXTENT, MARGIN = 105, 38, 18
"""Of a panel; of the room for the labels of its y axis, and of what is beside all panels, in pixels."""

TRAIN, UNLEARN = "training", "unlearning"


def curves(block: Shown) -> Spec | None:
    """Loss and accuracy of each epoch, averaged over training seeds; None where no curve is stored."""
    table = _table(block)
    if table.empty:
        return None
    phases = [phase for phase in (TRAIN, UNLEARN) if phase in set(table["phase"])]
    width = (WIDTH - MARGIN) // len(phases) - EXTENT - 14
    rows = [
        {"hconcat": [_panel(name, phase, width, first=place == 0) for place, phase in enumerate(phases)]}
        for name in TRAINING
        if name in set(table["quantity"])
    ]
    caption = _caption(block, table)
    shown = table.drop(columns=["seeds", "epochs"])
    return concatenated(block, "Training and unlearning curves", caption, {"curves": shown}, [*rows, _legend(shown)])


def _table(block: Shown) -> pd.DataFrame:
    """`method`, `quantity`, `phase`, `epoch`, `mean`, `low`, `high`; how many seeds and epochs each curve has."""
    lines, lengths = [], dict[str, int]()
    for quantity, series in TRAINING.items():
        own = by_seed(block.series, series)
        for method, part in own.groupby("method", sort=False):
            found = _averaged(part)
            lengths[str(method)] = len(found)
            counted = part["seed"].nunique(), len(found)
            lines += [(str(method), quantity, *point, *counted) for point in _thinned(found)]
    columns = ["method", "quantity", "epoch", "mean", "low", "high", "seeds", "epochs"]
    table = pd.DataFrame(lines, columns=columns)
    whole = lengths.get("reference") or lengths.get("original") or math.inf
    trained = {name for name, many in lengths.items() if name in ("reference", "original") or many >= whole}
    return table.assign(phase=[TRAIN if method in trained else UNLEARN for method in table["method"]])


def _averaged(lines: pd.DataFrame) -> list[tuple[float, float, float, float]]:
    """Of each epoch its mean over training seeds, draws averaged first, and one SD to each side."""
    points = pd.DataFrame(
        [
            (line["seed"], epoch, value)
            for line in lines.to_dict("records")
            for epoch, value in zip(line["x"], line["y"], strict=True)
        ],
        columns=["seed", "epoch", "value"],
    )
    draws: Any = points.groupby(["seed", "epoch"])["value"].mean()
    seeds = draws.groupby("epoch")
    table = pd.DataFrame({"mean": seeds.mean(), "sd": seeds.std(ddof=1).fillna(0.0)})
    return [(epoch, mean, mean - sd, mean + sd) for epoch, mean, sd in table.itertuples(name=None)]


def _thinned(points: Sequence[Any]) -> list[Any]:
    if len(points) <= MOST_EPOCHS:
        return list(points)
    return [points[place] for place in np.linspace(0, len(points) - 1, MOST_EPOCHS).round().astype(int)]


def _caption(block: Shown, table: pd.DataFrame) -> str:
    drawn = set(table["method"])
    silent = [method for method in block.methods if method not in drawn and method != "original"]
    spread = ", shaded \u00b1 SD" if max(table["seeds"]) > 1 else ""
    told = [
        f"Mean over n = {seeds_over(list(table['seeds']))}{spread}. Each epoch as its training saw its "
        "own images: augmented, in training mode, between steps."
    ]
    if max(table["epochs"]) > MOST_EPOCHS:
        told.append(f"Of more than {MOST_EPOCHS} epochs, {MOST_EPOCHS} are drawn.")
    if silent:
        told.append(f"No epochs are recorded of {', '.join(_few(silent))}.")
    return " ".join(told)


def _few(names: Sequence[str]) -> Iterator[str]:
    yield from names[:MOST_NAMES]
    if len(names) > MOST_NAMES:
        yield f"and {len(names) - MOST_NAMES} more"


def _panel(quantity: str, phase: str, width: int, *, first: bool) -> Spec:
    axis = {"grid": True, "tickCount": 4, "minExtent": EXTENT, "maxExtent": EXTENT, "format": "~r"}
    y = {"type": "quantitative", "scale": {"zero": False}, "axis": axis, "title": quantity if first else None}
    tooltip = [
        {"field": "method", "type": "nominal"},
        {"field": "epoch", "type": "quantitative"},
        {"field": "mean", "type": "quantitative", "title": quantity, "format": ".4"},
    ]
    alone = 0 if phase == TRAIN else 1  # in a long training points would hide their line, but they tell its numbers
    return {
        "width": width,
        "height": HEIGHT,
        "data": {"name": "curves"},
        "transform": [{"filter": f"datum.quantity === '{quantity}' && datum.phase === '{phase}'"}, *_LOOKS],
        "encoding": {
            "x": {
                "field": "epoch",
                "type": "quantitative",
                "title": f"epoch of {phase}",
                "scale": {"zero": False, "nice": False},
                "axis": {"tickCount": 4, "tickMinStep": 1, "format": "d"},
            },
            "detail": {"field": "method"},
        },
        "layer": [
            {
                "mark": {"type": "area", "opacity": 0.15},
                "encoding": {"y": {**y, "field": "low"}, "y2": {"field": "high"}, "color": COLOUR},
            },
            {
                "mark": {"type": "line", "strokeWidth": 1.3},
                "encoding": {"y": {**y, "field": "mean"}, "color": COLOUR, "strokeDash": _DASH},
            },
            {
                "mark": {"type": "point", "filled": True, "opacity": alone, "strokeWidth": 0, "size": 22},
                "encoding": {"y": {**y, "field": "mean"}, "fill": COLOUR, "shape": SHAPE, "tooltip": tooltip},
            },
        ],
    }


_LOOKS: list[Spec] = [
    LOOKS,
    {"calculate": "{original: [4, 2], retrain: [1, 1.5]}[datum.method] || [1, 0]", "as": "dash"},
]
_DASH: Spec = {"field": "dash", "type": "nominal", "scale": None}


def _legend(table: pd.DataFrame) -> Spec:
    """Every method with its line, in columns; those that the page leaves out leave no hole."""
    labels = [short(method) for method in table["method"].unique()]
    columns = 3 if max(map(len, labels)) <= 12 else 2
    width = WIDTH - MARGIN - EXTENT - 18
    step = width // columns
    y = {"value": {"expr": f"{LEGEND_LINE} * floor((datum.rank - 1) / {columns}) + 7"}}

    def x(offset: int) -> Spec:
        return {"value": {"expr": f"{step} * ((datum.rank - 1) % {columns}) + {offset}"}}

    return {
        "width": width,
        "height": LEGEND_LINE * math.ceil(len(labels) / columns),
        "data": {"name": "curves"},
        "transform": [
            {"aggregate": [], "groupby": ["method", "phase"]},
            *_LOOKS,
            {"window": [{"op": "row_number", "as": "rank"}], "sort": [{"field": "order"}]},
        ],
        "layer": [
            {
                "mark": {"type": "rule", "strokeWidth": 1.6},
                "encoding": {"y": y, "x": x(0), "x2": x(18), "color": COLOUR, "strokeDash": _DASH},
            },
            {
                "transform": [{"filter": f"datum.phase === '{UNLEARN}'"}],
                "mark": {"type": "point", "filled": True, "opacity": 1, "strokeWidth": 0, "size": 30},
                "encoding": {"y": y, "x": x(9), "fill": COLOUR, "shape": SHAPE},
            },
            {
                "mark": {"type": "text", "align": "left", "baseline": "middle", "limit": step - 26},
                "encoding": {"y": y, "x": x(23), "text": {"field": "label"}},
            },
        ],
    }
