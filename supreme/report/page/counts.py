"""The numbers at the head of the page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from supreme.report.rows.labels import titled
from supreme.report.statistics.aggregate import BLOCK


def counts(frame: pd.DataFrame, blocks: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """How much there is, and what is missing: pairs of method and training seed that others of the same block have,
    and that have neither a row nor a failure.

    Args:
        blocks: what `blocks_of` gives of the frame.
    """
    cells = frame.drop_duplicates("cell")
    own: dict[tuple[str, ...], set[tuple[str, int]]] = {}
    for *labels, method, variant, seed in cells[[*BLOCK, "method", "variant", "seed"]].itertuples(index=False):
        own.setdefault(tuple(labels), set()).add((titled(method, variant), int(seed)))
    methods, missing, found = {method for pairs in own.values() for method, _ in pairs}, 0, list(blocks)
    for block in found:
        failed = {(one["method"], seed) for one in block["failed"] for seed in one["seeds"]}
        methods |= {method for method, _ in failed}
        if tried := own.get(tuple(block["labels"])):  # a mean over class targets has no cells of its own
            tried = tried | failed
            missing += len({method for method, _ in tried}) * len({seed for _, seed in tried}) - len(tried)
    return {"cells": len(cells), "blocks": len(found), "methods": len(methods), "missing": missing}
