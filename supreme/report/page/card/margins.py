"""Of the card: the margins of equivalence, and where each of them comes from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from supreme.core.endpoints import Endpoints
from supreme.report.page.card.entries import unique
from supreme.report.rows.columns import is_config_of
from supreme.report.rows.endpoints import FIRST_SAID, declarations, declared_of
from supreme.report.rows.per_seed import BLOCK
from supreme.report.statistics.targets import target_means

RELATIVE = "relative"


def margins(frame: pd.DataFrame, table: pd.DataFrame, endpoints: Endpoints | None) -> dict[str, Any] | str:
    """By primary endpoint, each margin that was used and its origin; `table` is the summary with these endpoints."""
    parts: dict[Any, pd.DataFrame] = dict(list(target_means(frame).added_to(frame).groupby(BLOCK)))
    found: dict[str, list[dict[str, Any]]] = {}
    tested: Any = table.loc[table["endpoint"].astype(bool)]
    for line in tested.drop_duplicates([*BLOCK, "metric", "margin"]).to_dict("records"):
        part = parts[tuple(str(line[name]) for name in BLOCK)]
        declared = declared_of(part, endpoints)
        told: dict[str, Any] = {"margin": RELATIVE if math.isnan(line["margin"]) else float(line["margin"])}
        told["origin"] = declared.origin
        if declared.origin != FIRST_SAID:
            told["origin"] += f": {_instead(line, told['margin'], declarations(part))}"
        told["most_left"] = declared.endpoints.most_left
        own = found.setdefault(str(line["metric"]), [])
        if told not in own:
            own.append(told)
    return {metric: own[0] if len(own) == 1 else own for metric, own in found.items()} or (
        "none: equivalence was not tested"
    )


def _instead(line: Mapping[Any, Any], margin: float | str, declarations: Sequence[Endpoints | None]) -> str:
    """What the rows of a block declare of a metric, where that is not what was used; or that they are its source."""
    if margin == line["sd_reference"]:
        return "the SD of the reference between the very seeds under test, taken from the data"
    told = unique(_margin_of(str(line["metric"]), declared) for declared in declarations)
    if told == [None]:
        return "no row declares it"
    words = " or ".join("none" if one is None else str(one) for one in told)
    return f"the rows declare {words}" + (", and something else of other metrics" if told == [margin] else "")


def _margin_of(metric: str, declared: Endpoints | None) -> float | str | None:
    """What is declared of this metric, or of the metric of which it is one config."""
    given = declared.margins if declared is not None else {}
    own = [margin for name, margin in given.items() if is_config_of(metric, name)]
    return (RELATIVE if own[0] is None else own[0]) if own else None
