"""Which classes each method's model takes for which, beside the retrained model's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from supreme.report.figures.confusion_shares import OTHERS, farthest_classes, farthest_methods, folded, shares_of
from supreme.report.figures.panels import concatenated
from supreme.report.figures.shown import Shown
from supreme.report.figures.specification import LINE, WIDTH, Spec, seeds_over
from supreme.report.figures.style import short
from supreme.report.figures.worst_class import worst_classes

ABSENT = (
    "a confusion matrix needs rows that hold counts of it, which older versions did not write: to make them again from "
    "the stored models, move the folder rows out of the output directory and give the same command once more"
)
NARROW = 10
"""So many classes, at most, have panels side by side."""

MOST_PANELS = {2: 12, 1: 6}
"""By how many stand side by side; of more models those are shown that have the worst classes."""

LONGEST_NAME = 16
"""Characters of the name of a class on an axis."""


def confusion(block: Shown) -> Spec | None:
    """Shares of each true class by predicted class, mean over training seeds; None where no row holds counts."""
    shares, seeds = shares_of(block.series)
    if not shares:
        return None
    worst = worst_classes(block.series).set_index("method")
    classes, shown = farthest_classes(shares)
    parts = {method: folded(own, set(shown)) for method, own in shares.items()}
    predicts_others = any(predicted == OTHERS for own in parts.values() for _, predicted in own)
    every = [*shown, OTHERS] if predicts_others else shown
    beside = 2 if len(every) <= NARROW else 1
    methods = farthest_methods(shares, worst, MOST_PANELS[beside])
    names = dict(zip(every, _short(every), strict=True))
    lines = [
        (method, names[true], names[predicted], share)
        for method in methods
        for (true, predicted), share in parts[method].items()
    ]
    table = pd.DataFrame(lines, columns=["method", "true", "predicted", "share"])
    caption = _caption(len(shown), len(classes), len(methods), len(shares), seeds)
    titles = [_title(method, worst, 24 // beside) for method in methods]
    panels = pd.DataFrame({"method": methods, "panel": titles, "place": range(len(methods))})
    view = _view([names[one] for one in shown], [names[one] for one in every], beside)
    return concatenated(block, "Confusion matrices", caption, {"shares": table, "panels": panels}, [view])


def _short(names: Sequence[str]) -> list[str]:
    """Each short enough for an axis, and no two alike."""
    found = [short(name, LONGEST_NAME) for name in names]
    return [f"{one} {at}" if found.count(one) > 1 else one for at, one in enumerate(found)]


def _title(method: str, worst: pd.DataFrame, characters: int) -> str:
    if method not in worst.index:
        return short(method, characters)
    own: Any = worst.loc[method]
    change = f"{100 * own['change']:+.1f}".replace("-", "\u2212")
    return f"{short(method, characters)}: {short(str(own['class']), characters)} {change} pp"


def _caption(shown: int, classes: int, methods: int, every: int, seeds: Sequence[int]) -> str:
    told = [
        f"Rows: true class of a test image; columns: predicted class. Mean over n = {seeds_over(seeds)}; numbers and "
        "depth of colour: per cent of the true class. Above each: the class whose accuracy is farthest from the "
        "reference's, and by how much; the worst of many is far off by chance, too: retrain shows how far."
    ]
    if shown < classes:
        told.append(f"Shown are the {shown} of {classes} classes whose accuracies differ most in any method.")
    if methods < every:
        told.append(f"Shown are the {methods} of {every} models with the worst classes.")
    return " ".join(told)


def _view(rows: Sequence[str], columns: Sequence[str], panels: int) -> Spec:
    """A panel for each method, so many side by side."""
    room = (WIDTH - 16) // panels - min(90, 12 + 6 * max(map(len, columns)))
    cell = min(26, room // len(columns))
    percent = {"calculate": "datum.share < 0.005 ? '' : format(100 * datum.share, '.0f')", "as": "percent"}
    tooltip = [
        {"field": "method", "type": "nominal"},
        {"field": "true", "type": "nominal"},
        {"field": "predicted", "type": "nominal"},
        {"field": "share", "type": "quantitative", "format": ".2%"},
    ]
    depth = {"type": "sqrt", "domain": [0, 1], "range": [0, 1]}
    shaded = {"opacity": {"field": "share", "type": "quantitative", "scale": depth, "legend": None}, "tooltip": tooltip}
    on_dark = {"condition": {"test": "datum.share > 0.5", "value": "white"}}
    return {
        "data": {"name": "shares"},
        "transform": [
            {"lookup": "method", "from": {"data": {"name": "panels"}, "key": "method", "fields": ["panel", "place"]}},
            percent,
        ],
        "facet": {
            "field": "panel",
            "type": "nominal",
            "title": None,
            "sort": {"field": "place", "op": "min"},
            "header": {"labelAnchor": "start", "labelLimit": (WIDTH - 16) // panels, "labelPadding": 4},
        },
        "columns": panels,
        "spacing": {"row": 14, "column": 10},
        "resolve": {"axis": {"x": "independent", "y": "independent"}},
        "spec": {
            "width": cell * len(columns),
            "height": max(cell, LINE - 1) * len(rows),
            "encoding": {"x": _axis("predicted", columns, -90), "y": _axis("true", rows, 0)},
            "layer": [
                {"mark": {"type": "rect", "color": "#0077bb"}, "encoding": shaded},
                {
                    "mark": {"type": "text", "fontSize": 8 if cell >= 16 else 7, "baseline": "middle"},
                    "encoding": {"text": {"field": "percent"}, "color": on_dark},
                },
            ],
        },
    }


def _axis(field: str, names: Sequence[str], angle: int) -> Spec:
    """Every class named."""
    axis = {"labelAngle": angle, "labelOverlap": False, "labelLimit": 90, "labelPadding": 4}
    bare = {"domain": False, "ticks": False, "grid": False}
    return {
        "field": field,
        "type": "nominal",
        "title": None,
        "scale": {"domain": list(names)},
        "axis": {**axis, **bare},
    }
