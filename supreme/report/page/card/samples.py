"""Of the card: whether a page shows forgotten images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from supreme.report.page.samples import MOST, private


def images_told(rows: Sequence[Mapping[str, Any]], samples: bool) -> str:
    """Whose images are shown, or why none is."""
    if not samples:
        return "none is shown: --no-samples, or report.samples=false of the sweep that wrote the page"
    if hidden := private(rows):
        names = sorted({row["data"] for row in rows if row["provenance"]["data_fingerprint"] in hidden})
        return f"none of {', '.join(names)} is shown: report.samples=false"
    return f"the page shows up to {MOST} of each block"
