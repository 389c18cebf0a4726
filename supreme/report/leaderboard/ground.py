"""What the rows of a group have in common, which is why they may be compared, and what of them was computed again."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from supreme.core.endpoints import RELATIVE
from supreme.report.leaderboard.merging import Entry
from supreme.report.rows.endpoints import declared_of
from supreme.report.rows.per_seed import seed_list

SHORT = 12
"""Characters of a SHA-256 that are shown."""


def ground_of(part: pd.DataFrame, entries: Sequence[Entry]) -> list[tuple[str, str]]:
    """Names and values.

    Args:
        part: the lines of one block of the frame.
        entries: its rows.
    """
    first = entries[0].row
    versions: dict[str, set[int]] = {}
    for entry in entries:
        meanings = entry.row.get("meanings", {})
        for name in ("scenario", *(f"metric.{metric}" for metric in entry.row["config"]["metric"])):
            versions.setdefault(name.removeprefix("metric."), set()).add(meanings.get(name, 1))
    declared = declared_of(part)
    margins = [
        f"{name} {RELATIVE if margin is None else format(margin, 'g')}"
        for name, margin in declared.endpoints.margins.items()
    ]
    splits = {entry.row["provenance"]["depends"]["split"] for entry in entries}
    return [
        ("Data", f"{first['data']}, SHA-256 {first['provenance']['data_fingerprint'][:SHORT]}"),
        ("Scenario", f"{first['scenario']} ({part['scenario_values'].iloc[0]})"),
        ("Protocol", first["protocol"] or "fixed"),
        ("Training seeds", seed_list(sorted({entry.row["seed"] for entry in entries}))),
        ("Splits", f"{len(splits)}: {', '.join(sorted(one[:SHORT] for one in splits))}"),
        ("Versions", ", ".join(f"{name} {_one(numbers)}" for name, numbers in versions.items())),
        ("Margins", f"{', '.join(margins)}; {declared.origin}"),
        *_recomputed(entries),
    ]


def _one(numbers: set[int]) -> str:
    return " and ".join(map(str, sorted(numbers)))


def _recomputed(entries: Sequence[Entry]) -> list[tuple[str, str]]:
    checks = [entry.export.checks[entry.row["cell"]] for entry in entries if entry.verified]
    told = [("Verified", f"{len(checks)} of {len(entries)} rows")]
    if checks:
        again = sorted({name for check in checks for name in check.metrics})
        left = sorted({f"{name} ({why})" for check in checks for name, why in check.left.items()})
        told.append(("Computed again", ", ".join(again) or "nothing"))
        told += [("Not computed again", ", ".join(left))] if left else []
    return told
