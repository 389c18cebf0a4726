"""Which runs of a method failed, so that every table says so in the line of the method."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from supreme.report.rows.failures import Labels, by_block
from supreme.report.rows.labels import titled
from supreme.report.rows.per_seed import BLOCK, seed_list
from supreme.report.rows.reading import SEEDS

LONGEST = 160
"""Characters of a reason in a note."""


@dataclass(frozen=True, kw_only=True)
class Failed:
    """The failures of one method of one block."""

    method: str
    variant: str
    count: int
    """How many of its cells failed."""
    done: int
    """How many of its cells have a row."""
    seeds: Sequence[int]
    """Training seeds of those that failed."""
    reasons: Sequence[str]
    """Why, each once, the most frequent first."""

    @property
    def title(self) -> str:
        """The method with its variant: `ssd (alpha=5)`."""
        return titled(self.method, self.variant)

    @property
    def every(self) -> int:
        """How many of its cells have a row or failed."""
        return self.count + self.done

    @property
    def told(self) -> str:
        """`failed (2 of 2)`, or `incomplete (1 of 5 failed)`."""
        of = f"{self.count} of {self.every}"
        return f"incomplete ({of} failed)" if self.done else f"failed ({of})"

    @property
    def note(self) -> str:
        """`boom: failed (2 of 2), seeds 0, 1: RuntimeError: ...`."""
        others = len(self.reasons) - 1
        more = f" (and {others} other reason{'' if others == 1 else 's'})" if others else ""
        reason = self.reasons[0]
        short = reason if len(reason) <= LONGEST else f"{reason[: LONGEST - 1]}…"
        return f"{self.title}: {self.told}, {seed_list(self.seeds)}: {short}{more}"


def failed_in(frame: pd.DataFrame) -> dict[Labels, list[Failed]]:
    """By the labels of each block of what `load` gives, its methods with failures; some blocks have nothing else."""
    parts: dict[Any, pd.DataFrame] = dict(list(frame.groupby(BLOCK))) if len(frame) else {}
    return {labels: failed_methods(parts.get(labels), own) for labels, own in sorted(by_block(frame).items())}


def failed_methods(part: pd.DataFrame | None, failures: Iterable[Mapping[str, Any]]) -> list[Failed]:
    """One for each method and variant of a block that has failures.

    Args:
        part: the lines of the block's rows; None where there are none.
        failures: those of the block.
    """
    rows: dict[tuple[str, str], set[tuple[int, ...]]] = defaultdict(set)
    if part is not None:
        cells: Any = part.drop_duplicates("cell")[["method", "variant", *SEEDS]]
        for method, variant, *seeds in cells.itertuples(index=False, name=None):
            rows[str(method), str(variant)].add(tuple(seeds))
    broken: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for one in failures:
        broken[one["method"], one["variant"]].append(one)
    found = []
    for pair, own in sorted(broken.items()):
        seeds = {tuple(one[name] for name in SEEDS) for one in own}
        reasons = [one["error"] for one in own]
        found.append(
            Failed(
                method=pair[0],
                variant=pair[1],
                count=len(seeds),
                done=len(rows[pair] - seeds),
                seeds=sorted({one["seed"] for one in own}),
                reasons=sorted(dict.fromkeys(reasons), key=lambda reason: (-reasons.count(reason), reason)),
            )
        )
    return found
