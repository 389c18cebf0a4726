"""What the page shows of each block: its lines, verdicts, failed cells, notes, and the numbers of its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from supreme.core import Column
from supreme.core.endpoints import Endpoints
from supreme.report.figures import estimates
from supreme.report.figures.shown import Shown
from supreme.report.page.card.inference import failed_record
from supreme.report.page.figures import figures_of
from supreme.report.page.values import is_said, plain, plain_records, short
from supreme.report.rows.asked import NOTHING, Asked, asked_in
from supreme.report.rows.columns import TableColumn, declared_in, default_columns
from supreme.report.rows.labels import titled, with_titles
from supreme.report.rows.spread import spread_words
from supreme.report.rows.tuning import tuned_on_shown
from supreme.report.statistics.aggregate import BLOCK
from supreme.report.statistics.claims import Claims
from supreme.report.statistics.targets import target_means
from supreme.report.tables.block_claims import claims_by_block
from supreme.report.tables.blocks import methods_and_variants, name_of
from supreme.report.tables.failed import Failed, failed_in
from supreme.report.tables.footnotes import footnotes, only_failures

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
    verdicts: pd.DataFrame,
    endpoints: Endpoints | None = None,
) -> list[dict[str, Any]]:
    """Each block of a frame and its summary as plain values, those of which every cell failed among them.

    Args:
        series: what `series_of` gives of the frame's rows.
        verdicts: what `joint.verdicts` says of both with these endpoints.
    """
    grouped: Any = dict(list(table.groupby(BLOCK)))
    judged: Any = dict(list(verdicts.groupby(BLOCK)))
    curves: Any = dict(list(series.groupby(BLOCK))) if len(series) else {}
    parts: Any = dict(list(target_means(frame).added_to(frame).groupby(BLOCK)))
    asked, failed = asked_in(frame), failed_in(frame)
    claims = claims_by_block(frame, table, verdicts, endpoints)
    found = []
    for labels in sorted({*parts, *failed}):
        broken = failed.get(labels, [])
        if labels in parts:
            own = curves.get(labels, series.iloc[:0])
            told = _block(parts[labels], grouped[labels], own, asked.get(labels, NOTHING), broken, claims[labels])
            told |= {"spread": spread_words(parts[labels]).sd, "verdicts": _verdicts(judged[labels])}
        else:
            told = _failed_block(broken)
        found.append(
            {"labels": list(labels), "slug": name_of(labels)}
            | told
            | {"failed": [{"method": one.title, **failed_record(one)} for one in broken]}
        )
    return found


def _failed_block(broken: Sequence[Failed]) -> dict[str, Any]:
    """Of which there is nothing but failures."""
    notes = only_failures(broken)
    nothing: dict[str, Any] = {"spread": "", "figures": False, "drawn": None, "shown": [], "tuned": [], "seeds": []}
    nothing |= {name: {} for name in ("names", "metrics", "lines", "verdicts")}
    return nothing | {"notes": notes.every, "always": len(notes.short)}


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
        "figures": True,
        "drawn": figures_of(Shown(part, with_titles(series))),
    }


def _has(own: Mapping[str, Any], metric: str) -> bool:
    return metric in own and own[metric]["seeds"] > 0


def _compact(line: Mapping[str, Any]) -> dict[str, Any]:
    """What of a line says something."""
    kept = {name: short(plain(line.get(name))) for name in (*_LINE, *_LINE_EXTRA)}
    return {name: value for name, value in kept.items() if is_said(value)}


def _verdicts(lines: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """By method with its variant, what is said of the whole of it; nothing where no method has a verdict."""
    if not any(lines["letter"]):
        return {}
    told = [line for line in plain_records(lines) if line["letter"]]
    reasons = [line["reason"].split("; ") for line in told]
    of_all = set.intersection(*map(set, reasons))
    return {
        titled(line["method"], line["variant"]): {
            name: value for name, value in line.items() if name not in (*BLOCK, "method", "variant") and is_said(value)
        }
        | {"own_reason": "; ".join(reason for reason in own if reason not in of_all)}
        for line, own in zip(told, reasons, strict=True)
    }
