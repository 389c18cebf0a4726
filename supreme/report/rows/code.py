"""Which code made the rows of a table, where it was not the same: newer rows and older ones are never shown as one."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pandas as pd

from supreme.report.rows.per_seed import seed_list


def code_notes(part: pd.DataFrame) -> list[str]:
    """What is to be said below a table of these lines of one block: rows left out, and those that other code made."""
    lines: Any = part[["cell", "method", "seed", "code", "older"]]
    rows = lines.drop_duplicates("cell")
    return _left_out(rows) + _of_methods(rows) + _of_block(rows)


def _left_out(rows: pd.DataFrame) -> list[str]:
    counts: dict[str, int] = defaultdict(int)
    for method, older in zip(rows["method"], rows["older"], strict=True):
        counts[str(method)] += int(older)
    told = [f"{method} {count}" for method, count in counts.items() if count]
    if not told:
        return []
    return [
        f"Left out: older rows of the same config and seeds, which other code or data made ({', '.join(told)}); they "
        "are in rows/ still."
    ]


def _of_methods(rows: pd.DataFrame) -> list[str]:
    """The methods whose code was edited between their seeds."""
    notes = []
    for method, own in rows.groupby("method", observed=True):
        seeds: dict[str, set[int]] = defaultdict(set)
        for code, seed in zip(own["code"], own["seed"], strict=True):
            seeds[code.partition(".")[2]].add(seed)
        if len(seeds) > 1:
            apart = " and ".join(sorted(seed_list(sorted(own)) for own in seeds.values()))
            notes.append(f"{method}: its code differs between {apart}; the same command again makes them alike.")
    return notes


def _of_block(rows: pd.DataFrame) -> list[str]:
    methods: dict[str, set[str]] = defaultdict(set)
    for code, method in zip(rows["code"], rows["method"], strict=True):
        methods[code.partition(".")[0]].add(str(method))
    if len(methods) < 2:
        return []
    told = " and ".join(sorted(f"rows of {', '.join(sorted(own))}" for own in methods.values()))
    return [
        f"The code of the model, the recipe or the scenario differs between {told}; the same commands again make them "
        "alike."
    ]
