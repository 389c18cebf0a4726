"""The mean over class targets: blocks that differ in their target alone, as one block, as published tables have it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from supreme.report.rows.labels import titled, without
from supreme.report.rows.per_seed import BLOCK, LINE, per_seed, seed_list
from supreme.report.statistics.ranking import competes

_AVERAGED = ("value", "reference", "against", "gap")
_COUNTED = ("defined", "draws")
_SEED = ["block", *LINE[len(BLOCK) :], "seed"]
_ROUNDING = 1e-9
"""Of a share of images, in images for each image."""
_TITLE = re.compile(r", mean of targets ")

Block = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class TargetMeans:
    """Blocks whose scenario is called `full_class, mean of targets 1, 10, 20`."""

    lines: pd.DataFrame
    """As `per_seed` gives them: each seed's values are means over the targets, of the seeds that have all of them; and
    `grid`, the step of such a mean where every value is a share of images, 1 / images of the smallest target / draws of
    all targets, 0 elsewhere. Targets have unlike numbers of images, so the mean itself is no share of any."""
    rows: pd.DataFrame
    """The lines of `load` that they are made of, with the labels of these blocks."""
    farthest: pd.DataFrame
    """`LINE`, `target`, `gap`: of each line the target with the largest absolute mean gap, over the same seeds."""
    notes: Mapping[Block, Sequence[str]]
    """What has to be said below the table of each block."""

    def added_to(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame with the rows of these blocks behind its own, so that they can be grouped alike."""
        if not len(self.rows):
            return frame
        found = pd.concat([frame, self.rows], ignore_index=True)
        found.attrs = frame.attrs
        return found

    def farthest_notes(self, block: Block, titles: Callable[[str], str]) -> list[str]:
        """Of each method of a block its worst target, by primary endpoint; `titles` are those of the endpoints."""
        own = self.farthest.loc[(self.farthest[BLOCK] == list(block)).all(axis=1)]
        told = [
            f"{titled(line['method'], line['variant'])} {line['target']} ({title})"
            for line in own.to_dict("records")
            if competes(line["method"]) and (title := titles(line["metric"]))
        ]
        return [f"Target with the largest mean gap: {', '.join(told)}."] if told else []


def target_means(frame: pd.DataFrame, lines: pd.DataFrame | None = None) -> TargetMeans:
    """Blocks that differ in nothing but `scenario.target`, averaged over two targets or more.

    The targets are fixed: the training seed stays the unit of replication, and I seeds with m targets are I values. A
    gap is linear in its two values, so the mean of the gaps is the gap of the means, to the reference and to the noise
    floor alike. Of `images`, the least of the targets is kept, and of `draws` and `defined` the sum.

    Args:
        frame: what `load` gives.
        lines: its `per_seed`, if at hand.
    """
    blocks = _blocks_of(frame)
    if not len(blocks):
        return _none(frame, lines)
    lines = per_seed(frame) if lines is None else lines
    told: Any = lines.merge(blocks, on=BLOCK)
    sizes: Any = told.groupby(_SEED, sort=False)["target"].transform("size")
    complete = told.loc[sizes == told["targets"]]
    return TargetMeans(
        lines=_labelled(_averages(complete), [*lines, "grid"]).astype({**lines.dtypes, "grid": np.float64}),
        rows=_labelled(frame.merge(blocks, on=BLOCK), frame),
        farthest=_farthest(complete),
        notes={block: _notes(told.loc[told["block"] == block]) for block in dict.fromkeys(blocks["block"])},
    )


def _none(frame: pd.DataFrame, lines: pd.DataFrame | None) -> TargetMeans:
    """No means, as of most frames, without the arithmetic of which nothing would come."""
    empty = (per_seed(frame.iloc[:1]) if lines is None else lines).iloc[:0]
    farthest = pd.DataFrame(columns=[*LINE, "target", "gap"])
    return TargetMeans(lines=empty.assign(grid=np.nan), rows=frame.iloc[:0], farthest=farthest, notes={})


def by_target(lines: pd.DataFrame, column: str) -> pd.DataFrame:
    """One line's values as training seeds × targets, of the seeds that have a value for every target there is.

    Args:
        lines: `seed`, `target` and the column, one for each pair.
    """
    return lines.pivot(index="seed", columns="target", values=column).dropna()


def value_in(name: str, values: str) -> str:
    """Of one field in `target=3, size=2`; "" where there is none."""
    return next((part.partition("=")[2] for part in values.split(", ") if part.startswith(f"{name}=")), "")


def is_target_mean(scenario: str) -> bool:
    """Whether a scenario's name is that of such a mean, whose blocks are in the table a second time."""
    return _TITLE.search(scenario) is not None


