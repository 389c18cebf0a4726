"""From the tidy frame to means, spreads, gaps and what they show, with the training seed as the unit of replication."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import pandas as pd

from supreme.core.endpoints import Endpoints
from supreme.core.errors import NOT_GIVEN
from supreme.report.rows.endpoints import declared_of
from supreme.report.rows.labels import titled
from supreme.report.rows.per_seed import ANCHORS, BLOCK, DRAWS, LINE, per_seed, with_anchors
from supreme.report.rows.spread import forget_design
from supreme.report.statistics.crossed import crossed_table, infers_over_sets
from supreme.report.statistics.family import Gaps, correct_null, family_of
from supreme.report.statistics.line_values import Line
from supreme.report.statistics.targets import target_means
from supreme.report.statistics.variance_shares import SHARES, variance

__all__ = ["ANCHORS", "BLOCK", "DRAWS", "SUMMARY_COLUMNS", "summary"]

SUMMARY_COLUMNS = (
    *(*LINE, "mean", "sd", "sd_population", "seeds", "gap", "gap_low", "gap_high"),
    *("contrast", "role", "endpoint", "grid", "p", "p_adjusted", "adjustment", "p_sign_flip"),
    *("margin", "p_tost", "sensitive", "p_equivalent", "delta_star", "verdict", "share", "share_low", "share_high"),
    *("best",),
    *("correlation", "sd_reference", "worst_seed", "worst_gap", "wilson_low", "wilson_high", *SHARES),
    *(*DRAWS, "missing_runs", "missing", "reason"),
)

_NUMBERS = [
    name
    for name in SUMMARY_COLUMNS[len(LINE) : SUMMARY_COLUMNS.index("forget_draws")]
    if name not in ("seeds", "contrast", "role", "endpoint", "sensitive", "adjustment", "verdict", "best")
]

IDENTICAL = "identical to the reference"
"""In the notes of the row of a method that returned the reference's own weights."""


