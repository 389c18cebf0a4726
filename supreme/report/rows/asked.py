"""Which metrics were asked for, in which order: what a table shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import pandas as pd
import yaml

from supreme.report.catalogue.methods import CONF
from supreme.report.rows.columns import Kept


class Asked(NamedTuple):
    """Metrics by name."""

    metrics: Sequence[str]
    """In the order asked."""
    explicit: frozenset[str]
    """Those of them that somebody chose, and did not just leave as `conf/config.yaml` has them."""


NOTHING = Asked((), frozenset())


@cache
def usual_metrics() -> frozenset[str]:
    """What `conf/config.yaml` asks for where nobody says otherwise."""
    defaults = yaml.safe_load((CONF / "config.yaml").read_text(encoding="utf-8"))["defaults"]
    return frozenset(next(entry["metric"] for entry in defaults if isinstance(entry, dict) and "metric" in entry))


def asked(metrics: Iterable[str]) -> Asked:
    """What a list of metrics asks for: beside all the usual ones, only the others were chosen."""
    names = tuple(dict.fromkeys(metrics))
    usual = usual_metrics()
    return Asked(names, frozenset(names) - (usual if usual <= set(names) else frozenset()))


def union(several: Iterable[Asked]) -> Asked:
    """What is asked for in any of these, in their order."""
    several = list(several)
    names = dict.fromkeys(name for one in several for name in one.metrics)
    return Asked(tuple(names), frozenset().union(*(one.explicit for one in several)))


def by_block(rows: Iterable[tuple[tuple[str, ...], Iterable[str]]]) -> Kept[Mapping[str, Any]]:
    """For `attrs["asked"]`: of each block, the metrics that its rows were asked for.

    Args:
        rows: the labels of the block of each, and the names of its metrics.
    """
    found: dict[tuple[str, ...], dict[tuple[str, ...], Asked]] = {}
    for labels, metrics in rows:
        names = tuple(metrics)
        found.setdefault(labels, {}).setdefault(names, asked(names))
    every = {labels: union(several.values()) for labels, several in found.items()}
    return Kept(
        {"block": list(labels), "metrics": list(one.metrics), "explicit": sorted(one.explicit)}
        for labels, one in every.items()
    )


def asked_in(frame: pd.DataFrame) -> dict[tuple[str, ...], Asked]:
    """What the rows of a frame of `load` were asked for, by the labels of their block."""
    return {
        tuple(one["block"]): Asked(tuple(one["metrics"]), frozenset(one["explicit"]))
        for one in frame.attrs.get("asked", ())
    }
