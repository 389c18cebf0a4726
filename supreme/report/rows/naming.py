"""What the rows of an output directory are called, all together: see `labels` for what makes such names last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from supreme.report.rows.failures import Failure
from supreme.report.rows.labels import variants
from supreme.report.rows.reading import COMPONENTS, OF_THE_RUN, Row


class Names(NamedTuple):
    """What rows and failures are called."""

    labels: Sequence[tuple[str, ...]]
    """Of each row; see `labels_of`."""
    suffixes: Sequence[dict[str, str]]
    """Of the metrics of each row; see `metric_suffixes`."""
    of_failed: Sequence[tuple[str, ...]]
    """The labels of each failure."""


def names_of(rows: Sequence[Row], failed: Sequence[Failure]) -> Names:
    """The names of these rows and failures, each in order of arrival."""
    labels = labels_of([*rows, *failed])  # these last, so that they move no row's name
    return Names(labels[: len(rows)], metric_suffixes(rows), labels[len(rows) :])


def labels_of(rows: Sequence[Row | Failure]) -> list[tuple[str, ...]]:
    """Data, model, recipe, scenario, setting, method and variant of each row; they are in order of arrival."""
    first: dict[Any, Row | Failure] = {}  # wherever they lie, the same images are the same data
    for row in rows:
        first.setdefault(_images_of(row), row)
    parts = []
    for kind in COMPONENTS:
        told = [first[_images_of(row)] if kind == "data" else row for row in rows]
        entries = [
            (row.names[kind], one.changed.get(kind, {}), one.settings[kind])
            for row, one in zip(rows, told, strict=True)
        ]
        parts.append(variants(entries, f"{kind}.", OF_THE_RUN if kind == "recipe" else ()))
    settings = [", ".join(filter(None, told)) for told in zip(*parts, _meanings(rows, parts), strict=True)]
    blocks = [(*(row.names[kind] for kind in COMPONENTS), told) for row, told in zip(rows, settings, strict=True)]
    methods = variants(
        ((*block, row.names["method"]), row.changed.get("method", {}), row.settings["method"])
        for row, block in zip(rows, blocks, strict=True)
    )
    return [(*block, row.names["method"], told) for row, block, told in zip(rows, blocks, methods, strict=True)]


def _meanings(rows: Sequence[Row | Failure], settings: Sequence[Sequence[str]]) -> list[str]:
    """What a row's block is called beside its settings where its scenario or a metric means something else than before.

    The version that came first in a block is plain, `metric.membership.version=2` is told of another one that comes
    later; a row that lacks the metric is of no version.
    """
    first: dict[Any, int] = {}
    found = []
    for row, *told in zip(rows, *settings, strict=True):
        block = (*(row.names[kind] for kind in COMPONENTS), *told)
        others = []
        if isinstance(row, Row):
            for part in ("scenario", *(f"metric.{name}" for name in row.metric_settings)):
                version = row.meanings.get(part, 1)
                if first.setdefault((block, part), version) != version:
                    others.append(f"{part}.version={version}")
        found.append(", ".join(others))
    return found


def _images_of(row: Row | Failure) -> Any:
    data = row.settings["data"]
    return data["content"], data.get("twins"), data.get("evaluate_on")  # other sets of the same images


def metric_suffixes(rows: Sequence[Row]) -> list[dict[str, str]]:
    """For each row, what to add to the columns of each metric whose values are changed; in order of arrival.

    Each protocol has plain values of its own: as rows of two protocols differ in `setting`, no name tells them twice.
    """
    suffixes: list[dict[str, str]] = [{} for _ in rows]
    for family in {name for row in rows for name in row.metric_settings}:
        having = [index for index, row in enumerate(rows) if family in row.metric_settings]
        told = variants(
            (rows[index].protocol, rows[index].changed.get(f"metric.{family}", {}), rows[index].metric_settings[family])
            for index in having
        )
        for index, text in zip(having, told, strict=True):
            suffixes[index][family] = f" ({text})" if text else ""
    return suffixes
