"""The figures of a block as the page carries them, and the program that draws them."""

from __future__ import annotations

import base64
import gzip
from functools import cache
from pathlib import Path
from typing import Any

from supreme.report.figures.catalogue import FIGURES, drawn
from supreme.report.figures.shown import Shown
from supreme.report.figures.specification import Spec

VEGA = Path(__file__).parent / "web" / "vega.js.gz"
"""Vega, Vega-Lite and Vega-Embed in one script, as `python -m tests.vega` takes them from vl-convert."""


@cache
def vega() -> tuple[str, str]:
    """The script that draws figures, packed for the page, and as the text of which the page allows the digest."""
    packed = VEGA.read_bytes()
    return base64.b64encode(packed).decode(), gzip.decompress(packed).decode("utf-8")


def figures_of(block: Shown) -> dict[str, Any]:
    """`shown`: name, title, `wide`, and specifications by metric ("": of none); `absent`: why there are no others."""
    found = list(drawn(block))
    names = {figure.name for figure, _ in found}
    return {
        "shown": [
            {
                "name": figure.name,
                "title": figure.title,
                "wide": figure.wide,
                "specs": {metric or "": _compact(spec) for metric, spec in specs.items()},
            }
            for figure, specs in found
        ],
        "absent": [figure.absent for figure in FIGURES if figure.name not in names],
    }


def _compact(spec: Spec) -> Spec:
    """In little room: each data set as columns; the looks of methods are those of the whole page."""
    datasets = {name: records for name, records in spec["datasets"].items() if name != "methods"}
    columns = {
        name: {column: [record[column] for record in records] for column in (records[0] if records else ())}
        for name, records in datasets.items()
    }
    return {name: part for name, part in spec.items() if name not in ("$schema", "width")} | {"datasets": columns}
