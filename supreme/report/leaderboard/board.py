"""What a leaderboard shows: of each group of rows that may be compared the methods, ranked, and whose they are."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from supreme.report.leaderboard.alike import refuse_mixed
from supreme.report.leaderboard.attacks import Worst, worst_attacks
from supreme.report.leaderboard.exports import Export
from supreme.report.leaderboard.ground import ground_of
from supreme.report.leaderboard.margins import with_strictest
from supreme.report.leaderboard.merging import Entry, Merged, merge
from supreme.report.rows.endpoints import declared_of
from supreme.report.rows.labels import titled
from supreme.report.rows.load import load
from supreme.report.rows.per_seed import BLOCK
from supreme.report.statistics.aggregate import identical, summary
from supreme.report.statistics.joint import verdicts as verdicts_of
from supreme.report.statistics.ranks import DECIMALS, block_scores
from supreme.report.tables.audits import audit_tables, load_audits
from supreme.report.tables.blocks import Block, blocks
from supreme.report.tables.leaderboard import Leaderboard, leaderboard_of
from supreme.report.tables.plain import Plain


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What a leaderboard says of a method beside its table's line."""

    rank: int | None
    """From 1, the lowest `distance` first; ties share the lower one. None of what is not ranked."""
    distance: float
    """From retraining on the worst primary endpoint, in margins; NaN where it has none."""
    worst: Worst | None
    rows: int
    verified: int
    """How many of its rows were computed again."""
    exports: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Group:
    """Rows that may be compared."""

    block: Block
    standings: Mapping[str, Standing]
    """By method, as `titled`."""
    unranked: str
    """Why nothing is ranked; empty where something is."""
    ground: Sequence[tuple[str, str]]
    """What all its rows have in common, and how far they were checked: a name and a value."""
    entries: Sequence[Entry]
    """Every row of every export."""


@dataclass(frozen=True, kw_only=True)
class Board:
    exports: Sequence[Export]
    groups: Sequence[Group]
    over_all: Leaderboard | None
    """Mean ranks over several groups, as at the head of a report."""
    audits: Sequence[Plain]
    notes: Sequence[str]
    frame: pd.DataFrame
    table: pd.DataFrame
    verdicts: pd.DataFrame
    merged: Merged


def board_of(exports: Sequence[Export], into: Path) -> Board:
    """The leaderboard of these exports, the same in whatever order they are.

    Args:
        into: an empty place for the output directory of all of them.

    Raises:
        SupremeError: a file is not what it should be, or two rows were not made on the same ground.
    """
    exports = sorted(exports, key=lambda one: (one.name, one.digest))
    merged = merge(exports, into)
    refuse_mixed(merged.entries)
    frame, notes = with_strictest(load(into))
    table = summary(frame)
    verdicts = verdicts_of(frame, table)
    audits = load_audits(into, audits={path.stem for path in (into / "audits").glob("*.json")}, rows=frame)
    groups = _groups(frame, table, verdicts, merged, _worst(frame, table, audits, merged))
    return Board(
        exports=exports,
        groups=groups,
        over_all=leaderboard_of(frame, table),
        audits=audit_tables(load_audits(into, rows=frame)),
        notes=[*notes, *merged.notes, *_left_out(frame, merged), *frame.attrs["left_out"]],
        frame=frame,
        table=table,
        verdicts=verdicts,
        merged=merged,
    )


def _worst(
    frame: pd.DataFrame, table: pd.DataFrame, audits: pd.DataFrame, merged: Merged
) -> dict[tuple[str, ...], dict[str, Worst]]:
    owners: dict[Any, set[str]] = defaultdict(set)
    for line in frame.drop_duplicates("cell").to_dict("records"):
        key = (*(line[name] for name in BLOCK), line["method"], line["variant"])
        owners[key].add(merged.shown[str(line["cell"])].export.name)
    return worst_attacks(table, audits, {key: ", ".join(sorted(names)) for key, names in owners.items()}, merged.audits)


def _groups(
    frame: pd.DataFrame,
    table: pd.DataFrame,
    verdicts: pd.DataFrame,
    merged: Merged,
    worst: Mapping[tuple[str, ...], Mapping[str, Worst]],
) -> list[Group]:
    of_cell: dict[str, list[Entry]] = defaultdict(list)
    for entry in merged.entries:
        of_cell[entry.row["cell"]].append(entry)
    parts: Any = dict(list(frame.groupby(BLOCK, observed=True)))
    lines: Any = dict(list(table.groupby(BLOCK, observed=True)))
    found = []
    for block in blocks(frame, table, verdicts=verdicts):
        labels = tuple(map(str, block.labels))
        if labels not in parts:  # every cell of it failed
            found.append(Group(block=block, standings={}, unranked="", ground=(), entries=()))
            continue
        part = parts[labels]
        cells = part.drop_duplicates("cell")
        methods = defaultdict[str, list[str]](list)
        for line in cells.to_dict("records"):
            methods[titled(line["method"], line["variant"])].append(str(line["cell"]))
        scores, unranked = block_scores(lines[labels], declared_of(part).endpoints.most_left)
        scores = {name: math.nan if name in identical(part) else score for name, score in scores.items()}
        entries = [entry for cell in map(str, cells["cell"]) for entry in of_cell[cell]]
        own = worst.get(labels, {})
        found.append(
            Group(
                block=block,
                standings={
                    name: _standing(name, scores, own.get(name), [merged.shown[cell] for cell in its], of_cell)
                    for name, its in methods.items()
                },
                unranked=unranked,
                ground=ground_of(part, [merged.shown[str(cell)] for cell in cells["cell"]]),
                entries=entries,
            )
        )
    return found


def _standing(
    name: str,
    scores: Mapping[str, float],
    worst: Worst | None,
    shown: Sequence[Entry],
    of_cell: Mapping[str, Sequence[Entry]],
) -> Standing:
    rounded = {method: round(score, DECIMALS) for method, score in scores.items() if not math.isnan(score)}
    return Standing(
        rank=1 + sum(other < rounded[name] for other in rounded.values()) if name in rounded else None,
        distance=scores.get(name, math.nan),
        worst=worst,
        rows=len(shown),
        verified=sum(entry.verified for entry in shown),
        exports=sorted({entry.export.name for one in shown for entry in of_cell[one.row["cell"]]}),
    )


def _left_out(frame: pd.DataFrame, merged: Merged) -> list[str]:
    """Rows in no table: those that newer ones of the same config and seeds replace, made by other code."""
    found = [
        f"{name}: {_rows(count)} left out, for newer code of the same export made them again."
        for name, count in merged.replaced.items()
    ]
    shown = set(map(str, frame["cell"]))
    gone: dict[str, int] = defaultdict(int)
    for cell, entry in merged.shown.items():
        gone[entry.export.name] += cell not in shown
    return found + [
        f"{name}: {_rows(count)} left out, for another export has newer ones of the same config and seeds, made by "
        "other code of the method."
        for name, count in sorted(gone.items())
        if count
    ]


def _rows(count: int) -> str:
    return f"{count} row{' is' if count == 1 else 's are'}"
