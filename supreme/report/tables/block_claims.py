"""The sentences that belong below the verdicts of each block of a frame, for tables, page and card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from supreme.core.endpoints import Endpoints
from supreme.report.rows.endpoints import declared_of
from supreme.report.rows.failures import Labels
from supreme.report.rows.labels import titled
from supreme.report.rows.per_seed import BLOCK
from supreme.report.statistics.claims import NO_CLAIMS, Claims, claims_of
from supreme.report.statistics.doubts import Titles
from supreme.report.statistics.targets import TargetMeans, target_means


def claims_by_block(
    frame: pd.DataFrame, table: pd.DataFrame, verdicts: pd.DataFrame, endpoints: Endpoints | None = None
) -> dict[Labels, Claims]:
    """By the labels of each block of a frame and its summary, what is to be said of its verdicts."""
    means = target_means(frame)
    tables: dict[Any, pd.DataFrame] = dict(list(table.groupby(BLOCK)))
    parts: Any = means.added_to(frame).groupby(BLOCK)
    return {labels: claims_in(part, tables[labels], verdicts, endpoints, means) for labels, part in parts}


def claims_in(
    part: pd.DataFrame,
    table: pd.DataFrame,
    verdicts: pd.DataFrame | None,
    endpoints: Endpoints | None = None,
    means: TargetMeans | None = None,
) -> Claims:
    """What is to be said of the verdicts of a block of these rows and these lines of the summary.

    Args:
        means: of the frame, where the block may be a mean over class targets.
    """
    if verdicts is None:
        return NO_CLAIMS
    labels = part[BLOCK].iloc[0].tolist()
    own: Any = verdicts.loc[(verdicts[BLOCK] == labels).all(axis=1)]
    lines: dict[str, dict[str, Mapping[str, Any]]] = {}
    for line in table.to_dict("records"):
        lines.setdefault(titled(line["method"], line["variant"]), {})[line["metric"]] = line
    told = {titled(line["method"], line["variant"]): line for line in own.to_dict("records")}
    declared = declared_of(part, endpoints)
    claims, key = claims_of(part, lines, told, declared), tuple(labels)
    if means is None or key not in means.notes:
        return claims
    titles = Titles(part)
    farthest = means.farthest_notes(key, lambda metric: titles(metric) if declared.is_primary(metric) else "")
    return replace(claims, doubts=[*claims.doubts, *means.notes[key]], rest=[*claims.rest, *farthest])
