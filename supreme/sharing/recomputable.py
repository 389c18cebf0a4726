"""Which metrics of a row of somebody else can be computed again, from logits and labels alone.

Nothing that a row names is imported: a metric is built only where its class is that of a YAML of conf/metric here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import yaml

from supreme.core import SupremeError, registry
from supreme.core.components import version_of
from supreme.core.row import StoredRow
from supreme.report.catalogue.methods import CONF

PREDICTIONS = frozenset({"logits"})


def metrics_of(row: StoredRow) -> tuple[dict[str, Any], dict[str, str]]:
    """The metrics of a row that predictions alone give, built, and why the others are left."""
    built: dict[str, Any] = {}
    left: dict[str, str] = {}
    for name, node in row["config"]["metric"].items():
        metric, why = _metric(name, node, row.get("meanings", {}).get(f"metric.{name}", 1))
        if why:
            left[name] = why
        else:
            built[name] = metric
    return built, left


def _metric(name: str, node: Mapping[str, Any], version: int) -> tuple[Any, str]:
    if node.get("_target_") not in _known() or any("_target_" in one for one in _nested(node)):
        return None, "its class is not one of those here"
    try:
        metric = registry.build(node, f"metric {name}")
    except SupremeError:
        return None, "its values are not those of its class here"
    if (own := version_of(metric)) != version:
        return None, f"it is of version {version}, and here of {own}"
    if metric.needs != PREDICTIONS:
        return None, f"needs {', '.join(sorted(metric.needs - PREDICTIONS))}" if metric.needs else "measured as it ran"
    return metric, ""


def _nested(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The mappings inside a node, however deep."""
    for value in node.values():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, Mapping):
                yield one
                yield from _nested(one)


@cache
def _known() -> frozenset[str]:
    """The classes that the YAML files of conf/metric name."""
    nodes = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in (CONF / "metric").glob("*.yaml")]
    return frozenset(str(node.get("_target_")) for node in nodes)
