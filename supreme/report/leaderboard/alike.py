"""Rows may stand in one table where data, split and reference are the same; others are refused by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from supreme.core import SupremeError
from supreme.report.leaderboard.merging import Entry
from supreme.report.rows.labels import without
from supreme.report.rows.per_seed import BLOCK
from supreme.report.tables.blocks import title_of

_CONTENT = "data.content="
"""Where labels tell that the images are others: no reason to stand apart here."""


def refuse_mixed(entries: Sequence[Entry]) -> None:
    """Refuse rows of one block that were not made on the same ground.

    Within a block these must be the same: the images, and the code of model, recipe and scenario; for one forget seed
    the split; for the same seeds the original and the reference.

    Raises:
        SupremeError: two rows differ; it names both, their exports, and what differs.
    """
    first: dict[Any, tuple[Entry, str]] = {}
    told: list[str] = []
    for entry in entries:
        for what, key, value in _facts(entry):
            known, other = first.setdefault((what, *key), (entry, value))
            if other != value:
                told.append(
                    f"{entry.told} and {known.told} are both of {title_of(key[: len(BLOCK)])}, and differ in their "
                    f"{what} ({value[:12]} and {other[:12]})"
                )
                break
    if told:
        more = f" (and {len(told) - 1} more rows)" if len(told) > 1 else ""
        raise SupremeError(
            f"{told[0]}{more}: they cannot stand in one table; leave one of the exports out, or run one sweep again "
            "with the code and the data of the other"
        )


def _facts(entry: Entry) -> Iterator[tuple[str, tuple[Any, ...], str]]:
    """What must be the same, wherever what is the same; and what it is here."""
    row, made = entry.row, entry.row["provenance"]
    *components, setting = entry.label[: len(BLOCK)]
    block = (*components, without(_CONTENT, setting))
    seed, streams = row["seed"], row["seeds"]
    yield "data", block, made["data_fingerprint"]
    for name in ("model", "recipe", "scenario"):
        yield f"code of the {name}", block, made["code_keys"][name]
    yield "split", (*block, streams["forget"]), made["depends"]["split"]
    yield "original", (*block, seed), made["keys"]["original"]
    yield "reference", (*block, seed, streams["forget"], streams["reference"]), made["keys"]["reference"]
