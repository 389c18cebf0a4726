"""Which rows of two sides belong together: the same data, model, recipe, scenario, method, variant and seeds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from supreme.core import SupremeError
from supreme.report.comparison.alike import Lone
from supreme.report.comparison.sides import Side
from supreme.report.rows.failures import failures_in
from supreme.report.rows.load import frame_of
from supreme.report.rows.naming import Names, names_of
from supreme.report.rows.per_seed import BLOCK, LINE, with_anchors
from supreme.report.rows.reading import SEEDS
from supreme.report.rows.selection import select

CELL = [*BLOCK, "method", "variant", *SEEDS]
"""What the two rows of a pair have in common."""

_KEY = [*LINE, *SEEDS]


@dataclass(frozen=True, kw_only=True)
class Unpaired:
    """Rows of one method of a block to which the other side has none."""

    side: int
    """0 or 1: the one that has them."""
    labels: tuple[str, ...]
    """Of the block, the method and the variant."""
    seeds: Sequence[tuple[int, ...]]
    """As `SEEDS` names them, one for each row."""
    failed: int
    """Of these, how many failed on the other side."""


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Two sides, and what of them belongs together."""

    sides: tuple[Side, Side]
    frames: tuple[pd.DataFrame, pd.DataFrame]
    """What `load` would give of each, but that equal values have equal names in both."""
    lines: pd.DataFrame
    """One line per pair of draws and metric: `LINE`, `SEEDS`, and `cell`, `value`, `reason`, `images`, `forget_digest`,
    `code` and `versions`, each with the suffix _a or _b; the reference and the original are methods, too."""
    unpaired: Sequence[Unpaired]
    lone: Lone
    cells: int
    """How many pairs of rows there are; one at least."""
    equal: int
    """How many of these have the same number, to its last bit, in every metric but costs that both have."""
    ambiguous: Sequence[str] = ()
    """Sentences on a reference or an original that has several values for the same seeds."""


def pairs_of(first: Side, second: Side, condition: str | None = None) -> Pairs:
    """Put the rows of two sides together.

    Args:
        condition: of which rows; see `select`.

    Raises:
        SupremeError: nothing belongs together, or the condition leaves one side without a row.
    """
    sides = first, second
    lone = Lone(first.rows, second.rows)
    frames = [frame.copy() for frame in _named_alike(sides, lone)]
    if condition is not None:
        for place, side in enumerate(sides):
            try:
                frames[place] = select(frames[place], condition)
            except SupremeError as error:
                raise SupremeError(f"{side.name}: {error}") from error
            if frames[place].empty:
                raise SupremeError(f"{side.name}: every cell that has {condition} failed")
    common = _cells(frames[0]).keys() & _cells(frames[1]).keys()
    if not common:
        raise SupremeError(_nothing_in_common(sides, frames))
    found = [_draws(frame, side) for frame, side in zip(frames, sides, strict=True)]
    return Pairs(
        sides=sides,
        frames=(frames[0], frames[1]),
        lines=found[0][0].merge(found[1][0], on=_KEY, suffixes=("_a", "_b")),
        unpaired=_unpaired(frames),
        lone=lone,
        cells=len(common),
        equal=_equal(frames),
        ambiguous=[*found[0][1], *found[1][1]],
    )


def _named_alike(sides: tuple[Side, Side], lone: Lone) -> list[pd.DataFrame]:
    """The frame of each side, after all rows were named together: equal values have equal names."""
    rows = sorted(
        ((lone.without(row), place) for place, side in enumerate(sides) for row in side.rows),
        key=lambda one: (one[0].written, one[0].path.name, one[1]),
    )
    failed = [(lone.without(one), place) for place, side in enumerate(sides) for one in side.failed]
    names = names_of([row for row, _ in rows], [one for one, _ in failed])
    frames = []
    for place, side in enumerate(sides):
        own = [number for number, (_, of) in enumerate(rows) if of == place]
        own_failed = [number for number, (_, of) in enumerate(failed) if of == place]
        frames.append(
            frame_of(
                [rows[number][0] for number in own],
                [failed[number][0] for number in own_failed],
                side.left_out,
                Names(
                    [names.labels[number] for number in own],
                    [names.suffixes[number] for number in own],
                    [names.of_failed[number] for number in own_failed],
                ),
            )
        )
    return frames


