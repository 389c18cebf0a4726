"""What a search looks like: its history, what mattered, which values went together, and what the budget bought."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from supreme.report.figures.specification import COLOUR, LOOKS, SHAPE, Spec, figure
from supreme.report.studies.coordinates import coordinates
from supreme.report.studies.trials import Study

PANEL, HEIGHT = 150, 220
"""Heights of a panel and of a figure, in pixels."""

NAME = 12
"""Pixels between the names of two lines."""


def study_figures(study: Study) -> Iterator[tuple[str, str, Spec]]:
    """Of each figure the name of its files, its title, and its specification."""
    yield "budget-trials", "Best objective against trials", _budget(study, "count", "trials")
    yield "budget-passes", "Best objective against sample passes", _budget(study, "spent", "sample passes")
    yield "history", "Every trial", _history(study)
    if len(study.importances):
        yield "importances", "Which values mattered", _importances(study)
    for method in study.methods:
        yield f"values-{method}", f"{method}: the values of each trial", coordinates(study, method)


def _objective(study: Study) -> dict[str, Any]:
    better = "lower" if study.sign == 1 else "higher"
    positive = bool((study.trials["objective"].dropna() > 0).all())
    return {
        "title": f"objective ({better} is better)",
        "scale": {"type": "log" if positive else "linear", "zero": False, "nice": False, "padding": 6},
    }


def _budget(study: Study, across: str, title: str) -> Spec:
    table = study.trials.dropna(subset=["best"])
    last: Any = table.groupby("method").tail(1)
    last = last.assign(label_at=_apart(last["best"].to_list(), table["best"].to_list()))
    what = "the number of trials" if across == "count" else "images sent forward or backward in the method"
    caption = (
        f"The best objective so far, on the training seeds and validation images of the search, against {what}. A "
        "method that leads only where it has spent more leads by budget."
    )
    line = {"mark": {"type": "line", "interpolate": "step-after", "strokeWidth": 1.6}, "data": {"name": "trials"}}
    ends = {"mark": {"type": "point", "filled": True, "size": 45}, "data": {"name": "last"}}
    names = {
        "mark": {"type": "text", "align": "left", "dx": 7, "fontSize": 10},
        "data": {"name": "last"},
        "encoding": {"text": {"field": "label"}, "color": COLOUR, "y": {"field": "label_at", "type": "quantitative"}},
    }
    x = {"field": across, "type": "quantitative", "title": title, "scale": {"nice": False}}
    x |= {"axis": {"tickCount": 6, "format": "~s" if across == "spent" else "d"}}
    return figure(
        study,
        f"best objective against {title}",
        caption,
        {"trials": table, "last": last},
        height=HEIGHT,
        layer=[
            {**line, "transform": [LOOKS], "encoding": {"color": COLOUR, "detail": {"field": "method"}}},
            {**ends, "transform": [LOOKS], "encoding": {"color": COLOUR, "shape": SHAPE}},
            {**names, "transform": [LOOKS]},
        ],
        encoding={"x": x, "y": {"field": "best", "type": "quantitative", **_objective(study)}},
    )


def _apart(values: list[float], every: list[float]) -> list[float]:
    """Where the names of lines that end at these values are written, so that no two are on top of each other.

    Args:
        every: all values of the axis, which is logarithmic where they are above 0.
    """
    log = min(every) > 0
    places = [math.log(value) if log else value for value in values]
    gap = NAME / HEIGHT * (max(math.log(one) if log else one for one in every) - min(places))
    found, last = dict[int, float](), -math.inf
    for index in sorted(range(len(values)), key=places.__getitem__):
        last = found[index] = max(places[index], last + gap)
    return [math.exp(found[index]) if log else found[index] for index in range(len(values))]


def _history(study: Study) -> Spec:
    caption = (
        "Every trial that succeeded (points; hollow: the values without a search) and the best so far (line), in the "
        "order in which they were proposed. Trials that failed have no point and count all the same."
    )
    return figure(
        study,
        "objective of every trial",
        caption,
        {"trials": study.trials},
        width=None,
        data={"name": "trials"},
        transform=[LOOKS],
        facet={"field": "method", "type": "nominal", "title": None},
        columns=2,
        spec={
            "width": 140,
            "height": PANEL,
            "layer": [
                {
                    "mark": {"type": "line", "interpolate": "step-after", "strokeWidth": 1.4},
                    "transform": [{"filter": "isValid(datum.best)"}],
                    "encoding": {"y": {"field": "best", "type": "quantitative"}, "color": COLOUR},
                },
                {
                    "mark": {"type": "point", "size": 22, "strokeWidth": 1.1},
                    "transform": [{"filter": "isValid(datum.objective)"}],
                    "encoding": {
                        "y": {"field": "objective", "type": "quantitative", **_objective(study)},
                        "color": COLOUR,
                        "fill": {
                            "condition": {
                                "test": "datum.number > 0",
                                "field": "colour",
                                "type": "nominal",
                                "scale": None,
                            },
                            "value": "white",
                        },
                    },
                },
            ],
            "encoding": {"x": {"field": "count", "type": "quantitative", "title": "trial", "axis": {"tickCount": 5}}},
        },
    )


def _importances(study: Study) -> Spec:
    caption = (
        "How much each searched value sets the best tenth of the trials apart (PED-ANOVA), in shares of 1. With few "
        "trials this says little, and nothing outside of the space that was searched."
    )
    return figure(
        study,
        "importance of each searched value",
        caption,
        {"importances": study.importances},
        width=None,
        data={"name": "importances"},
        transform=[LOOKS],
        facet={
            "row": {
                "field": "method",
                "type": "nominal",
                "title": None,
                "header": {"labelAngle": 0, "labelAlign": "left"},
            }
        },
        resolve={"scale": {"y": "independent"}},
        spacing=6,
        spec={
            "width": 200,
            "height": {"step": 14},
            "mark": {"type": "bar"},
            "encoding": {
                "x": {"field": "share", "type": "quantitative", "title": "importance", "scale": {"domain": [0, 1]}},
                "y": {
                    "field": "field",
                    "type": "nominal",
                    "title": None,
                    "sort": "-x",
                    "axis": {"labelOverlap": False},
                },
                "color": COLOUR,
            },
        },
    )
