"""Which classes each method's model takes for which, beside the retrained model's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from supreme.report.figures.series import by_seed
from supreme.report.figures.shown import Shown
from supreme.report.figures.specification import LINE, WIDTH, Spec, concatenated, seeds_over
from supreme.report.figures.stored import CONFUSION
from supreme.report.figures.style import place, short
from supreme.report.figures.worst_class import worst_classes

ABSENT = (
    "a confusion matrix needs rows that hold counts of it, which older versions did not write: to make them again from "
    "the stored models, move the folder rows out of the output directory and give the same command once more"
)
MOST_CLASSES, MOST_PANELS = 20, {2: 12, 1: 6}
"""Classes, and models by how many stand side by side: of more, those that are farthest from the retrained model."""

LONGEST_NAME = 16
OTHERS = "(others)"
NARROW = 10
"""So many classes, at most, have panels side by side."""

Shares = dict[tuple[str, str], float]
"""By true and predicted class: of the test images of the true class, the share that is predicted so."""


def confusion(block: Shown) -> Spec | None:
    """Shares of each true class by predicted class, mean over training seeds; None where no row holds counts."""
    series = block.series
    shares, seeds = _shares(series)
    if not shares:
        return None
    worst = worst_classes(series).set_index("method")
    classes = _classes(shares)
    shown = _farthest(shares, classes)
    every = [*shown, OTHERS] if len(shown) < len(classes) else shown
    beside = 2 if len(every) <= NARROW else 1
    methods = _methods(shares, worst, MOST_PANELS[beside])
    names = dict(zip(every, _short(every), strict=True))
    lines = [
        (method, names[true], names[predicted], share)
        for method in methods
        for (true, predicted), share in _folded(shares[method], set(shown)).items()
    ]
    table = pd.DataFrame(lines, columns=["method", "true", "predicted", "share"])
    caption = _caption(len(shown), len(classes), len(methods), len(shares), seeds)
    titles = [_title(method, worst, 24 // beside) for method in methods]
    panels = pd.DataFrame({"method": methods, "panel": titles, "place": range(len(methods))})
    view = _view([names[one] for one in shown], [names[one] for one in every], beside)
    return concatenated(block, "Confusion matrices", caption, {"shares": table, "panels": panels}, [view])


def _shares(series: pd.DataFrame) -> tuple[dict[str, Shares], list[int]]:
    """Of each method, the reference and the original among them; and over how many training seeds each is a mean."""
    found: dict[str, Shares] = {}
    seeds = []
    own: Any = by_seed(series, CONFUSION)
    for method, part in own.groupby("method", sort=False):
        by_number: list[Shares] = []
        for _, draws in part.groupby("seed"):
            by_number.append(_mean([_normalised(x, y) for x, y in zip(draws["x"], draws["y"], strict=True)]))
        found[str(method)] = _mean(by_number)
        seeds.append(len(by_number))
    return dict(sorted(found.items(), key=lambda item: place(item[0]))), seeds


def _normalised(pairs: Sequence[tuple[str, str]], counts: Sequence[float]) -> Shares:
    totals: dict[str, float] = {}
    for (true, _), count in zip(pairs, counts, strict=True):
        totals[true] = totals.get(true, 0.0) + count
    return {pair: count / totals[pair[0]] for pair, count in zip(pairs, counts, strict=True)}


def _mean(many: Sequence[Shares]) -> Shares:
    sums: Shares = {}
    for one in many:
        for pair, share in one.items():
            sums[pair] = sums.get(pair, 0.0) + share / len(many)
    return sums


def _classes(shares: Mapping[str, Shares]) -> list[str]:
    """Every true class, in the order of the rows."""
    return list(dict.fromkeys(true for own in shares.values() for true, _ in own))


def _farthest(shares: Mapping[str, Shares], classes: Sequence[str]) -> list[str]:
    """Of more than `MOST_CLASSES` classes those whose accuracy is farthest from the reference's, in any method."""
    if len(classes) <= MOST_CLASSES:
        return list(classes)
    reference = shares.get("reference", {})
    gaps = {
        name: max(abs(own.get((name, name), 0.0) - reference.get((name, name), 0.0)) for own in shares.values())
        for name in classes
    }
    most = set(sorted(classes, key=lambda name: -gaps[name])[:MOST_CLASSES])
    return [name for name in classes if name in most]


def _methods(shares: Mapping[str, Shares], worst: pd.DataFrame, most: int) -> list[str]:
    """Of more than that many the reference and those with the worst classes, in the order of the tables."""
    if len(shares) <= most:
        return list(shares)
    gaps: Any = worst["change"].abs()
    order = sorted(shares, key=lambda method: (method != "reference", -float(gaps.get(method, 0.0))))
    return sorted(order[:most], key=place)


def _folded(shares: Shares, shown: set[str]) -> Shares:
    """The lines of the classes that are shown, what they are else taken for as `OTHERS`."""
    found: Shares = {}
    for (true, predicted), share in shares.items():
        if true in shown:
            pair = true, predicted if predicted in shown else OTHERS
            found[pair] = found.get(pair, 0.0) + share
    return found


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
