"""What a page shows of single classes and images, for each block: the worst class of each method, the contact sheet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from supreme.report.figures.style import place
from supreme.report.figures.worst_class import worst_classes
from supreme.report.page.samples import MISSING, PRIVATE, SWITCHED_OFF, Pictures, most_of_each, private, sheet
from supreme.report.page.values import plain_records
from supreme.report.rows.stored import decoded_in
from supreme.report.statistics.aggregate import BLOCK
from supreme.report.tables.blocks import name_of


def inside_of(
    directory: Path, series: pd.DataFrame, rows: Sequence[Mapping[str, Any]], samples: bool = True
) -> dict[str, Any]:
    """`blocks`: of each, by its slug, `worst` and `sheet`, or `why` there is no sheet; `pictures`: those of all sheets.

    Args:
        directory: the output directory, in whose store the decoded images are.
        series: what `with_stored` gives of the rows.
        rows: as they are stored.
        samples: whether images may be shown.
    """
    pictures, hidden = Pictures(decoded_in(directory)), private(rows)
    fingerprints = {row["cell"]: row["provenance"]["data_fingerprint"] for row in rows}
    groups: Any = series.groupby(BLOCK) if len(series) else ()
    most = most_of_each(len(groups))
    found: dict[str, dict[str, Any]] = {}
    for labels, own in groups:
        worst = worst_classes(own)
        told: dict[str, Any] = {"worst": plain_records(worst.sort_values("method", key=_by_place))}
        data = {fingerprints[cell] for cell in own["cell"].unique()}
        if not samples:
            told["why"] = SWITCHED_OFF
        elif data & hidden:
            told["why"] = PRIVATE
        elif (one := sheet(own, min(data), pictures, most)) is not None:
            told["sheet"] = one
        else:
            told["why"] = MISSING
        found[name_of(labels)] = told
    return {"blocks": found, "pictures": pictures.urls}


def _by_place(column: pd.Series) -> pd.Series:
    return column.map(place)
