"""One HTML page of a sweep: tables, figures, every cell with its config and log, and the evaluation card.

It needs no network and nothing beside it. What rows, configs and logs hold is data to it, never markup.
"""

from __future__ import annotations

import base64
import hashlib
import html as markup
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from supreme.core import Column, SupremeError
from supreme.report.figures import estimates
from supreme.report.figures.series import class_changes, contents, roc_curves, series_of
from supreme.report.figures.style import looks
from supreme.report.page import embedded
from supreme.report.page.card import as_yaml, evaluation_card
from supreme.report.rows import failures
from supreme.report.rows.asked import NOTHING, Asked, asked_in
from supreme.report.rows.columns import TableColumn, declared_in, default_columns
from supreme.report.rows.labels import titled, with_titles
from supreme.report.rows.load import load
from supreme.report.rows.spread import spread_words
from supreme.report.rows.tuning import tuned_on_shown
from supreme.report.statistics.aggregate import BLOCK, summary
from supreme.report.statistics.variance_shares import SHARES, variance
from supreme.report.tables.audits import audit_tables, audits_among
from supreme.report.tables.blocks import methods_and_variants, name_of
from supreme.report.tables.failed import Failed, failed_methods
from supreme.report.tables.footnotes import footnotes
from supreme.report.tables.output import write_file

_WEB = Path(__file__).parent / "web"
SCRIPTS = ("base.js", "state.js", "tables.js", "draw.js", "figures.js", "cells.js", "audits.js", "page.js")
PLACE = Path("reports", "report.html")

_LINE = ("mean", "sd", "seeds", "gap", "gap_low", "gap_high", "verdict", "missing", "reason")
_LINE_EXTRA = (
    "p_sign_flip",
    "p_adjusted",
    "adjustment",
    "margin",
    "delta_star",
    "worst_seed",
    "wilson_low",
    "wilson_high",
    "best",
)


def write_page(
    directory: str | Path = "outputs", frame: pd.DataFrame | None = None, table: pd.DataFrame | None = None
) -> Path:
    """Write `reports/report.html` of this output directory, of all its cells or of those of `frame`; its path."""
    frame = load(directory) if frame is None else frame
    return write_file(Path(directory, PLACE), html(directory, frame, table))


def html(directory: str | Path, frame: pd.DataFrame, table: pd.DataFrame | None = None) -> str:
    """The page of the cells of `frame`, what `load` gives of this output directory, as text.

    `table` is the `summary` of the frame, if it is at hand or not the usual one. The same rows and logs give the same
    text but for the time in it.
    """
    data = page_data(Path(directory), frame, summary(frame) if table is None else table)
    style = (_WEB / "page.css").read_text(encoding="utf-8")
    parts = {name: (_WEB / name).read_text(encoding="utf-8") for name in SCRIPTS}
    script = "(() => {\n'use strict';\n" + "\n".join(parts.values()) + "\n})();\n"
    allowed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()  # and no other script may run
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    fills = {
        "title": markup.escape(data["title"]),
        "allowed": allowed,
        "style": style,
        "made": made,
        "data": embedded.as_script(data),
        "script": script,
    }
    template = (_WEB / "page.html").read_text(encoding="utf-8").split("{{")
    return template[0] + "".join(
        fills[name] + rest for name, _, rest in (piece.partition("}}") for piece in template[1:])
    )


def page_data(directory: Path, frame: pd.DataFrame, table: pd.DataFrame) -> dict[str, Any]:
    """Everything that the page shows, as plain values."""
    wanted = list(frame["cell"].unique())
    known = set(wanted)
    rows = {row["cell"]: row for row in contents(directory) if row["cell"] in known}
    if known - rows.keys():
        raise SupremeError(
            f"{directory / 'rows'} has no row of {len(known - rows.keys())} of the cells: it has changed meanwhile, or "
            "the frame is of another directory; load the frame again"
        )
    ordered = [rows[cell] for cell in wanted]
    series = series_of(ordered, frame)
    pool = embedded.Pool()
    card = evaluation_card(frame, table, ordered)
    entries = embedded.cells(frame, rows, embedded.logs_of(directory, wanted), pool)
    methods = estimates.methods_of(frame)
    return {
        "title": directory.resolve().name,
        "looks": {method: list(look) for method, look in looks(methods).items()},
        "blocks": _blocks(frame, table, series),
        "cells": entries,
        "pool": pool.values,
        "audits": [
            dict(zip(("title", "head", "lines", "notes"), one, strict=True))
            for one in audit_tables(audits_among(directory, frame))
        ],
        "failures": embedded.failures(directory, wanted),
        "card": card,
        "yaml": as_yaml(card),
    }


