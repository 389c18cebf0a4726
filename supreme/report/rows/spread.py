"""What the spread between training seeds contains: the draw of the forget set too, or training alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import pandas as pd

from supreme.report.rows.per_seed import BLOCK

FEWEST_SETS = 3
"""Forget sets and training seeds that a crossed design needs before anything is inferred about other forget sets."""

Design = Literal["own", "one", "crossed", "these"]
"""Each training seed has a forget set of its own; all have one; all have the same three or more; anything else."""


class Spread(NamedTuple):
    """The words for a standard deviation between training seeds."""

    design: Design
    sets: str
    """What a training seed forgets: `one forget set`, `each with a forget set of its own`, `of means over ...`."""
    train: str
    """What the part of the variance stands for that `variance` calls `train`."""
    not_supported: str
    """What does not follow from such a design, as a sentence; "" where other forget sets are spoken of too."""

    @property
    def sd(self) -> str:
        """`SD between training seeds, one forget set`."""
        return f"SD between training seeds, {self.sets}"


def forget_design(part: pd.DataFrame) -> Design:
    """How training seeds and forget sets belong together in what `load` gives of one block, by the sets' digests."""
    pairs: Any = part[["seed", "forget_digest"]].drop_duplicates()
    sets = pairs["forget_digest"].nunique()
    if sets == 1:
        return "one"
    if pairs["seed"].is_unique:
        return "own"
    seeds = pairs["seed"].nunique()
    return "crossed" if len(pairs) == seeds * sets and min(seeds, sets) >= FEWEST_SETS else "these"


def spread_words(part: pd.DataFrame) -> Spread:
    """The words for the spread of one block.

        >>> spread_words(part).sd
        'SD between training seeds, each with a forget set of its own'

    Args:
        part: lines of one block of what `load` gives, with `seed` and `forget_digest`.
    """
    design, sets = forget_design(part), len(set(part["forget_digest"]))
    if design == "own":
        return Spread(design, "each with a forget set of its own", "training seed and forget set", "")
    if design == "one":
        claim = "All training seeds forget the same images: nothing is said about other forget sets."
        return Spread(design, "one forget set", "training seed", claim)
    if design == "crossed":
        return Spread(design, f"of means over the same {sets} forget sets", "training seed", "")
    claim = (
        f"Fewer than {FEWEST_SETS} training seeds have the same {FEWEST_SETS} or more forget sets: nothing is said "
        "about other forget sets than these."
    )
    return Spread(design, "of means over these forget sets only", "training seed", claim)


def by_block(frame: pd.DataFrame, tell: Callable[[Spread], str]) -> list[str]:
    """What is told of the spread of each block, each text once, after the blocks that it is about where these differ.

    >>> by_block(frame, lambda words: words.sd)
    ['SD between training seeds, one forget set']
    """
    found: dict[str, list[str]] = {}
    grouped: Any = frame.groupby(BLOCK, sort=False, observed=True)
    for labels, part in grouped:
        found.setdefault(tell(spread_words(part)), []).append(" · ".join(filter(None, map(str, labels))))
    return [text if len(found) == 1 else f"{'; '.join(blocks)}: {text}" for text, blocks in found.items() if text]
