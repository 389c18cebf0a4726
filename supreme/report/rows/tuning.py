"""Which methods have values that were chosen by the very columns that a table shows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from supreme.report.rows.columns import TableColumn, is_config_of

MARK = "†"


def tuned_on_shown(part: pd.DataFrame, shown: Iterable[str]) -> dict[str, tuple[list[str], str]]:
    """Of each such method of a block, the metrics among these that chose its values, and on which training seeds."""
    shown = list(shown)
    found: dict[str, tuple[list[str], str]] = {}
    told = part.loc[part["tuned_on"] != "", ["method", "tuned_on", "tuned_seeds"]].drop_duplicates()
    for method, chosen_by, seeds in told.itertuples(index=False, name=None):
        metrics = [metric for metric in shown if any(is_config_of(metric, name) for name in chosen_by.split(", "))]
        if metrics:
            found[str(method)] = metrics, seeds
    return found


def tuning_notes(part: pd.DataFrame, columns: Mapping[str, TableColumn]) -> list[str]:
    """One sentence for the methods that were tuned alike."""
    alike: dict[Any, list[str]] = defaultdict(list)
    for method, (metrics, seeds) in sorted(tuned_on_shown(part, columns).items()):
        alike[tuple(metrics), seeds].append(method)
    evaluated = {str(seed) for seed in part["seed"].unique()}
    notes = []
    for (metrics, seeds), methods in alike.items():
        titles = " and ".join(columns[metric].title for metric in metrics)
        also = sorted(evaluated & set(seeds.split(", ")), key=int)
        notes.append(
            f"{MARK} {', '.join(methods)}: a preset whose values were found by {titles}, on training seeds {seeds}"
            + (f" (evaluated here too: {', '.join(also)})" if also else "")
            + ": a verdict there flatters tuned methods; tuned=none does without."
        )
    return notes


def tuning_text(row: Mapping[str, Any]) -> str:
    """How the values of a row's method were chosen, for the evaluation card."""
    tuned = row["tuned"]
    if tuned is None or not tuned["kept"]:
        preset = "no preset" if tuned is None else f"preset {tuned['preset']}, all of whose values were overridden"
        return f"{preset}: say how these values were chosen, on which data and seeds"
    source = {
        "published": "published values, whose source its YAML names",
        "reasoned": "values set by thought, without results",
        "found": f"values found by {', '.join(tuned.get('columns', []))} on training seeds "
        + ", ".join(map(str, tuned.get("seeds", []))),
    }.get(tuned["source"], "say how its values were chosen, on which data and seeds")
    but = f"; overridden: {', '.join(tuned['overridden'])}" if tuned["overridden"] else ""
    return f"preset {tuned['preset']} ({', '.join(tuned['kept'])}{but}): {source}"
