"""Of the card: what is inferred from the rows, told from the summary that the tables are made of."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from supreme.report.page.card.components import CROSSED, ONE, OWN, designs
from supreme.report.page.card.entries import Block, Entry, by_block, counted, unique
from supreme.report.page.card.margins import margins
from supreme.report.page.values import is_said, plain_records
from supreme.report.rows.labels import titled
from supreme.report.rows.per_seed import BLOCK, DRAWS, LINE, per_seed
from supreme.report.statistics import gap_interval
from supreme.report.tables.blocks import title_of

LEVEL = 0.95


def statistics(
    frame: pd.DataFrame, table: pd.DataFrame, entries: Sequence[Entry], verdicts: pd.DataFrame | None
) -> dict[str, Any]:
    """What was inferred and how; `verdicts`: one line for each method and block, where there are any."""
    failures = failed(frame)
    return {
        "unit_of_replication": _unit(frame, table, entries),
        "estimand": _estimand(table),
        "spread": _spread(table, entries),
        "intervals": _intervals(table),
        "margins": margins(table, by_block(entries)),
        "corrections": _corrections(table),
        "verdicts": _verdicts(table, verdicts),
        "missing": _missing(table),
        "failed": failures or "no failed cell is known of",
    }


def _unit(frame: pd.DataFrame, table: pd.DataFrame, entries: Sequence[Entry]) -> str:
    crossed = [block for block, design in designs(entries).items() if design.startswith(CROSSED)]
    unit = "the training seed"
    if two_way := [block for block in crossed if not _of_seeds_alone(frame, table, block)]:
        unit += f"; training seed and forget set, which are crossed, in {'; '.join(map(title_of, two_way))}"
    most = {name.removesuffix("_draws"): max(map(int, table[name].tolist())) for name in DRAWS}
    several = [f"{count} {name}" for name, count in most.items() if count > 1]
    if not several:
        return f"{unit}; there is one value of each"
    return f"{unit}; up to {', '.join(several)} draws within a training seed are averaged before anything is inferred"


def _of_seeds_alone(frame: pd.DataFrame, table: pd.DataFrame, block: Block) -> bool:
    """Whether the intervals of a block are those of its training seeds, draws averaged away."""
    own = per_seed(frame.loc[(frame[BLOCK] == list(block)).all(axis=1)])
    gaps = {labels: part["gap"].dropna().to_numpy() for labels, part in own.groupby(LINE, sort=False)}
    lines = table.loc[(table[BLOCK] == list(block)).all(axis=1) & table["gap_high"].notna()]
    for line in lines.to_dict("records"):
        values = gaps[tuple(line[name] for name in LINE)]
        alone = gap_interval(values, np.zeros(len(values)), level=_level(table)) if len(values) > 1 else None
        has_width = alone is not None and alone.high > alone.low
        if alone is not None and has_width and not math.isclose(alone.high, line["gap_high"], abs_tol=1e-9):
            return False
    return True


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


def _spread(table: pd.DataFrame, entries: Sequence[Entry]) -> str | dict[str, str]:
    """What lies in the SD beside a mean, for each design of forget sets."""
    spreads = table.groupby(BLOCK)["sd"].apply(lambda own: bool(own.notna().any())).to_dict()
    told: dict[Block, str] = {}
    for block, design in designs(entries).items():
        if not spreads[block]:
            told[block] = "none: no line has a second training seed"
        else:
            told[block] = f"{sd_of(design)} (ddof 1)"
    found = unique(told.values())
    return found[0] if len(found) == 1 else {title_of(block): text for block, text in told.items()}


def sd_of(design: str) -> str:
    """What an SD is of, where training seeds and forget sets go together like this."""
    if design == OWN:
        return "SD between training seeds, each with a forget set of its own"
    if design.startswith(ONE):
        return "SD between training seeds, all with one forget set"
    return f"SD between means of training seeds; forget sets: {design}"


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


def _verdicts(table: pd.DataFrame, verdicts: pd.DataFrame | None) -> list[dict[str, Any]] | str:
    """Of each method; without these, that there are letters of single cells only."""
    if verdicts is not None and len(verdicts):
        return [{name: value for name, value in line.items() if is_said(value)} for line in plain_records(verdicts)]
    if any(table["verdict"].tolist()):
        return "none of whole methods: each letter speaks of one cell of the table alone"
    return "none: no cell has a margin and two training seeds"


def _missing(table: pd.DataFrame) -> list[str] | str:
    lacking: Any = table[table["missing"] != ""]
    told = lacking[[*BLOCK, "method", "variant", "missing"]].drop_duplicates().itertuples(index=False, name=None)
    return [
        f"{titled(method, variant)} ({', '.join(filter(None, block))}): {what}"
        for *block, method, variant, what in told
    ] or "no line lacks a training seed or draw that another of its block has"


def failed(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Cells that failed and have no row: by method and block, how many, of how many that were tried, and why."""
    groups: dict[tuple[str, ...], list[Mapping[str, Any]]] = defaultdict(list)
    for failure in frame.attrs.get("failures", []):
        groups[*(str(failure.get(name, "")) for name in (*BLOCK, "method", "variant"))].append(failure)
    cells: Any = frame.drop_duplicates("cell").groupby([*BLOCK, "method", "variant"])["cell"].count().to_dict()
    return [
        {
            "method": titled(*labels[-2:]),
            "block": title_of(labels[:-2]),
            "failed": len(own),
            "of": len(own) + int(cells.get(labels, 0)),
            "errors": unique(str(failure.get("error", "")) for failure in own),
        }
        for labels, own in groups.items()
    ]


def _metrics(lines: pd.DataFrame) -> list[str]:
    return list(dict.fromkeys(map(str, lines["metric"])))
