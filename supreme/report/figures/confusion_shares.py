"""From the counts of confused classes to shares of each class, and which of many are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from supreme.report.figures.series import by_seed
from supreme.report.figures.stored import CONFUSION
from supreme.report.figures.style import place

MOST_CLASSES = 20
"""Of more those are shown whose accuracies are farthest from the retrained model's."""

OTHERS = "(others)"
"""What the classes that are not shown are called together, where one of them is predicted."""

Shares = dict[tuple[str, str], float]
"""By true and predicted class: of the test images of the true class, the share that is predicted so."""


def shares_of(series: pd.DataFrame) -> tuple[dict[str, Shares], list[int]]:
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


def farthest_classes(shares: Mapping[str, Shares]) -> tuple[list[str], list[str]]:
    """Every class that has test images, and of more than `MOST_CLASSES` the farthest, in the order of the rows.

    These are the ones whose accuracy is farthest from the reference's, in any method.
    """
    classes = list(dict.fromkeys(true for own in shares.values() for true, _ in own))
    reference = shares.get("reference", {})
    gaps = {
        name: max(abs(own.get((name, name), 0.0) - reference.get((name, name), 0.0)) for own in shares.values())
        for name in classes
    }
    most = set(sorted(classes, key=lambda name: -gaps[name])[:MOST_CLASSES])
    return classes, [name for name in classes if name in most]


def farthest_methods(shares: Mapping[str, Shares], worst: pd.DataFrame, most: int) -> list[str]:
    """Of more than that many the reference and those with the worst classes, in the order of the tables."""
    if len(shares) <= most:
        return list(shares)
    gaps: Any = worst["change"].abs()
    order = sorted(shares, key=lambda method: (method != "reference", -float(gaps.get(method, 0.0))))
    return sorted(order[:most], key=place)


def folded(shares: Shares, shown: set[str]) -> Shares:
    """The lines of the classes that are shown, what they are else taken for as `OTHERS`."""
    found: Shares = {}
    for (true, predicted), share in shares.items():
        if true in shown:
            pair = true, predicted if predicted in shown else OTHERS
            found[pair] = found.get(pair, 0.0) + share
    return found
