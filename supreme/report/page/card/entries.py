"""What the parts of the card share: rows with their labels, by block, and words for where a sentence holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from supreme.report.rows.labels import titled
from supreme.report.rows.per_seed import BLOCK
from supreme.report.tables.blocks import title_of

Block = tuple[str, ...]
"""The labels that the lines of one table share."""


class Entry(NamedTuple):
    """A row, as stored, and the labels that the frame has for it."""

    label: Mapping[str, Any]
    row: Mapping[str, Any]

    @property
    def block(self) -> Block:
        return tuple(str(self.label[name]) for name in BLOCK)

    @property
    def method(self) -> str:
        """With its variant: `ssd (alpha=5)`."""
        return titled(self.label["method"], self.label["variant"])


def entries_of(frame: pd.DataFrame, rows: Iterable[Mapping[str, Any]]) -> list[Entry]:
    """The rows with their labels; `frame` is what `load` gives of them."""
    labels: dict[Any, Any] = {label["cell"]: label for label in frame.drop_duplicates("cell").to_dict("records")}
    return [Entry(labels[row["cell"]], row) for row in rows]


def by_block(entries: Iterable[Entry]) -> dict[Block, list[Entry]]:
    """In order of appearance."""
    found: dict[Block, list[Entry]] = defaultdict(list)
    for entry in entries:
        found[entry.block].append(entry)
    return dict(found)


def where(blocks: Sequence[Block], every: Iterable[Block]) -> str:
    """Nothing where these are all blocks, else ` (in digits · small_cnn · random)`."""
    if set(blocks) >= set(every):
        return ""
    return f" (in {'; '.join(title_of(block) for block in blocks)})"


def those(blocks: Mapping[Block, Sequence[Entry]], holds: Callable[[Sequence[Entry]], bool]) -> list[Block]:
    """The blocks of whose rows this holds."""
    return [block for block, own in blocks.items() if holds(own)]


def alike(told: Mapping[Block, Any], name: str = "blocks") -> list[dict[str, Any]]:
    """What is told of each block, once for those of which the same is told; these are named where they are not all."""
    groups = [(value, [block for block in told if told[block] == value]) for value in unique(told.values())]
    named = len(groups) > 1
    return [({name: [title_of(block) for block in blocks]} if named else {}) | value for value, blocks in groups]


def unique(values: Iterable[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if value not in found:
            found.append(value)
    return found


def counted(low: int, high: int, what: str) -> str:
    """`5 training seeds`, or `3 to 5 training seeds`."""
    return f"{low if low == high else f'{low} to {high}'} {what}{'' if high == 1 else 's'}"