def summary(frame: pd.DataFrame, level: float = 0.95, endpoints: Endpoints | None = None) -> pd.DataFrame:
    """One line per data, model, recipe, scenario, setting, method, variant and metric of what `load` gives.

    Values are averaged within each training seed first, and everything else is over `seeds` training seeds: `mean`,
    `sd` (ddof 1), `sd_population` (ddof 0, as some papers print it), and `gap`, the mean of value minus reference with
    its t interval, paired by training seed. A distance to the reference has its gap to the noise floor, the method
    retrain; `contrast` tells which: reference, floor or "". What cannot be said is NaN or "": the spread and the
    interval of one seed, the gap of the reference to itself.

    * `p` is of the t test that the gap is 0, the test that belongs to the interval; `p_adjusted` is corrected for the
      number of methods in the block, by `adjustment`: Holm where the metric is a primary `endpoint`, BH elsewhere; the
      reference and the original belong to no family, and that of retrain are the primary endpoints of its block.
      `p_sign_flip` is exact and assumes no normality, but I seeds give at least 2 / 2^I, which no correction for many
      methods could survive; so it stands beside, unadjusted. NaN above 30 seeds.
    * `grid`: step of the seeds' values where they are shares of images, 0 elsewhere; every standard error is at least
      grid / seeds, for seeds that agree do not show that nothing varies.
    * `role`: memory or utility. `p_equivalent` is of the claim to be as good as retrained: within `margin`
      (`p_tost` alone), and, of memory, most of the original's gap gone, which takes an endpoint that is `sensitive`,
      where the original itself is shown to be beyond the margin. Memory distances that are no primary endpoints are
      judged without a margin. `delta_star` is the smallest margin that would do.
    * `verdict`, uncorrected and for its cell alone: equal (in every seed), equivalent, different, different but
      negligible (both), inconclusive; "" below three seeds.
    * `share` of the original's gap that is removed, with its interval: 0 the original, 1 the reference or the floor.
    * `best`: shown to be closer to the reference than each other method of the block; see `ranking.best_of`. Never of a
      cost, nor of a model that is identical to the reference.
    * `correlation` of the seeds' values with what they are held against: where it is not positive, pairing has not
      helped.
    * `sd_reference`: between training seeds; `worst_seed` has the largest gap, `worst_gap`.
    * `wilson_low` and `wilson_high`, of an accuracy with one seed and one draw: what so few images allow to say about
      this one model, and nothing about training.
    * `share_train`, `share_forget`, `share_interaction`, `share_unlearn`, `share_evaluate` of the variance; see
      `variance`.
    * The four `_draws` are the most within a training seed. `missing` tells which seeds or draws others of the block
      have and this line has not, `missing_runs` how many rows these are, `reason` why values are undefined.

    Blocks that differ in their class target alone have a further one, the mean of their targets; see `target_means`.

    Args:
        frame: what `load` gives.
        level: of intervals.
        endpoints: the primary ones, with margins; None: those that the rows of a block declare, else those of
            conf/config.yaml.

    The methods `reference` and `original` are made from what the rows hold of these two models, each value once
    however many methods share it, and come first; a swept method `original` gives way to the latter. One that was never
    given has no lines.

        >>> table = supreme.report.summary(supreme.report.load("outputs"))
        >>> table.query("metric == 'accuracy/forget' and verdict == 'equivalent'")["method"]
    """
    alone = per_seed(frame)
    means = target_means(frame, alone)
    lines = _lines(pd.concat([alone.assign(grid=np.nan), means.lines], ignore_index=True))
    seeds: dict[Any, set[int]] = defaultdict(set)
    families: dict[Any, dict[str, Line]] = defaultdict(dict)
    for (*block, method, variant, metric), line in lines.items():
        seeds[tuple(block)].update(line["seed"])
        families[*block, metric][titled(method, variant)] = line
    parts = dict(list(means.added_to(frame).groupby(BLOCK, observed=True)))
    declared = {block: declared_of(parts[block], endpoints) for block in seeds}
    copies = {block: identical(parts[block]) for block in seeds}
    crossed = {key: tables for block in seeds for key, tables in crossed_gaps(parts[block]).items()}
    found: dict[tuple[str, ...], dict[str, dict[str, Any]]] = {}
    for (*block, metric), family in families.items():
        key = tuple(block)
        tables = crossed.get((*block, metric), {})
        found[*block, metric] = family_of(metric, family, seeds[key], level, declared[key], copies[key], tables)
    for block in seeds:
        correct_null({metric: found[*block, metric] for *of, metric in found if tuple(of) == block})
    rows = [
        dict(zip(LINE, (*block, method, variant, metric), strict=True)) | found[*block, metric][titled(method, variant)]
        for *block, method, variant, metric in lines
    ]
    table = pd.DataFrame(rows).merge(variance(frame)[[*LINE, *SHARES]], how="left", on=LINE)
    table = table.reindex(columns=list(SUMMARY_COLUMNS)).astype(dict.fromkeys(_NUMBERS, np.float64))
    for name in ANCHORS:
        own = table["method"] == name
        if table.loc[own, "reason"].str.startswith(NOT_GIVEN).all():  # a model that nobody has
            table = table.loc[~own].reset_index(drop=True)
    table.attrs["level"] = level
    return table


def identical(part: pd.DataFrame) -> frozenset[str]:
    """The methods of a block, with their variants, that a row notes to have returned the reference."""
    if "notes" not in part:
        return frozenset()
    noted = part.loc[part["notes"].str.contains(IDENTICAL, regex=False), ["method", "variant"]].drop_duplicates()
    return frozenset(titled(str(method), str(variant)) for method, variant in noted.itertuples(index=False, name=None))


def crossed_gaps(part: pd.DataFrame) -> dict[tuple[str, ...], dict[str, Gaps]]:
    """By block and metric, then by method, the gaps of a crossed design: those of its forget sets by training seed.

    Their intervals are of both, training seed and forget set. Nothing where a block's design is not crossed.
    """
    found: dict[tuple[str, ...], dict[str, Gaps]] = defaultdict(dict)
    if forget_design(part) != "crossed":
        return found
    lines = with_anchors(part)
    for labels, places in lines.groupby(LINE, observed=True, sort=False).indices.items():
        *block, method, variant, metric = map(str, labels)  # type: ignore[arg-type]
        table = crossed_table(lines.iloc[places], "gap")
        if table is not None and infers_over_sets(table):
            gaps = dict(zip(map(int, table.index), map(tuple, table.to_numpy()), strict=True))
            found[*block, metric][titled(method, variant)] = gaps
    return found


def _lines(seeds: pd.DataFrame) -> dict[tuple[str, ...], Line]:
    """By `LINE`, in order of appearance."""
    arrays = {str(name): seeds[name].to_numpy() for name in seeds if name not in LINE}
    places: dict[Any, Any] = dict(seeds.groupby(LINE, sort=False).indices)
    ordered = sorted(places, key=lambda key: places[key][0])
    return {key: {name: array[places[key]] for name, array in arrays.items()} for key in ordered}
