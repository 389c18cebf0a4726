"""What the page shows of each block: its lines, verdicts, failed cells, notes, and the numbers of its figures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from supreme.core import Column
from supreme.report.figures import estimates
from supreme.report.figures.series import class_changes, roc_curves
from supreme.report.page.card.inference import failed
from supreme.report.page.values import is_said, plain, plain_records
from supreme.report.rows.asked import NOTHING, Asked, asked_in
from supreme.report.rows.columns import TableColumn, declared_in, default_columns
from supreme.report.rows.failures import by_block
from supreme.report.rows.labels import titled, with_titles
from supreme.report.rows.spread import spread_words
from supreme.report.rows.tuning import tuned_on_shown
from supreme.report.statistics.aggregate import BLOCK
from supreme.report.statistics.claims import Claims
from supreme.report.statistics.targets import target_means
from supreme.report.statistics.variance_shares import SHARES, variance
from supreme.report.tables.blocks import claims_in, methods_and_variants, name_of, title_of
from supreme.report.tables.failed import Failed, failed_methods
from supreme.report.tables.footnotes import footnotes

_LINE = ("mean", "sd", "seeds", "gap", "gap_low", "gap_high", "verdict", "missing", "reason")
_LINE_EXTRA = (
    *("p_sign_flip", "p_adjusted", "adjustment", "margin", "delta_star", "worst_seed", "wilson_low", "wilson_high"),
    *("best", "contrast", "role", "endpoint", "p_equivalent", "share", "share_low", "share_high"),
)
"""What a summary may tell of a line beside `_LINE`."""


def blocks_of(
    frame: pd.DataFrame,
    table: pd.DataFrame,
    series: pd.DataFrame,
    verdicts: pd.DataFrame | None,
) -> list[dict[str, Any]]:
    """Each block of a frame and its summary as plain values.

    Args:
        series: what `series_of` gives of the frame's rows.
        verdicts: one line for each method of a block, where there are any.
    """
    grouped: Any = dict(list(table.groupby(BLOCK)))
    failures = failed(frame)
    judged: Any = {} if verdicts is None else dict(list(verdicts.groupby(BLOCK)))
    curves: Any = dict(list(series.groupby(BLOCK))) if len(series) else {}
    means = target_means(frame)
    parts: Any = means.added_to(frame).groupby(BLOCK)
    asked, broken = asked_in(frame), by_block(frame)
    return [
        _block(
            part,
            grouped[labels],
            curves.get(labels, series.iloc[:0]),
            asked.get(labels, NOTHING),
            failed_methods(part, broken.get(labels, ())),
            claims_in(part, grouped[labels], verdicts, None, means),
        )
        | {
            "labels": list(labels),
            "slug": name_of(labels),
            "spread": spread_words(part).sd,
            "verdicts": _verdicts(judged[labels]) if labels in judged else {},
            "failed": [one for one in failures if one["block"] == title_of(labels)],
        }
        for labels, part in parts
    ]


def _block(
    part: pd.DataFrame,
    table: pd.DataFrame,
    series: pd.DataFrame,
    asked: Asked,
    broken: Sequence[Failed],
    claims: Claims,
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
    others = {metric: TableColumn(metric, metric, Column().format) for metric in metrics}
    told = {method: {metric: own[metric] for metric in wanted if metric in own} for method, own in lines.items()}
    notes = footnotes(told, wanted, part.loc[part["metric"].isin(wanted)], broken, claims=claims)
    return {
        "names": names,
        "seeds": sorted(int(seed) for seed in part["seed"].unique()),
        "metrics": {metric: list(column[1:]) for metric, column in (others | wanted).items()},
        "shown": [column.metric for column in shown],
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
    kept = {name: plain(line.get(name)) for name in (*_LINE, *_LINE_EXTRA)}
    return {name: value for name, value in kept.items() if is_said(value)}


def _verdicts(lines: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """By method with its variant, what is said of the whole of it."""
    return {
        titled(line["method"], line["variant"]): {
            name: value for name, value in line.items() if name not in (*BLOCK, "method", "variant") and is_said(value)
        }
        for line in plain_records(lines)
    }


def _figures(part: pd.DataFrame, series: pd.DataFrame) -> dict[str, Any]:
    """The numbers of those figures that cannot be drawn from the lines and cells."""
    across, up = "accuracy/forget", estimates.utility_metric(part)
    gaps, averaged = estimates.average_gap(part)
    shares: Any = variance(part)
    shares = shares[shares[list(SHARES)].notna().any(axis=1)]
    roc: Any = roc_curves(series)
    changes = class_changes(series)
    return {
        "tradeoff": {
            "x": across,
            "y": up,
            "points": [plain_records(estimates.points(part, one)) for one in (across, up)],
        },
        "cost": {
            "metrics": averaged,
            "points": [plain_records(estimates.points(part, "cost/seconds")), plain_records(gaps)],
        },
        "variance": {
            "titles": estimates.share_titles(part),
            "lines": plain_records(shares[["method", "metric", *SHARES]]),
        },
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


def _points(part: pd.DataFrame, metric: str) -> list[dict[str, Any]]:
    return plain_records(estimates.points(part, metric))


def _rounded(value: float) -> float | None:
    return round(float(value), 4) if math.isfinite(value) else None