def _blocks(frame: pd.DataFrame, table: pd.DataFrame, series: pd.DataFrame) -> list[dict[str, Any]]:
    grouped: Any = dict(list(table.groupby(BLOCK)))
    curves: Any = dict(list(series.groupby(BLOCK))) if len(series) else {}
    parts: Any = dict(list(frame.groupby(BLOCK)))
    asked, broken = asked_in(frame), failures.by_block(frame)
    return [
        _block(
            labels,
            part,
            grouped[labels],
            curves.get(labels, series.iloc[:0]),
            asked.get(labels, NOTHING),
            failed_methods(part, broken.get(labels, ())),
        )
        for labels, part in parts.items()
    ]


def _block(
    labels: Any,
    part: pd.DataFrame,
    table: pd.DataFrame,
    series: pd.DataFrame,
    asked: Asked,
    failed: Sequence[Failed],
) -> dict[str, Any]:
    metrics = list(part["metric"].unique())
    columns = default_columns(metrics, declared_in(part), *asked)
    names = {titled(*pair): list(pair) for pair in methods_and_variants(part)}
    part, table = with_titles(part), with_titles(table)
    lines: dict[str, dict[str, Any]] = {method: {} for method in estimates.methods_of(part)}
    for line in table.to_dict("records"):
        lines[line["method"]][line["metric"]] = {str(name): value for name, value in line.items()}
    shown = [column for column in columns if any(_has(own, column.metric) for own in lines.values())]
    wanted = {column.metric: column for column in columns}
    plain = {metric: TableColumn(metric, metric, Column().format) for metric in metrics}
    told = {method: {metric: own[metric] for metric in wanted if metric in own} for method, own in lines.items()}
    notes = footnotes(told, wanted, part.loc[part["metric"].isin(wanted)], failed)
    return {
        "labels": list(labels),
        "slug": name_of(labels),
        "names": names,
        "seeds": sorted(int(seed) for seed in part["seed"].unique()),
        "metrics": {metric: list(column[1:]) for metric, column in (plain | wanted).items()},
        "spread": spread_words(part).sd,
        "shown": [column.metric for column in shown],
        "failed": [
            {
                "method": titled(one.method, one.variant),
                "told": one.told,
                "done": one.done,
                "seeds": len(one.seeds),
            }
            for one in failed
        ],
        "tuned": sorted(tuned_on_shown(part, wanted)),
        "notes": notes.every,
        "always": len(notes.short),
        "lines": {method: {metric: _compact(own) for metric, own in found.items()} for method, found in lines.items()},
        "figures": _figures(part, series),
    }


def _has(own: Mapping[str, Any], metric: str) -> bool:
    return metric in own and own[metric]["seeds"] > 0


def _compact(line: Mapping[str, Any]) -> dict[str, Any]:
    """What of a line says something."""
    kept = {name: _plain(line[name]) for name in (*_LINE, *_LINE_EXTRA)}
    return {name: value for name, value in kept.items() if value is not None and value != "" and value is not False}


def _figures(part: pd.DataFrame, series: pd.DataFrame) -> dict[str, Any]:
    """The numbers of those figures that cannot be drawn from the lines and cells."""
    across, up = "accuracy/forget", estimates.utility_metric(part)
    gaps, averaged = estimates.average_gap(part)
    shares: Any = variance(part)
    shares = shares[shares[list(SHARES)].notna().any(axis=1)]
    roc: Any = roc_curves(series)
    changes = class_changes(series)
    return {
        "tradeoff": {"x": across, "y": up, "points": [_records(estimates.points(part, one)) for one in (across, up)]},
        "cost": {"metrics": averaged, "points": [_records(estimates.points(part, "cost/seconds")), _records(gaps)]},
        "variance": {"titles": estimates.share_titles(part), "lines": _records(shares[["method", "metric", *SHARES]])},
        "roc": {
            str(method): {
                **{name: [_rounded(value) for value in own[name]] for name in ("fpr", "mean", "low", "high")},
                "seeds": int(own["seeds"].max()),
            }
            for method, own in roc.groupby("method")
        },
        "classes": {
            "names": [str(name) for name in changes.columns],
            "changes": {
                str(method): [_rounded(value) for value in own]
                for method, own in zip(changes.index, changes.to_numpy(), strict=True)
            },
            "seeds": len(set(series["seed"])),
        },
    }


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): _plain(value) for name, value in line.items()} for line in table.to_dict("records")]


def _plain(value: Any) -> Any:
    """A value that JSON has: nothing in place of NaN, Python's own numbers."""
    value = value.item() if hasattr(value, "item") else value
    return None if value is None or (isinstance(value, float) and not math.isfinite(value)) else value


def _rounded(value: float) -> float | None:
    return round(float(value), 4) if math.isfinite(value) else None
