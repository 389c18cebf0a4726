"""From the tidy frame to one value per training seed, and to its gap to what it is held against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from supreme.core.errors import COMPARED_WITH_ITSELF
from supreme.report.rows.reading import COMPONENTS

BLOCK = [*COMPONENTS, "setting"]
"""The labels that the lines of one table share."""

LINE = [*BLOCK, "method", "variant", "metric"]
"""What tells apart the lines of the summary."""

ANCHORS = ("reference", "original")
"""The models that methods are compared with; they appear as methods of their own."""

NULL = "retrain"
"""The method that trains a second model without the forget set: the noise floor of every distance to the reference."""

DRAWS = ("forget_draws", "reference_draws", "unlearn_draws", "evaluate_draws")
_STREAMS = ("seed_forget", "seed_reference", "seed_unlearn", "seed_evaluate")


def gaps(frame: pd.DataFrame) -> pd.DataFrame:
    """One line per `LINE` and training seed of what `load` gives.

    `value` and `reference` are means over the draws within the seed, and `gap` the mean of their differences; NaN where
    there is none. A distance to the reference, which the reference itself cannot have, has its gap to the noise floor:
    to that of the method retrain with the same seed, forget set, reference and evaluation draw, where the block has one
    line of it. `contrast` tells which: reference, floor or "". The reference and the original are methods too, as in
    `summary`; the reference has no gap.

        >>> gaps = supreme.report.gaps(supreme.report.load("outputs"))
        >>> gaps.query("metric == 'accuracy/test'").pivot(index="seed", columns="method", values="gap")
    """
    return per_seed(frame).loc[:, [*LINE, "seed", "value", "reference", "gap", "contrast"]]


def with_anchors(frame: pd.DataFrame) -> pd.DataFrame:
    """The lines of every draw, with `gap` and `against`; the reference and the original come first, as methods.

    Each model counts once however many methods share it. A swept method `original` gives way to the anchor. `against`
    is the value that the gap is taken to, NaN where there is none, and `contrast` tells whose it is; see `gaps`.
    """
    frame = frame.assign(**{name: frame[name].astype("category") for name in LINE})
    for name, needed in (("method", ANCHORS), ("variant", ("",))):
        frame[name] = frame[name].cat.add_categories(list({*needed} - {*frame[name].cat.categories}))
    swept = frame.loc[frame["method"] != "original"]
    lines: pd.DataFrame = pd.concat([*(_anchor(frame, name) for name in ANCHORS), swept], ignore_index=True)
    distance = (lines["reason_reference"] == COMPARED_WITH_ITSELF.format("reference")).to_numpy()
    alone = (lines["method"] == "reference").to_numpy() | (distance & (lines["method"] == NULL).to_numpy())
    against = np.where(distance, _floor(lines, distance), lines["reference"])
    lines["against"] = np.where(alone, np.nan, against)
    lines["gap"] = lines["value"] - lines["against"]
    lines["contrast"] = np.where(np.isnan(lines["against"]), "", np.where(distance, "floor", "reference"))
    return lines


def _floor(lines: pd.DataFrame, distance: Any) -> Any:
    """Of each line the mean of retrain's values with its seeds, over unlearning draws; NaN where there is none."""
    null = distance & (lines["method"] == NULL).to_numpy()
    floor = np.full(len(lines), np.nan)
    if not null.any():
        return floor
    keys = [lines[name].cat.codes.to_numpy() for name in (*BLOCK, "metric")]
    block, _ = _groups(keys[:-1])
    variants = pd.DataFrame({"block": block[null], "variant": lines["variant"].cat.codes.to_numpy()[null]})
    blocks, counts = np.unique(variants.drop_duplicates()["block"], return_counts=True)
    null &= ~np.isin(block, blocks[counts > 1])  # several settings of it are no one floor
    streams = [lines[name].to_numpy() for name in ("seed", "seed_forget", "seed_reference", "seed_evaluate")]
    group, first = _groups([*keys, *streams])
    values = lines["value"].to_numpy()
    known = null & ~np.isnan(values)
    counts = np.bincount(group[known], minlength=len(first))
    sums = np.bincount(group[known], weights=values[known], minlength=len(first))
    return (sums / np.where(counts > 0, counts, np.nan))[group]


def per_seed(frame: pd.DataFrame) -> pd.DataFrame:
    """As `gaps`, with what each seed's values are the means of: how many `draws`, how many of them `defined`, of which
    stages (`DRAWS`), over how many `images`, and the `reason` why some are not defined.
    """
    lines = with_anchors(frame)
    codes = [lines[name].cat.codes.to_numpy() for name in LINE]
    group, first = _groups([*codes, lines["seed"].to_numpy()])
    count = len(first)
    found = lines.iloc[first][[*LINE, "seed", "images"]].reset_index(drop=True)
    found = found.astype(dict.fromkeys(LINE, "str"))
    for name in ("value", "reference", "against", "gap"):
        known = lines[name].notna().to_numpy()
        defined = np.bincount(group[known], minlength=count)
        sums = np.bincount(group[known], weights=lines[name].to_numpy()[known], minlength=count)
        found[name] = sums / np.where(defined > 0, defined, np.nan)
        if name == "value":
            found["defined"] = defined
    draws = np.bincount(group, minlength=count)
    found["draws"] = draws
    several = draws[group] > 1
    for name, stream in zip(DRAWS, _STREAMS, strict=True):
        levels, _ = _groups([group[several], lines[stream].to_numpy()[several]])
        distinct = pd.DataFrame({"group": group[several], "level": levels}).drop_duplicates()
        found[name] = np.maximum(1, np.bincount(distinct["group"], minlength=count))
    return found.assign(**{name: _told(lines[name], group, count) for name in ("reason", "contrast")})


def _told(texts: Any, group: Any, count: int) -> list[str]:
    """Of each group the last text by the alphabet."""
    found, told = texts.to_numpy(dtype=object), [""] * count
    for place in np.flatnonzero(found != ""):
        told[group[place]] = max(told[group[place]], found[place])
    return told


def seed_list(seeds: Sequence[int]) -> str:
    """`seed 3`, or `seeds 3, 4`."""
    return ("seed " if len(seeds) == 1 else "seeds ") + ", ".join(map(str, seeds))


def _anchor(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """Lines of the reference or the original as if it were a method, one for each draw that can change its value."""
    anchor = frame.assign(seed_unlearn=0, value=frame[name], reason=frame[f"reason_{name}"])
    draws = ["seed", "seed_forget", "seed_reference", "seed_evaluate"]
    anchor = anchor.drop_duplicates([*BLOCK, "metric", *draws, "value"])
    of_anchor = {
        column: pd.Categorical([value] * len(anchor), categories=frame[column].cat.categories)
        for column, value in (("method", name), ("variant", ""))
    }
    return anchor.assign(**of_anchor, warning="")


def _groups(keys: Sequence[Any]) -> tuple[Any, Any]:
    """The number of each line's group, in order of appearance, and where each group appears first."""
    group = np.zeros(len(keys[0]), dtype=np.int64)
    for key in keys:
        level, _ = pd.factorize(key)
        group, _ = pd.factorize(group * (level.max(initial=0) + 1) + level)
    order = np.argsort(group, kind="stable")
    _, starts = np.unique(group[order], return_index=True)
    return group, order[starts]