def _blocks_of(frame: pd.DataFrame) -> pd.DataFrame:
    """`BLOCK` of each block that belongs to a mean, its `target`, how many `targets` there are, and which `block`."""
    told: Any = frame[[*BLOCK, "scenario_values"]]
    told = told.drop_duplicates(BLOCK).astype("str")
    families: dict[Any, list[tuple[str, Block]]] = defaultdict(list)
    for *block, values in told.itertuples(index=False, name=None):
        if target := value_in("target", values):
            rest = *block[:-1], without("scenario.target=", block[-1])
            families[rest, without("target=", values)].append((target, tuple(block)))
    found = []
    for (labels, _), own in families.items():
        targets = sorted({target for target, _ in own}, key=_natural)
        if len(own) == len(targets) > 1:  # a target that is there twice differs in what no label tells
            place = BLOCK.index("scenario")
            name = f"{labels[place]}, mean of targets {', '.join(targets)}"
            mean = *labels[:place], name, *labels[place + 1 :]
            found += [(*block, target, len(targets), mean) for target, block in own]
    return pd.DataFrame(found, columns=[*BLOCK, "target", "targets", "block"]).astype(dict.fromkeys(BLOCK, "str"))


def _averages(complete: pd.DataFrame) -> pd.DataFrame:
    grouped: Any = complete.groupby(_SEED, sort=False)
    found = grouped.first()
    for name in (name for name in _AVERAGED if name in complete):
        known = grouped[name].count()
        found[name] = (grouped[name].sum() / known).where(known == found["targets"])
    for name in _COUNTED:
        found[name] = grouped[name].sum()
    found["defined"] = found["defined"].where(found["value"].notna(), 0)
    found["images"] = grouped["images"].min()
    found["grid"] = (
        _steps(complete).groupby([complete[name] for name in _SEED], sort=False).max() / found["targets"]
    ).fillna(0)
    for name in (name for name in ("reason", "contrast") if name in complete):
        found[name] = grouped[name].max()
    return found.reset_index()


def _steps(complete: pd.DataFrame) -> Any:
    """Of each target's value the step of a share of its images; 0 for a line with values that are no such shares."""
    counts: Any = complete["images"] * complete["defined"]
    shares: Any = complete["value"] * counts
    off: Any = ~((shares - shares.round()).abs() <= _ROUNDING * counts) & complete["value"].notna()
    line = [complete[name] for name in _SEED[:-1]]
    return (1 / counts.where(counts > 0)).mask(off.groupby(line, sort=False).transform("any"), 0.0)


def _farthest(complete: pd.DataFrame) -> pd.DataFrame:
    line = _SEED[:-1]
    means: Any = complete.groupby([*line, "target"], sort=False)["gap"].mean()
    means = means.dropna().reset_index()
    largest = means["gap"].abs().groupby([means[name] for name in line], sort=False).idxmax()
    return _labelled(means.loc[largest].reset_index(drop=True), [*LINE, "target", "gap"])


def _labelled(found: pd.DataFrame, like: Iterable[str]) -> pd.DataFrame:
    """These columns, with the labels of the mean's block in place of those of one target."""
    columns = {name: [block[place] for block in found["block"]] for place, name in enumerate(BLOCK)}
    told: Any = found.assign(**{name: pd.Series(own, found.index, dtype="str") for name, own in columns.items()})
    return told[list(like)]


def _notes(told: pd.DataFrame) -> list[str]:
    """Of one block, that other classes are not spoken of, and which seeds are left out, since they lack a target."""
    targets = sorted(set(told["target"]), key=_natural)
    have: dict[tuple[str, str, int], set[str]] = defaultdict(set)
    pairs: Any = told[["method", "variant", "seed", "target"]]
    for method, variant, seed, target in pairs.drop_duplicates().itertuples(index=False, name=None):
        have[method, variant, seed].add(target)
    lacking: dict[tuple[str, str], list[int]] = defaultdict(list)
    for (method, variant, seed), own in have.items():
        if absent := [target for target in targets if target not in own]:
            lacking[titled(method, variant), ", ".join(absent)].append(seed)
    return [
        f"Each seed's value is its mean over targets {', '.join(targets)}; nothing is said of other classes.",
        *(
            f"{method}: {seed_list(sorted(seeds))} left out, without target {absent}."
            for (method, absent), seeds in lacking.items()
        ),
    ]


def _natural(target: str) -> tuple[int, float, str]:
    """Numbers by their size, before names."""
    return (0, float(target), "") if re.fullmatch(r"-?\d+", target) else (1, 0.0, target)
