"""What is to be said of a comparison: what was not compared, and what else differs between the two sides."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from supreme.report.comparison.pairs import CELL, Pairs, Unpaired
from supreme.report.comparison.sides import Side
from supreme.report.rows.columns import TableColumn, unsigned
from supreme.report.rows.endpoints import FIRST_SAID, Declared
from supreme.report.rows.environments import BETWEEN
from supreme.report.rows.labels import titled
from supreme.report.rows.per_seed import ANCHORS, BLOCK, seed_list
from supreme.report.rows.reading import SEEDS
from supreme.report.statistics.contrasts import LEAST_SEEDS
from supreme.report.tables.blocks import title_of

_MEANINGS = {
    "equivalent": "(E) within the margin",
    "different but negligible": "(N) within the margin, yet different",
    "different": "D different",
    "inconclusive": "? not decided",
}
_LISTED = 12
"""Entries that a sentence lists."""

_NAMES = ("A", "B")


def side_line(letter: str, side: Side) -> str:
    """`A: outputs (20 rows, 5 training seeds, commit 1a2b3c4d5e)`."""
    seeds = len({row.seeds[0] for row in side.rows})
    commits = side.commits
    told = [
        f"{len(side.rows)} row{'' if len(side.rows) == 1 else 's'}",
        f"{seeds} training seed{'' if seeds == 1 else 's'}",
        *([f"commit{'' if len(commits) == 1 else 's'} {_some(commits, 4)}"] if commits else []),
    ]
    return f"{letter}: {side.name} ({', '.join(told)})"


def block_notes(shown: pd.DataFrame, columns: Sequence[TableColumn], declared: Declared | None) -> list[str]:
    """Below the table of one block: what its letters mean, of how many seeds it is, and what has no value."""
    most = max(map(int, shown["seeds"]), default=0)
    differing = shown.loc[(shown["verdict"] != "equal") & (shown["seeds"] > 0)]
    notes = [_intervals(most), *_letters(shown, columns, declared, most)] if len(differing) else []
    lacking = shown.loc[(shown["undefined"] > 0) & ((shown["seeds"] > 0) | ~shown["method"].isin(ANCHORS))]
    if len(lacking):
        told = [
            f"{titled(line['method'], line['variant'])} {line['metric']} {line['undefined']}"
            for line in lacking.to_dict("records")
        ]
        reasons = _some(dict.fromkeys(filter(None, lacking["reason"])), 3)
        notes.append(f"Pairs without a value on one side or both: {_some(told)}{f' ({reasons})' if reasons else ''}.")
    if bool(differing["metric"].str.startswith("cost/").any()):
        notes.append("Costs depend on the machine and on what else it did, so no letter judges them.")
    return notes


def _intervals(seeds: int) -> str:
    if seeds == 1:
        return (
            "One training seed in common, which gives no interval: sweep the same seeds on both sides, as in "
            "'seed=range(5)'."
        )
    return f"B - A: mean of the differences, paired by seed, with its 95 % t interval over {seeds} training seeds."


def _letters(shown: pd.DataFrame, columns: Sequence[TableColumn], declared: Declared | None, seeds: int) -> list[str]:
    differing = shown.loc[(shown["verdict"] != "equal") & ~shown["metric"].str.startswith("cost/")]
    if not len(differing):
        return []
    if declared is None:
        return ["No letters: A and B declare different margins; give them, as in --endpoints accuracy/forget=0.02."]
    if seeds < LEAST_SEEDS:
        return [f"No letters: these take {LEAST_SEEDS} training seeds."] if seeds > 1 else []
    told = [meaning for verdict, meaning in _MEANINGS.items() if verdict in set(shown["verdict"])]
    if not told:
        return []
    small = shown["verdict"].isin(["different", "different but negligible"]) & (shown["p_adjusted"] >= 0.05)
    correction = "; small: not after Holm's correction for the number of methods" if bool(small.any()) else ""
    known = dict(zip(shown["metric"], map(float, shown["margin"]), strict=True))
    margins = [
        f"{column.title.replace(' %', '')} {unsigned(known[column.metric], column.format)}"
        for column in columns
        if known.get(column.metric, math.nan) > 0
    ]
    origin = "declared with both sweeps" if declared.origin == FIRST_SAID else declared.origin
    return [
        f"Letters, of each cell alone, at 5 %: {'; '.join(told)}{correction}.",
        f"Margins, {origin}: {', '.join(margins)}.",
    ]


def overall_notes(pairs: Pairs, *, several: bool) -> list[str]:
    """What holds for both sides as a whole.

    Args:
        several: whether there are several blocks, so that they have to be named.
    """
    left_out = [
        f"{name}: {sentence}" for name, side in zip(_NAMES, pairs.sides, strict=True) for sentence in side.left_out
    ]
    return [
        *_unpaired(pairs, several=several),
        *_metrics(pairs.frames),
        *_forget_sets(pairs.lines),
        *_code(pairs.lines),
        *_environments(pairs.lines),
        *pairs.lone.told(_NAMES),
        *pairs.ambiguous,
        *left_out,
    ]


def _unpaired(pairs: Pairs, *, several: bool) -> list[str]:
    notes = []
    for place, name in enumerate(_NAMES):
        own = [one for one in pairs.unpaired if one.side == place]
        if own:
            count = sum(len(one.seeds) for one in own)
            told = _some([_of(one, _NAMES[1 - place], several=several) for one in own])
            notes.append(f"Only in {name}, so not compared: {count} row{'' if count == 1 else 's'} ({told}).")
    if notes and pairs.sides[0].directory == pairs.sides[1].directory:
        notes.append("A row is not made again where its code has not changed, so it is there of the older commit only.")
    return notes


def _of(one: Unpaired, other: str, *, several: bool) -> str:
    *block, method, variant = one.labels
    seeds = seed_list(list(dict.fromkeys(seeds[0] for seeds in one.seeds)))
    draws = f" of {len(one.seeds)} draws" if len({seeds[0] for seeds in one.seeds}) < len(one.seeds) else ""
    failed = (
        "" if not one.failed else f", failed in {other}" + ("" if one.failed == len(one.seeds) else f": {one.failed}")
    )
    return f"{titled(method, variant)} {seeds}{draws}{failed}" + (f" in {title_of(block)}" if several else "")


def _metrics(frames: Sequence[pd.DataFrame]) -> list[str]:
    first, second = (dict.fromkeys(frame["metric"].unique()) for frame in frames)
    alone = ([one for one in first if one not in second], [one for one in second if one not in first])
    return [f"Metrics that only {name} has: {_some(own)}." for name, own in zip(_NAMES, alone, strict=True) if own]


def _forget_sets(lines: pd.DataFrame) -> list[str]:
    cells = lines.drop_duplicates(CELL)
    other = cells.loc[cells["forget_digest_a"] != cells["forget_digest_b"]]
    if not len(other):
        return []
    scenarios = ", ".join(dict.fromkeys(other["scenario"]))
    return [f"The same seeds forget other images in A than in B ({scenarios}): what differs may be the forget set."]


def _code(lines: pd.DataFrame) -> list[str]:
    """Whose code, or values, are not the same in the rows of a pair."""
    cells = lines.drop_duplicates([*BLOCK, "method", "variant", *SEEDS])
    methods, blocks = dict[str, None](), dict[str, None]()
    for line in cells.to_dict("records"):
        first, second = (line[f"code_{side}"].partition(".") for side in "ab")
        if first[0] != second[0]:
            blocks[title_of(line[name] for name in BLOCK)] = None
        if first[2] != second[2] and line["method"] not in ANCHORS:
            methods[line["method"]] = None
    notes = []
    if blocks:
        notes.append(f"The code of model, recipe or scenario differs: {_some(blocks)}.")
    if methods:
        notes.append(f"The code of the method differs: {_some(methods)}.")
    return notes


def _environments(lines: pd.DataFrame) -> list[str]:
    """In which versions or machines the two sides differ."""
    cells = lines.drop_duplicates(CELL)
    parts: dict[str, list[Counter[str]]] = defaultdict(lambda: [Counter(), Counter()])
    for place, side in enumerate("ab"):
        for told, count in cells[f"versions_{side}"].value_counts(sort=False).items():
            for name, _, value in (one.partition(" ") for one in str(told).split(BETWEEN) if one):
                parts[name][place][value] += int(count)
    apart = [
        f"{name} {_some(sorted(first) or ['unknown'], 4)} in A, {_some(sorted(second) or ['unknown'], 4)} in B"
        for name, (first, second) in parts.items()
        if first.keys() != second.keys()
    ]
    return [f"The environments differ: {'; '.join(apart)}."] if apart else []


def _some(told: Iterable[Any], most: int = _LISTED) -> str:
    every = list(map(str, told))
    return ", ".join(every[:most]) + (f" and {len(every) - most} more" if len(every) > most else "")
