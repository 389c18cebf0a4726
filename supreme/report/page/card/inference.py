"""Of the card: what is inferred from the rows, told from the summary that the tables are made of."""

from __future__ import annotations

from typing import Any

import pandas as pd

from supreme.core.endpoints import Endpoints
from supreme.report.page.card.entries import Block, counted, unique
from supreme.report.page.card.margins import margins
from supreme.report.page.values import is_said, plain_records
from supreme.report.rows.labels import titled
from supreme.report.rows.per_seed import BLOCK, DRAWS, LINE
from supreme.report.rows.spread import spread_words
from supreme.report.statistics.aggregate import crossed_gaps
from supreme.report.tables.blocks import title_of
from supreme.report.tables.failed import Failed, failed_in

LEVEL = 0.95


def statistics(
    frame: pd.DataFrame, table: pd.DataFrame, verdicts: pd.DataFrame, endpoints: Endpoints | None
) -> dict[str, Any]:
    """What was inferred and how.

    Args:
        verdicts: those of this frame, its summary and these endpoints.
    """
    return {
        "unit_of_replication": _unit(frame, table),
        "estimand": _estimand(table),
        "spread": _spread(frame, table),
        "intervals": _intervals(table),
        "margins": margins(frame, table, endpoints),
        "corrections": _corrections(table),
        "verdicts": _verdicts(verdicts),
        "missing": _missing(table),
        "failed": failed(frame) or "no failed cell is known of",
    }


def _unit(frame: pd.DataFrame, table: pd.DataFrame) -> str:
    unit = "the training seed"
    parts: Any = frame.groupby(BLOCK, sort=False)
    if two_way := [title_of(block) for block, part in parts if crossed_gaps(part)]:
        unit += f"; training seed and forget set, which are crossed, in {'; '.join(two_way)}"
    most = {name.removesuffix("_draws"): max(map(int, table[name].tolist())) for name in DRAWS}
    several = [f"{count} {name}" for name, count in most.items() if count > 1]
    if not several:
        return f"{unit}; there is one value of each"
    return f"{unit}; up to {', '.join(several)} draws within a training seed are averaged before anything is inferred"


def _level(table: pd.DataFrame) -> float:
    return float(table.attrs.get("level", LEVEL))


def _estimand(table: pd.DataFrame) -> dict[str, Any] | str:
    """Which difference each metric's gap is a mean of."""
    competing = table.loc[table["method"] != "reference"]
    measured: Any = competing.loc[competing["gap"].notna()]
    kinds = measured["contrast"] if "contrast" in measured else pd.Series("reference", index=measured.index)
    by_kind = {str(kind): _metrics(own) for kind, own in measured.groupby(kinds, sort=False)}
    told: dict[str, Any] = {}
    for kind, words in (
        (
            "reference",
            "mean over training seeds of value minus reference; the two of a pair have the same training seed, forget "
            "set, reference and evaluation draw",
        ),
        ("floor", "mean over training seeds of value minus that of the line retrain, over the seeds that both have"),
    ):
        if by_kind.get(kind):
            told[f"gap_to_the_{kind}"] = {"metrics": by_kind[kind], "what": words}
    never = [metric for metric in _metrics(competing) if metric not in {one for own in by_kind.values() for one in own}]
    if never:
        told["no_gap"] = {"metrics": never, "what": "mean over training seeds of the value"}
    return told


def _spread(frame: pd.DataFrame, table: pd.DataFrame) -> str | dict[str, str]:
    """What lies in the SD beside a mean, in each block."""
    spreads = table.groupby(BLOCK)["sd"].apply(lambda own: bool(own.notna().any())).to_dict()
    told: dict[Block, str] = {}
    parts: Any = frame.groupby(BLOCK, sort=False)
    for block, part in parts:
        none = "none: no line has a second training seed"
        told[block] = f"{spread_words(part).sd} (ddof 1)" if spreads[block] else none
    found = unique(told.values())
    return found[0] if len(found) == 1 else {title_of(block): text for block, text in told.items()}


def _intervals(table: pd.DataFrame) -> str:
    having = table.loc[table["gap_low"].notna()]
    if having.empty:
        return "none: no gap has a second training seed"
    low, high = int(having["seeds"].min()), int(having["seeds"].max())
    seeds = counted(low, high, "training seed")
    return f"{100 * _level(table):g} % t intervals of the mean gap over {seeds}, not simultaneous"


def _corrections(table: pd.DataFrame) -> dict[str, list[str]] | str:
    given: Any = table.loc[table["adjustment"] != ""]
    return {str(name): _metrics(own) for name, own in given.groupby("adjustment")} or "none"


def _verdicts(verdicts: pd.DataFrame) -> list[dict[str, Any]] | str:
    """Of each method that has one, with the reasons why it is not a better one; without any, why there is none."""
    told = plain_records(verdicts)
    if not any(line["letter"] for line in told):
        reasons = unique(line["reason"] for line in told if line["reason"])
        return f"none: {'; '.join(reasons) or 'no primary endpoint has a value'}"
    return [
        {"method": titled(line["method"], line["variant"]), "block": title_of(line[name] for name in BLOCK)}
        | {name: value for name, value in line.items() if name not in LINE and is_said(value)}
        for line in told
        if line["letter"] or line["reason"]
    ]


def _missing(table: pd.DataFrame) -> list[str] | str:
    lacking: Any = table[table["missing"] != ""]
    told = lacking[[*BLOCK, "method", "variant", "missing"]].drop_duplicates().itertuples(index=False, name=None)
    return [
        f"{titled(method, variant)} ({', '.join(filter(None, block))}): {what}"
        for *block, method, variant, what in told
    ] or "no line lacks a training seed or draw that another of its block has"


def failed(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """By block and method, the cells that failed and have no row: of how many, in which seeds, and why."""
    return [
        {"method": one.title, "block": title_of(labels), **failed_record(one)}
        for labels, methods in failed_in(frame).items()
        for one in methods
    ]


def failed_record(one: Failed) -> dict[str, Any]:
    """The failures of one method as plain values."""
    seeds, errors = list(one.seeds), list(one.reasons)
    return {"failed": one.count, "of": one.every, "told": one.told, "seeds": seeds, "errors": errors}


def _metrics(lines: pd.DataFrame) -> list[str]:
    return list(dict.fromkeys(map(str, lines["metric"])))
