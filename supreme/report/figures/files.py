"""Every figure of an output directory, as files for a paper."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from supreme.report.figures import estimates
from supreme.report.figures.catalogue import FIGURES
from supreme.report.figures.series import load_series
from supreme.report.figures.shown import Shown
from supreme.report.figures.specification import WIDTH, Spec
from supreme.report.figures.theme import themed
from supreme.report.rows.labels import with_titles
from supreme.report.rows.load import load
from supreme.report.statistics.aggregate import BLOCK
from supreme.report.tables.blocks import name_of, slug
from supreme.report.tables.output import write_file

INCHES = 3.35
"""Width of a file: one column of a paper."""

DOTS_PER_INCH, POINTS_PER_INCH = 300, 72

FOLDER = Path("reports", "figures")

_ENTRIES = re.compile(rb"(?:^ +/\w+ \d+ 0 R\n){2,}", re.MULTILINE)
"""Of a dictionary of the PDF, which svg2pdf writes in an order that chance gives."""

_GRADIENT = re.compile(r'id="(gradient_\d+)"')
"""A name that Vega counts up from figure to figure."""

_SIZE = re.compile(r'\b(width|height)="([0-9.]+)"')


def write_figures(directory: str | Path = "outputs", frame: pd.DataFrame | None = None) -> list[Path]:
    """Write `reports/figures/<block>/<name>` as .png, .pdf and .svg of each block of this directory; their paths.

    `frame` is what `load` gives, or the part of it that is wanted. The same rows give the same bytes. A figure that has
    nothing to show has no files.
    """
    frame = load(directory) if frame is None else frame
    series = load_series(directory, frame)
    written = []
    groups: Any = frame.groupby(BLOCK)
    for labels, part in groups:
        block = dict(zip(BLOCK, labels, strict=True))
        folder = Path(directory, FOLDER, name_of(block.values()))
        own: Any = series[(series[BLOCK] == pd.Series(block)).all(axis=1)]
        for name, spec in _figures(Shown(with_titles(part), with_titles(own))):
            for kind, content in rendered(spec).items():
                written.append(write_file(folder / f"{name}.{kind}", content))
    return written


def rendered(spec: Spec) -> dict[str, bytes]:
    """The figure by kind of file: SVG, whose text stays text; PNG; and PDF, with its fonts embedded."""
    import vl_convert

    svg = vl_convert.vegalite_to_svg(themed(spec))
    for number, name in enumerate(dict.fromkeys(_GRADIENT.findall(svg))):
        svg = svg.replace(f'{name}"', f'shade_{number}"').replace(f"{name})", f"shade_{number})")
    drawn = max(WIDTH, _width(svg))  # panels may take more room than one view, and a column has no more
    made = vl_convert.svg_to_pdf(_sized(svg, "", INCHES * POINTS_PER_INCH / drawn))
    scale = INCHES * POINTS_PER_INCH / drawn
    return {
        "svg": _sized(svg, "in", INCHES / drawn).encode(),
        "png": vl_convert.svg_to_png(svg, scale=scale, ppi=DOTS_PER_INCH),
        "pdf": _ENTRIES.sub(lambda found: b"".join(sorted(found[0].splitlines(keepends=True))), made),
    }


def _width(svg: str) -> float:
    """In the figure's own pixels."""
    return float(dict(_SIZE.findall(svg.split(">", 1)[0]))["width"])


def _sized(svg: str, unit: str, factor: float) -> str:
    """The SVG, of so many units for each of its pixels."""
    head, rest = svg.split(">", 1)
    return _SIZE.sub(lambda found: f'{found[1]}="{float(found[2]) * factor:.4f}{unit}"', head) + f">{rest}"


def _figures(block: Shown) -> Iterator[tuple[str, Spec]]:
    """By the name of its files."""
    metrics = [*estimates.averaged(block.rows), "js_divergence/forget"]
    for figure in FIGURES:
        for metric in metrics if figure.by_metric else [None]:
            if (spec := figure.draw(block, *filter(None, [metric]))) is not None:
                yield "-".join([figure.name, *filter(None, [metric and slug(metric.replace("/", " "))])]), spec
