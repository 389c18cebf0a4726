"""Every figure of an output directory, as files for a paper."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from supreme.report.figures import estimates, figures, figures_series
from supreme.report.figures.series import load_series
from supreme.report.rows.load import load
from supreme.report.statistics.aggregate import BLOCK
from supreme.report.tables.blocks import name_of, slug
from supreme.report.tables.output import write_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DOTS_PER_INCH = 300
FOLDER = Path("reports", "figures")


def write_figures(directory: str | Path = "outputs", frame: pd.DataFrame | None = None) -> list[Path]:
    """Write `reports/figures/<block>/<name>.png` and `.pdf` of each block of this output directory; their paths.

    `frame` is what `load` gives, or the part of it that is wanted. The same rows give the same bytes. A figure that has
    nothing to show says why.
    """
    frame = load(directory) if frame is None else frame
    series = load_series(directory, frame)
    written = []
    groups: Any = frame.groupby(BLOCK)
    for labels, part in groups:
        block = dict(zip(BLOCK, labels, strict=True))
        folder = Path(directory, FOLDER, name_of(block.values()))
        own: Any = series[(series[BLOCK] == pd.Series(block)).all(axis=1)]
        for name, figure in _figures(part, own):
            for kind, metadata in (("png", None), ("pdf", {"CreationDate": None})):
                buffer = io.BytesIO()
                figure.savefig(buffer, format=kind, dpi=DOTS_PER_INCH, metadata=metadata)
                written.append(write_file(folder / f"{name}.{kind}", buffer.getvalue()))
    return written


def _figures(part: pd.DataFrame, series: pd.DataFrame) -> Iterator[tuple[str, Figure]]:
    yield "tradeoff", figures.plot_tradeoff(part)
    for metric in (*estimates.averaged(part), "js_divergence/forget"):
        if metric in set(part["metric"]):
            yield f"seeds-{slug(metric.replace('/', ' '))}", figures.plot_seeds(part, metric=metric)
    yield "cost", figures.plot_cost(part)
    yield "variance", figures.plot_variance(part)
    yield "roc", figures_series.plot_roc(series)
    yield "classes", figures_series.plot_classes(series)
