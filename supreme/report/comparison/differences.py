"""From pairs of rows to mean differences with their intervals, with the training seed as the unit of replication."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from supreme.core.endpoints import Endpoints
from supreme.report.comparison.pairs import Pairs
from supreme.report.rows.endpoints import Declared, declared_of
from supreme.report.rows.labels import titled
from supreme.report.rows.per_seed import BLOCK, LINE
from supreme.report.statistics.contrasts import LEAST_SEEDS, ZERO, Contrast, verdict_of
from supreme.report.statistics.crossed import FEWEST_LEVELS, crossed_table, infers_over_sets, numbered_sets
from supreme.report.statistics.family import Gaps, contrast_of, grid_of
from supreme.report.statistics.ranking import competes, corrected

COLUMNS = (
    *(*LINE, "mean_a", "mean_b", "difference", "low", "high", "seeds", "pairs", "equal_pairs", "undefined"),
    *("largest", "largest_seed", "margin", "p", "p_adjusted", "p_equivalent", "verdict", "reason"),
)


@dataclass(frozen=True, kw_only=True)
class Line:
    """The pairs of one method and metric of a block."""

    by_seed: Mapping[str, Any]
    """`seed`, and means over its draws: `value_a`, `value_b`, `difference`; `images_a`, `images_b`, `defined` draws."""
    pairs: int
    undefined: int
    equal: int
    farthest: float
    """The largest absolute difference of a pair; NaN where there is none."""
    reason: str

    def side(self, side: str) -> Mapping[str, Any]:
        """The values of one side as `grid_of` takes them."""
        own = self.by_seed
        nothing = np.full(len(own["seed"]), np.nan)
        return {"value": own[f"value_{side}"], "images": own[f"images_{side}"], "defined": own["defined"]} | {
            "grid": nothing
        }


def differences(pairs: Pairs, endpoints: Endpoints | None = None, level: float = 0.95) -> pd.DataFrame:
    """One line per `LINE` that both sides have; every difference is that of B, the second side, minus A.

    * `difference`: differences within pairs of draws are averaged within each training seed first; then the mean over
      training seeds, with its t interval from `low` to `high`, which one seed has not. Where every training seed has
      each of three forget sets and more, the interval is for other seeds and other sets.
    * `mean_a`, `mean_b`: over the same pairs. `pairs` have a value on both sides, `undefined` ones have not, for the
      `reason` given; `equal_pairs` have the same number to its last bit.
    * `largest`: the difference within one training seed that is farthest from 0, and `largest_seed`.
    * `verdict`: "equal" where no pair differs by more than rounding. Where both sides declare the same `margin`, from
      three training seeds on: equivalent (within it, by two one-sided tests: `p_equivalent`), different (`p`, of the t
      test that the difference is 0), different but negligible, inconclusive. `p_adjusted` is corrected by Holm for the
      methods of the block.

    Args:
        pairs: of two sides.
        endpoints: metrics with their margins; None: those that the rows of both sides declare.
        level: of intervals.
    """
    lines = pairs.lines.assign(difference=pairs.lines["value_b"] - pairs.lines["value_a"])
    parts: Any = lines.groupby(BLOCK, sort=False)
    declared = {block: agreed(pairs, block, endpoints) for block, _ in parts}
    crossed = {block: _crossed(part) for block, part in parts}
    families = defaultdict[tuple[str, ...], dict[tuple[str, ...], Line]](dict)
    for labels, line in _lines(lines).items():
        families[*labels[: len(BLOCK)], labels[-1]][labels] = line
    found = []
    for (*block, metric), family in families.items():
        own = declared[tuple(block)]
        margin = None if own is None else own.margin(metric)
        found += _family(family, margin, 1 - level, crossed[tuple(block)])
    return pd.DataFrame(found, columns=list(COLUMNS)).astype({"largest_seed": "Int64"})


def agreed(pairs: Pairs, block: tuple[str, ...], endpoints: Endpoints | None = None) -> Declared | None:
    """The endpoints that both sides have for a block; None where they differ."""
    parts = [frame.loc[(frame[BLOCK] == list(block)).all(axis=1)] for frame in pairs.frames]
    first, second = (declared_of(part, endpoints) for part in parts)
    return first if first == second else None


def _lines(lines: pd.DataFrame) -> dict[tuple[str, ...], Line]:
    """By `LINE`, in order of appearance: arrays with an entry per training seed, and what holds for all of them."""
    known = lines["difference"].notna()
    lines = lines.assign(
        known=known,
        equal=lines["value_a"] == lines["value_b"],
        far=lines["difference"].abs(),
        told=np.maximum(lines["reason_a"].to_numpy(object), lines["reason_b"].to_numpy(object)),
    )
    whole: Any = lines.groupby(LINE, sort=False)
    told = whole.agg(pairs=("known", "sum"), draws=("known", "size"), equal=("equal", "sum"), far=("far", "max"))
    told["reason"] = whole["told"].max()
    seeds: Any = lines.loc[known].groupby([*LINE, "seed"], sort=False)
    means = seeds.agg(
        value_a=("value_a", "mean"),
        value_b=("value_b", "mean"),
        difference=("difference", "mean"),
        images_a=("images_a", "first"),
        images_b=("images_b", "first"),
        defined=("known", "size"),
    ).reset_index()
    arrays = {str(name): means[name].to_numpy() for name in means if name not in LINE}
    places: dict[Any, Any] = dict(means.groupby(LINE, sort=False).indices)
    nothing = np.array([], dtype=np.int64)
    return {
        tuple(map(str, labels)): Line(
            by_seed={name: array[places.get(labels, nothing)] for name, array in arrays.items()},
            pairs=int(one.pairs),
            undefined=int(one.draws - one.pairs),
            equal=int(one.equal),
            farthest=float(one.far),
            reason=str(one.reason),
        )
        for labels, one in zip(told.index, told.itertuples(index=False), strict=True)
    }


def _crossed(part: pd.DataFrame) -> dict[tuple[str, ...], Gaps]:
    """By `LINE`, the differences of each forget set by training seed, where every seed has the same ones."""
    found: dict[tuple[str, ...], Gaps] = {}
    if not numbered_sets(part.rename(columns={"forget_digest_a": "forget_digest"})):
        return found
    sets: Any = part.groupby("seed")["seed_forget"].nunique()
    if sets.max() < FEWEST_LEVELS:
        return found
    for labels, own in part.groupby(LINE, sort=False):
        table = crossed_table(own.rename(columns={"forget_digest_a": "forget_digest"}), "difference")
        if table is not None and infers_over_sets(table):
            gaps = dict(zip(map(int, table.index), map(tuple, table.to_numpy()), strict=True))
            found[tuple(map(str, labels))] = gaps  # type: ignore[arg-type]
    return found


def _family(
    family: Mapping[tuple[str, ...], Line], margin: float | None, alpha: float, crossed: Mapping[Any, Gaps]
) -> list[dict[str, Any]]:
    """What the lines of one metric and block show."""
    grid = max(grid_of(line.side(side) for line in family.values()) for side in ("a", "b"))
    told: dict[str, dict[str, Any]] = {}
    for labels, line in family.items():
        gaps = crossed.get(labels) or {
            int(seed): (gap,) for seed, gap in zip(line.by_seed["seed"], line.by_seed["difference"], strict=True)
        }
        shown = _shown(line, contrast_of(gaps, grid), margin, alpha)
        told[titled(*labels[-3:-1])] = dict(zip(LINE, labels, strict=True)) | shown
    p_values = {method: one["p"] for method, one in told.items() if competes(method) and margin is not None}
    for method, p in corrected(p_values).items():
        told[method]["p_adjusted"] = p
    return list(told.values())


def _shown(line: Line, own: Contrast | None, margin: float | None, alpha: float) -> dict[str, Any]:
    """What one line shows, whatever the others of its family."""
    gaps = line.by_seed["difference"]
    told: dict[str, Any] = {
        "seeds": len(gaps),
        "pairs": line.pairs,
        "equal_pairs": line.equal,
        "undefined": line.undefined,
        "margin": math.nan if margin is None else margin,
        "p": math.nan,
        "verdict": "",
        "reason": line.reason,
    }
    if not len(gaps):
        return told
    worst = int(np.argmax(np.round(np.abs(gaps), 12)))  # of seeds that tie, but for rounding, the first
    told |= {f"mean_{side}": line.by_seed[f"value_{side}"].mean() for side in ("a", "b")}
    told |= {"difference": gaps.mean(), "largest": gaps[worst], "largest_seed": line.by_seed["seed"][worst]}
    if own is not None and len(gaps) >= LEAST_SEEDS:
        told["p"] = own.p
    if line.farthest <= ZERO:
        return told | {"verdict": "equal"}
    if own is None:
        return told
    low, high = own.interval(1 - alpha)
    told |= {"low": low, "high": high}
    if margin is not None and len(gaps) >= LEAST_SEEDS:
        told["p_equivalent"] = own.p_within(margin)
        verdict = verdict_of(own, told["p_equivalent"], alpha)
        told["verdict"] = "inconclusive" if verdict == "equal" else verdict  # means that agree, of draws that do not
    return told
