"""What papers print and our tables do not: the gap of means, its average over columns, and the population SD."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from supreme.report.published.numbers import REFERENCE, Number

AVERAGE = "average_gap_of_means"


def population_sd(values: Any) -> float:
    """Over n, as numpy's `std` has it, and not over n - 1: smaller by the root of (n - 1) / n. NaN of one value."""
    return float(np.std(values)) if len(values) > 1 else math.nan


def sample_sd(one: Number) -> float | None:
    """The published spread as an SD over n - 1; None where it is none, or of an untold kind."""
    if one.spread is None or one.seeds is None or one.seeds < 2:
        return None
    return {"sd": one.spread, "population sd": one.spread * math.sqrt(one.seeds / (one.seeds - 1))}.get(one.spread_kind)


def gap_between(one: Number, table: Iterable[Number]) -> float:
    """|mean - mean of the reference| of a published number, from the means as printed; NaN where there is none."""
    if one.method == REFERENCE or one.quantity != "value":
        return math.nan
    alike = [
        other for other in table if (other.method, other.column, other.quantity) == (REFERENCE, one.column, "value")
    ]
    alike = [other for other in alike if other.source == one.source] or alike
    return abs(one.mean - alike[0].mean) if alike else math.nan


def average_lines(lines: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> list[dict[str, Any]]:
    """A line for each method and block: the average gap of means over the columns in which both sides have one."""
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for line in lines:
        if not math.isnan(line["gap_of_means"]) and not math.isnan(line["published_gap_of_means"]):
            groups.setdefault((*(line[name] for name in labels[:-2]), line["source"]), []).append(line)
    found = []
    for own in groups.values():
        ours, theirs = (
            sum(line[name] for line in own) / len(own) for name in ("gap_of_means", "published_gap_of_means")
        )
        whole = dict.fromkeys(own[0], "") | {
            name: math.nan for name, value in own[0].items() if isinstance(value, float)
        }
        same = (*labels[:-2], "preset", "targets", "targets_published", "source", "status")
        found.append(
            whole
            | {name: own[0][name] for name in same}
            | {
                "metric": ", ".join(line["metric"] for line in own),
                "published_as": ", ".join(line["published_as"] for line in own),
                "quantity": AVERAGE,
                "mean": ours,
                "published": theirs,
                "difference": ours - theirs,
                "seeds": min(line["seeds"] for line in own),
                "published_seeds": own[0]["published_seeds"],
                "ideal": "lower",
            }
        )
    return found
