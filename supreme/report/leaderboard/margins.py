"""Margins that exports declare differently: the strictest of each endpoint holds for all of them."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from supreme.core.endpoints import Endpoints
from supreme.report.rows.endpoints import declarations
from supreme.report.rows.per_seed import BLOCK


def with_strictest(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The frame in which all rows of a block declare the same, and what is to be said of it.

    A method that is within the smallest margin is within its own, larger one, which was declared before it ran: so the
    claim stays one that was declared. Where a row declares nothing, or one a margin and another `relative`, nothing is
    stricter than the other: the block keeps what it has, and makes no claim of equivalence (see `declared_of`).
    """
    notes = []
    declared = frame["declared"].astype(object).copy()
    for labels, part in frame.groupby(BLOCK, observed=True, sort=True):
        told: list[Any] = declarations(part)
        if len(told) < 2:
            continue
        title = " · ".join(filter(None, map(str, labels)))  # type: ignore[arg-type]
        if (strictest := _strictest(told)) is None:
            notes.append(
                f"{title}: its rows declare margins that cannot be compared, or none, so none is called equivalent."
            )
            continue
        declared.loc[part.index] = json.dumps(strictest.record(), sort_keys=True)
        margins = ", ".join(f"{name} {_number(margin)}" for name, margin in strictest.margins.items())
        notes.append(f"{title}: its rows declare different margins; the strictest of each holds: {margins}.")
    attrs = dict(frame.attrs)
    frame = frame.assign(declared=declared.astype(frame["declared"].dtype))
    frame.attrs.update(attrs)
    return frame, notes


def _strictest(told: list[Endpoints | None]) -> Endpoints | None:
    given = [one for one in told if one is not None]
    if len(given) < len(told):
        return None
    margins: dict[str, float | None] = {}
    for metric in sorted({metric for one in given for metric in one.margins}):
        own = [one.margins[metric] for one in given if metric in one.margins]
        numbers = [margin for margin in own if margin is not None]
        if numbers and len(numbers) < len(own):
            return None
        margins[metric] = min(numbers) if numbers else None
    return Endpoints(margins, min(one.most_left for one in given))


def _number(margin: float | None) -> str:
    return "relative" if margin is None else f"{margin:g}"