def _draws(frame: pd.DataFrame, side: Side) -> tuple[pd.DataFrame, list[str]]:
    """The lines of every draw, each once, and what is left out because it has several values."""
    kept = ["cell", "value", "reason", "images", "forget_digest", "code", "versions"]
    lines: Any = with_anchors(frame)[[*_KEY, *kept]].astype(dict.fromkeys(LINE, "str"))
    several = lines.duplicated(_KEY, keep=False)
    if not bool(several.any()):
        return lines, []
    of = ", ".join(sorted(set(lines.loc[several, "method"])))
    told = f"Left out: values of the {of} in {side.name} that differ between rows with the same seeds."
    return lines.loc[~several], [told]


def _equal(frames: Sequence[pd.DataFrame]) -> int:
    """How many pairs of rows agree in every value but costs; where neither has a value, they do."""
    first, second = (
        frame.loc[~frame["metric"].str.startswith("cost/"), [*CELL, "metric", "value"]] for frame in frames
    )
    both = first.merge(second, on=[*CELL, "metric"], suffixes=("_a", "_b"))
    same = (both["value_a"] == both["value_b"]) | (both["value_a"].isna() & both["value_b"].isna())
    groups: Any = both.assign(same=same).groupby(CELL)
    return int(groups["same"].all().sum())


def _unpaired(frames: Sequence[pd.DataFrame]) -> list[Unpaired]:
    keys = [_cells(frame) for frame in frames]
    failed = [{tuple(one[name] for name in CELL) for one in failures_in(frame)} for frame in frames]
    found = []
    for side in (0, 1):
        alone = defaultdict[tuple[str, ...], list[tuple[Any, ...]]](list)
        for key in sorted(keys[side].keys() - keys[1 - side].keys()):
            alone[key[: -len(SEEDS)]].append(key)
        found += [
            Unpaired(
                side=side,
                labels=labels,
                seeds=[key[-len(SEEDS) :] for key in own],
                failed=sum(key in failed[1 - side] for key in own),
            )
            for labels, own in alone.items()
        ]
    return found


def _cells(frame: pd.DataFrame) -> Mapping[tuple[Any, ...], None]:
    cells: Any = frame[CELL].drop_duplicates().to_numpy(object)
    return dict.fromkeys(map(tuple, cells))


def _nothing_in_common(sides: Sequence[Side], frames: Sequence[pd.DataFrame]) -> str:
    """In what two sides differ, by the first thing that already keeps all rows apart."""
    cells: list[Any] = [frame[CELL].drop_duplicates() for frame in frames]
    groups = [*([name] for name in BLOCK), ["method", "variant"], [*BLOCK, "method", "variant"], *([s] for s in SEEDS)]
    what = ""
    for names in groups:
        own, other = (set(map(tuple, one[names].to_numpy(object))) for one in cells)
        if not own & other:
            about = "seeds" if names[0] == "seed" else names[0].replace("_", "s.") if len(names) == 1 else "method"
            about = "combination of data, model, recipe, scenario and method" if len(names) > 2 else about
            told = [f"{_listed(values)} in {side.name}" for values, side in zip((own, other), sides, strict=True)]
            what = f": {about} {' and '.join(told)}"
            break
    return (
        f"{sides[0].name} and {sides[1].name} have no row in common{what}; only rows of the same data, model, recipe, "
        "scenario, method, variant and seeds are compared"
    )


def _listed(values: set[tuple[Any, ...]], most: int = 4) -> str:
    told = sorted(" ".join(str(part) for part in value if part != "") or "as in the YAML" for value in values)
    return ", ".join(told[:most]) + (f" and {len(told) - most} more" if len(told) > most else "")
