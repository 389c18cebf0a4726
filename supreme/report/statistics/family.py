"""What the summary tells of the methods of one block, for one metric."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from supreme.core.endpoints import role_of
from supreme.report.rows.endpoints import Declared
from supreme.report.rows.labels import bare_name
from supreme.report.rows.per_seed import DRAWS, NULL, seed_list
from supreme.report.statistics import gap_interval, sign_flip_p, wilson_interval
from supreme.report.statistics.contrasts import (
    LEAST_SEEDS,
    ZERO,
    Contrast,
    contrast,
    is_sensitive,
    p_equivalent,
    share_removed,
    verdict_of,
)
from supreme.report.statistics.evidence import MOST_SEEDS
from supreme.report.statistics.ranking import adjusted, best_of, corrected

ROUNDING = 1e-9
"""Of a share of images, in images for each image."""

Gaps = Mapping[int, Sequence[float]]
"""By training seed: the gap, or that of each forget set where the design is crossed."""

Line = Mapping[str, Any]
"""Columns of `per_seed`, as arrays with an entry per training seed."""


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
    grid, is_cost = _grid(family.values()), metric.startswith("cost/")  # nobody wants to be as slow as the reference
    gaps: dict[str, Gaps] = {method: tables.get(method, _by_seed(line)) for method, line in family.items()}
    original = _contrast(gaps["original"], grid)
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
        "sd_reference": _sd(_known(family["reference"]["value"])),
    }
    told: dict[str, dict[str, Any]] = {}
    for method, line in family.items():
        own = _contrast(gaps[method], grid)
        told[method] = shared | _values(metric, line, expected) | _evidence(line, own, level)
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


def _grid(family: Iterable[Line]) -> float:
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


def _contrast(gaps: Gaps, grid: float) -> Contrast | None:
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
    return _contrast({seed: own[seed] for seed in both}, grid), _contrast({seed: original[seed] for seed in both}, grid)


def _share(method: Contrast, original: Contrast, level: float) -> dict[str, float]:
    found = share_removed(method, original, level)
    return {} if found is None else {"share": found.value, "share_low": found.low, "share_high": found.high}


def _values(metric: str, line: Line, expected: Iterable[int]) -> dict[str, Any]:
    values = _known(line["value"])
    most = line["draws"].max()
    told: dict[str, Any] = {
        "mean": values.mean() if len(values) else math.nan,
        "sd": _sd(values),
        "seeds": len(values),
        **{name: line[name].max() for name in DRAWS},
        "missing_runs": most * len(set(expected)) - line["draws"].sum(),
        "missing": _missing(line, expected) if len(values) else "",
        "reason": max(line["reason"]),
    }
    images = line["images"][0]
    if metric.startswith("accuracy/") and len(values) == 1 and line["draws"].sum() == 1 and images > 0:
        told["wilson_low"], told["wilson_high"] = wilson_interval(round(values[0] * images), int(images))
    return told


def _evidence(line: Line, own: Contrast | None, level: float) -> dict[str, Any]:
    """What the gaps show by themselves."""
    there = ~np.isnan(line["gap"])
    gaps, seeds = line["gap"][there], line["seed"][there]
    told: dict[str, Any] = {"gap": gaps.mean() if len(gaps) else math.nan, "p": math.nan, "contrast": ""}
    if len(gaps):
        told["contrast"] = line["contrast"][there][0]
    if own is None:
        return told
    worst = int(np.argmax(np.round(np.abs(gaps), 12)))  # of seeds that tie, but for rounding, the first
    pairs = gap_interval(line["value"][there], line["against"][there])
    low, high = own.interval(level)
    return told | {
        "gap_low": low,
        "gap_high": high,
        "p": own.p if len(gaps) >= LEAST_SEEDS else math.nan,
        "p_sign_flip": sign_flip_p(gaps) if len(gaps) <= MOST_SEEDS else math.nan,
        "delta_star": own.delta_star(1 - level),
        "correlation": pairs.correlation if pairs else None,
        "worst_seed": seeds[worst],
        "worst_gap": gaps[worst],
    }


def _known(values: Any) -> Any:
    return values[~np.isnan(values)]


def _sd(values: Any) -> float:
    if len(values) < 2:
        return math.nan
    return float(values.std(ddof=1)) if np.ptp(values) > ZERO else 0.0  # equal values have a mean with rounding


def _by_seed(line: Line) -> dict[int, tuple[float, ...]]:
    return {seed: (gap,) for seed, gap in zip(line["seed"], line["gap"], strict=True) if not math.isnan(gap)}


def _missing(line: Line, expected: Iterable[int]) -> str:
    """Which training seeds have no row, no value, or fewer draws than the others."""
    most, seeds = line["draws"].max(), line["seed"]
    absent = sorted(set(expected) - set(seeds))
    undefined = sorted(seeds[line["defined"] == 0])
    notes = [f"{seed_list(seeds)} {what}" for seeds, what in ((absent, "missing"), (undefined, "undefined")) if seeds]
    return "; ".join(
        notes
        + [
            f"seed {seed} has {defined} of {most} draws"
            for seed, defined in zip(seeds, line["defined"], strict=True)
            if 0 < defined < most
        ]
    )
