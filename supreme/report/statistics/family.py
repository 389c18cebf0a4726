"""What the summary tells of the methods of one block, for one metric."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from supreme.core.endpoints import role_of
from supreme.report.rows.endpoints import Declared
from supreme.report.rows.labels import bare_name
from supreme.report.rows.per_seed import NULL
from supreme.report.statistics.contrasts import (
    Contrast,
    contrast,
    is_sensitive,
    p_equivalent,
    share_removed,
    verdict_of,
)
from supreme.report.statistics.line_values import Line, evidence_of, spread_of, values_of
from supreme.report.statistics.ranking import adjusted, best_of, corrected

ROUNDING = 1e-9
"""Of a share of images, in images for each image."""

Gaps = Mapping[int, Sequence[float]]
"""By training seed: the gap, or that of each forget set where the design is crossed."""


def family_of(
    metric: str,
    family: Mapping[str, Line],
    expected: Iterable[int],
    level: float,
    declared: Declared,
    copies: Collection[str],
    tables: Mapping[str, Gaps],
) -> dict[str, dict[str, Any]]:
    """What the summary tells of each method of a block, for one metric.

    Args:
        metric: its name.
        family: the lines by method, with the variant where there is one.
        expected: the training seeds that any line of the block has.
        level: of intervals.
        declared: the endpoints of the block.
        copies: methods that returned the reference itself.
        tables: where the design is crossed, the gaps of each method, those of its forget sets by training seed.
    """
    margin, primary = declared.margin(metric), declared.is_primary(metric)
    grid, is_cost = grid_of(family.values()), metric.startswith("cost/")  # nobody wants to be as slow as the reference
    gaps: dict[str, Gaps] = {method: tables.get(method, _by_seed(line)) for method, line in family.items()}
    original = contrast_of(gaps["original"], grid)
    memory, distance = role_of(metric) == "memory", any("floor" in line["contrast"] for line in family.values())
    judged = primary or (memory and distance and not is_cost)
    shared = {
        "adjustment": "",
        "best": False,
        "role": role_of(metric),
        "endpoint": primary,
        "margin": math.nan if margin is None else margin,
        "grid": grid,
        "sensitive": judged and memory and is_sensitive(original, margin),
        "sd_reference": spread_of(family["reference"]["value"]),
    }
    told: dict[str, dict[str, Any]] = {}
    for method, line in family.items():
        own = contrast_of(gaps[method], grid)
        told[method] = shared | values_of(metric, line, expected) | evidence_of(line, own, level)
        shown, against = _pair(gaps[method], gaps["original"], grid) if memory else (own, None)
        p = math.nan
        if judged and own is not None and shown is not None:
            p = p_equivalent(shown, against, margin, declared.endpoints.most_left, memory)
            told[method]["p_tost"] = math.nan if margin is None or math.isnan(p) else own.p_within(margin)
        told[method] |= {"p_equivalent": p, "verdict": "" if is_cost else verdict_of(own, p, 1 - level)}
        if memory and not is_cost and shown is not None and against is not None:
            told[method] |= _share(shown, against, level)
    p_values = {method: line["p"] for method, line in told.items()}
    for method, (p, name) in adjusted(p_values, primary).items():
        told[method] |= {"p_adjusted": p, "adjustment": name}
    rivals = {
        method: dict(zip(line["seed"], line["gap"], strict=True))
        for method, line in family.items()
        if method not in copies
    }
    best = None if is_cost else best_of(rivals, level, grid)
    if best is not None:
        told[best]["best"] = True
    return told


def correct_null(found: Mapping[str, dict[str, dict[str, Any]]]) -> None:
    """Correct the p values of retrain for the primary endpoints of its block, the family in which it is no method."""
    of_null = [
        (method, metric)
        for metric, lines in found.items()
        for method, line in lines.items()
        if bare_name(method) == NULL and line["endpoint"]
    ]
    for method in {method for method, _ in of_null}:
        own = {metric: found[metric][method]["p"] for of, metric in of_null if of == method}
        for metric, p in corrected(own).items():
            found[metric][method].update(p_adjusted=p, adjustment="Holm")


def grid_of(family: Iterable[Line]) -> float:
    """The step of the seeds' means where every value is a share of the images of its set; 0 elsewhere."""
    steps = []
    for line in family:
        if not np.isnan(line["grid"]).all():  # of a mean over targets, which is no share of any of their images
            steps += list(line["grid"])
            continue
        there = line["defined"] > 0
        counts = line["images"][there] * line["defined"][there]  # NaN where the metric names no set
        shares = line["value"][there] * counts
        if not np.all(np.abs(shares - np.round(shares)) < ROUNDING * counts):
            return 0.0
        steps += list(1 / counts)
    return float(max(steps, default=0.0))


def contrast_of(gaps: Gaps, grid: float) -> Contrast | None:
    """Of the gaps of every training seed: one, or one for each forget set where the design is crossed."""
    if len(gaps) < 2:
        return None
    table = np.array(list(gaps.values()))
    sets = table.shape[1]
    return contrast(table, grid * sets, crossed=True) if sets > 1 else contrast(table[:, 0], grid)


def _pair(own: Gaps, original: Gaps, grid: float) -> tuple[Contrast | None, Contrast | None]:
    """The contrasts of a method and of the original over the seeds that both have."""
    if {len(gaps) for gaps in own.values()} != {len(gaps) for gaps in original.values()}:  # one lacks a forget set
        own, original = ({seed: (float(np.mean(gaps)),) for seed, gaps in of.items()} for of in (own, original))
    both = [seed for seed in own if seed in original]
    first, second = ({seed: of[seed] for seed in both} for of in (own, original))
    return contrast_of(first, grid), contrast_of(second, grid)


def _share(method: Contrast, original: Contrast, level: float) -> dict[str, float]:
    found = share_removed(method, original, level)
    return {} if found is None else {"share": found.value, "share_low": found.low, "share_high": found.high}


def _by_seed(line: Line) -> dict[int, tuple[float, ...]]:
    return {seed: (gap,) for seed, gap in zip(line["seed"], line["gap"], strict=True) if not math.isnan(gap)}
