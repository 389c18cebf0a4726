"""Of the card: the margins of equivalence, and where each of them comes from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from supreme.report.page.card.entries import Block, Entry, unique
from supreme.report.rows.columns import is_config_of
from supreme.report.rows.per_seed import BLOCK

RELATIVE = "relative"
WITH_THE_SWEEP = "declared with the sweep"


def margins(table: pd.DataFrame, blocks: Mapping[Block, Sequence[Entry]]) -> dict[str, Any] | str:
    """By metric, each margin that was used and its origin; `table` is the summary of these blocks."""
    found: dict[str, list[dict[str, Any]]] = {}
    tested: Any = table.loc[_tested(table)]
    for line in tested.drop_duplicates([*BLOCK, "metric", "margin"]).to_dict("records"):
        block = tuple(str(line[name]) for name in BLOCK)
        margin = float(line["margin"])
        told: dict[str, Any] = {"margin": RELATIVE if math.isnan(margin) else margin}
        told["origin"] = _origin(str(line["metric"]), told["margin"], float(line["sd_reference"]), blocks[block])
        if most_left := unique(filter(None, (_declared(entry).get("most_left") for entry in blocks[block]))):
            told["most_left"] = most_left[0] if len(most_left) == 1 else most_left
        own = found.setdefault(str(line["metric"]), [])
        if told not in own:
            own.append(told)
    return {metric: own[0] if len(own) == 1 else own for metric, own in found.items()} or (
        "none: equivalence was not tested"
    )


def _tested(table: pd.DataFrame) -> Any:
    given = table["margin"].notna()
    return given | table["endpoint"].fillna(False).astype(bool) if "endpoint" in table else given


def _declared(entry: Entry) -> Mapping[str, Any]:
    return entry.row.get("declared") or {}


def _origin(metric: str, margin: float | str, sd_reference: float, entries: Sequence[Entry]) -> str:
    """Whether the rows of a block declare this margin, or it came after them, or even from them."""
    declared = unique(_margin_of(metric, _declared(entry).get("margins", {})) for entry in entries)
    if declared == [margin]:
        return WITH_THE_SWEEP
    if isinstance(margin, float) and margin == sd_reference:
        return "the SD of the reference between the very seeds under test: taken from the data"
    if declared == [None]:
        return "given afterwards: no row declares it"
    told = " or ".join("none" if one is None else str(one) for one in declared)
    return f"given afterwards: the rows declare {told}"


def _margin_of(metric: str, given: Mapping[str, Any]) -> float | str | None:
    """What is declared of this metric, or of the metric of which it is one config."""
    return next((margin for name, margin in given.items() if is_config_of(metric, name)), None)
