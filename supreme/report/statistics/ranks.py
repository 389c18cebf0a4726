"""Which methods come close to retraining in many scenarios: ranks over independent units, not a mean over metrics."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from supreme.report.rows.labels import parts_of, titled
from supreme.report.rows.per_seed import BLOCK
from supreme.report.statistics.many import average_ranks, critical_difference, friedman
from supreme.report.statistics.power import closeness_margin
from supreme.report.statistics.ranking import competes
from supreme.report.statistics.targets import is_target_mean

FEWEST_UNITS = 2
FEWEST_TO_TEST = 5
DECIMALS = 9
"""Of scores, before they are ranked: what differs beyond them is rounding, and ties."""
RANKS = ("mean_rank", "lowest_rank", "highest_rank")

Scores = Mapping[str, float]
"""By method, with its variant."""


def block_scores(part: pd.DataFrame, most_left: float = 0.25) -> tuple[dict[str, float], str]:
    """How far each competing method of one block is from retraining, on its worst primary endpoint; and why not.

    A score is the largest |mean contrast| / m over the primary endpoints, with m by `closeness_margin`: 0 is
    retraining, 1 lies at the margin. Memory endpoints that are not sensitive are left out for all methods.

    Args:
        part: the lines of one block of `summary`.
        most_left: the largest part of the original's gap that may be left, λ.

    Returns:
        The scores, NaN for a method that lacks a contrast; or none and the reason why the block is not ranked.
    """
    margins: dict[str, float] = {}
    memory = 0
    lines: Any = part.loc[part["endpoint"].astype(bool).to_numpy()]
    for metric, own in lines.groupby("metric", sort=False):
        original = own.loc[own["method"] == "original", "gap"]
        role = str(own["role"].iloc[0])
        sensitive = bool(own["sensitive"].to_numpy().any())
        gap = float(original.iloc[0]) if len(original) else math.nan
        margin = closeness_margin(role, float(own["margin"].iloc[0]), gap, most_left, sensitive)
        if not math.isnan(margin):
            margins[str(metric)] = margin
            memory += role == "memory"
    if not memory:
        return {}, "no memory endpoint tells the original from the reference"
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for line in lines.loc[lines["metric"].isin(list(margins))].to_dict("records"):
        if competes(line["method"]):
            found[titled(line["method"], line["variant"])][line["metric"]] = abs(line["gap"]) / margins[line["metric"]]
    return {
        method: max(own.values()) if len(own) == len(margins) and not any(map(math.isnan, own.values())) else math.nan
        for method, own in found.items()
    }, ""


def leaderboard(
    table: pd.DataFrame, most_left: float = 0.25, excluded: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Rank the methods over units: data × model × kind of scenario, in which targets, amounts and recipes are averaged.

    These share originals or images, so they are no independent scenarios. A method is ranked if it has a score in every
    ranked block of every unit; see `block_scores`. Ties have the mean of their ranks.

    Args:
        table: what `summary` gives.
        most_left: the largest part of the original's gap that may be left, λ.
        excluded: methods, with their variants, that are not to be ranked, as one that returned the reference, and why.

    Returns:
        One line per method, the lowest mean rank first: `method`, a column for each unit with its score (lower is
        better, 1 lies at the margin), and `RANKS`: the mean rank and the lowest and highest one, NaN for fewer than two
        units or methods. `attrs` has `units`, the names of these columns; `critical_difference`, `chi_square` and `p`
        (Friedman's test), None below five units; and `notes`, the sentences that belong below the table.
    """
    units, notes = _units(table, most_left)
    every = [(name, scores) for blocks in units.values() for name, scores in blocks.items()]
    kept = []
    for method in dict.fromkeys(method for _, scores in every for method in scores):
        lacking = [name for name, scores in every if math.isnan(scores.get(method, math.nan))]
        if method in (excluded or {}):
            notes.append(f"{method} is not ranked: {(excluded or {})[method]}.")
        elif lacking:
            notes.append(f"{method} is not ranked, for it has no score in {'; '.join(lacking)}.")
        else:
            kept.append(method)
    columns: dict[str, Any] = {
        unit: [float(np.mean([scores[method] for scores in blocks.values()])) for method in kept]
        for unit, blocks in units.items()
    }
    return _ranked(pd.DataFrame({"method": kept} | columns), list(units), notes)


def _units(table: pd.DataFrame, most_left: float) -> tuple[dict[str, dict[str, Scores]], list[str]]:
    """By unit and block the scores, and which blocks have none, with the reason."""
    units: dict[str, dict[str, Scores]] = defaultdict(dict)
    notes = []
    grouped: Any = table.groupby(BLOCK, sort=False, observed=True)
    for labels, part in grouped:
        if is_target_mean(str(labels[BLOCK.index("scenario")])):
            continue  # its targets are blocks of their own
        name = " · ".join(filter(None, map(str, labels)))
        scores, reason = block_scores(part, most_left)
        if reason:
            notes.append(f"{name} is not ranked: {reason}.")
        elif scores:
            units[_unit(dict(zip(BLOCK, map(str, labels), strict=True)))][name] = scores
    return dict(units), notes


def _unit(labels: Mapping[str, str]) -> str:
    """Data, model and scenario; the values of data and model that a setting tells stay with them."""
    apart = [part for part in parts_of(labels["setting"]) if part.removeprefix("no ").startswith(("data.", "model."))]
    return " · ".join([labels["data"], labels["model"], labels["scenario"], *apart])


def _ranked(found: pd.DataFrame, units: Sequence[str], notes: Sequence[str]) -> pd.DataFrame:
    scores = found[list(units)].to_numpy().T
    told: dict[str, Any] = {"chi_square": None, "p": None, "critical_difference": None}
    notes = list(notes)
    if min(scores.shape) < 2:
        found = found.assign(**dict.fromkeys(RANKS, math.nan))
        notes.append(f"Ranks need at least {FEWEST_UNITS} units and 2 methods that have a score in all of them.")
    else:
        ranks = average_ranks(np.round(scores, DECIMALS))
        found = found.assign(
            mean_rank=ranks.mean(axis=0), lowest_rank=ranks.min(axis=0), highest_rank=ranks.max(axis=0)
        )
        found = found.sort_values("mean_rank", kind="stable", ignore_index=True)
        if len(units) < FEWEST_TO_TEST:
            notes.append(
                f"{len(units)} units are too few for a test (at least {FEWEST_TO_TEST}): no method is named the best."
            )
        else:
            told["chi_square"], told["p"] = friedman(scores)
            told["critical_difference"] = critical_difference(len(found), len(units))
            notes.append(
                f"Friedman's test that all methods rank alike: χ² = {told['chi_square']:.2f}, p = {told['p']:.3g}. "
                f"Mean ranks closer than {told['critical_difference']:.2f} (Nemenyi, 5 %) are not told apart."
            )
    found.attrs.update(told, units=list(units), notes=notes)
    return found
