"""The attack that tells most about a method, of all attacks in all exports: a stronger one lowers an entry."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from supreme.report.rows.labels import titled
from supreme.report.rows.per_seed import ANCHORS, BLOCK, NULL

SUCCESS = "/auc"
"""What the column of a metric or of an audit ends with that tells how well its attack succeeds."""
CHANCE = 0.5


@dataclass(frozen=True, kw_only=True)
class Worst:
    """Of one method."""

    attack: str
    """The column."""
    success: float
    null: float
    """What the same attack gets of retrained models; `CHANCE` where nobody ran it on them."""
    exports: str
    """Where the value is from."""
    attacks: int
    """How many attacks there are of this method."""


def worst_attacks(
    table: pd.DataFrame, audits: pd.DataFrame, rows_of: Mapping[Any, str], audits_of: Mapping[str, str]
) -> dict[tuple[str, ...], dict[str, Worst]]:
    """By block, then by method with its variant, the attack whose success is farthest from what it gets of retraining.

    Args:
        table: what `summary` gives.
        audits: what `load_audits` gives.
        rows_of: names of the exports that the rows of a block, method and variant are from.
        audits_of: name of the export of each audit, by its id.
    """
    found: dict[tuple[str, ...], dict[str, list[Worst]]] = {}

    def add(line: Any, column: str, success: float, null: float, exports: str) -> None:
        if not math.isnan(success) and line["method"] not in (*ANCHORS, NULL):
            block = tuple(str(line[name]) for name in BLOCK)
            own = found.setdefault(block, {}).setdefault(titled(line["method"], line["variant"]), [])
            null = CHANCE if math.isnan(null) else null
            own.append(Worst(attack=column, success=success, null=null, exports=exports, attacks=0))

    for line in table.loc[table["metric"].str.endswith(SUCCESS)].to_dict("records"):
        key = (*(line[name] for name in BLOCK), line["method"], line["variant"])
        add(line, str(line["metric"]), line["mean"], line["mean"] - line["gap"], rows_of.get(key, ""))
    success: Any = audits.loc[audits["column"].str.endswith(SUCCESS)]
    nulls = {
        tuple(line[name] for name in (*BLOCK, "forget_digest", "name", "column")): line["value"]
        for line in success.loc[success["method"] == NULL].to_dict("records")
    }
    for line in success.to_dict("records"):
        null = nulls.get(tuple(line[name] for name in (*BLOCK, "forget_digest", "name", "column")), math.nan)
        column = str(line["name"]) + str(line["column"])[len(str(line["column"]).partition("/")[0]) :]
        add(line, column, line["value"], null, audits_of.get(str(line["audit"]), ""))
    return {
        block: {method: _worst(every) for method, every in sorted(own.items())} for block, own in sorted(found.items())
    }


def _worst(every: list[Worst]) -> Worst:
    first = min(every, key=lambda one: (-abs(one.success - one.null), one.attack, one.exports))
    return Worst(attack=first.attack, success=first.success, null=first.null, exports=first.exports, attacks=len(every))
