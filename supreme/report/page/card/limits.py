"""Of the card: claims that these numbers cannot carry, each told by what was run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from supreme.report.page.card.attacks import PER_SAMPLE
from supreme.report.page.card.compute import has_local_changes
from supreme.report.page.card.entries import Block, Entry, by_block, counted, those, unique, where
from supreme.report.page.card.images import of_images
from supreme.report.page.card.inference import failed
from supreme.report.page.card.trainings import (
    is_pretrained,
    references_per_set,
    start_of,
    training_differences,
)
from supreme.report.rows.environments import environment_counts
from supreme.report.rows.per_seed import BLOCK
from supreme.report.rows.spread import spread_words
from supreme.report.statistics.claims import Claims
from supreme.report.statistics.evidence import FEW_SEEDS

OWN = (
    "Each training seed has a forget set of its own: what the one and what the other adds to the spread is not told "
    "apart."
)


def not_supported(
    frame: pd.DataFrame,
    table: pd.DataFrame,
    entries: Sequence[Entry],
    attacks: Sequence[Mapping[str, Any]],
    claims: Mapping[Block, Claims],
) -> list[str]:
    """Claims that these numbers cannot carry, a sentence for each.

    Args:
        attacks: as `card.attacks.attacks` tells them.
        claims: by block, what is to be said of its verdicts.
    """
    blocks = by_block(entries)
    return [
        *_of_tests(table),
        *_of_verdicts(claims),
        *_of_attacks(attacks),
        "Nothing is said about other data, models, recipes and scenarios than those above.",
        *_of_seeds(blocks),
        *_of_forget_sets(frame),
        *_of_draws(blocks),
        *_of_trainings(blocks),
        *of_images(entries),
        *_of_failures(frame),
        *_of_origin(entries),
    ]


def _of_tests(table: pd.DataFrame) -> list[str]:
    if any(table["verdict"].tolist()):
        return ["A difference that is not significant is no equivalence: only the verdict equivalent is."]
    return ["Equivalence was not tested: a difference that is not significant, or not large, is none."]


def _of_verdicts(claims: Mapping[Block, Claims]) -> list[str]:
    """Why methods cannot have the verdict equivalent, and what makes verdicts doubtful."""
    found: dict[str, list[Block]] = defaultdict(list)
    for block, own in claims.items():
        for sentence in (*own.out_of_reach, *own.doubts):
            found[sentence].append(block)
    return [f"{sentence[:-1]}{where(blocks, claims)}{sentence[-1]}" for sentence, blocks in found.items()]


def _of_attacks(attacks: Sequence[Mapping[str, Any]]) -> list[str]:
    if not attacks:
        return ["No attack of this package was run: that a method forgets is not shown against any of them."]
    names = ", ".join(unique(str(one.get("metric") or one.get("audit")) for one in attacks))
    told = [f"That a method forgets is shown against these attacks only: {names}; no formal guarantee follows."]
    if not any(str(one["attacker"]).startswith(PER_SAMPLE) for one in attacks):
        told.append("No attack per sample was run: an attacker who judges each image by itself may see more.")
    return told


def _of_seeds(blocks: Mapping[Block, Sequence[Entry]]) -> list[str]:
    few: dict[int, dict[str, list[Block]]] = defaultdict(lambda: defaultdict(list))
    for block, own in blocks.items():
        seeds: dict[str, set[int]] = defaultdict(set)
        for entry in own:
            seeds[entry.method].add(entry.row["seed"])
        for method, found in seeds.items():
            if len(found) < FEW_SEEDS:
                few[len(found)][method].append(block)
    told = []
    for count, methods in sorted(few.items()):
        places: dict[str, list[str]] = defaultdict(list)
        for method, own in methods.items():
            places[where(own, blocks)].append(method)
        named = "; ".join(f"{', '.join(about)}{place}" for place, about in places.items())
        told.append(f"{counted(count, count, 'training seed')}: too few for an interval to rely on: {named}.")
    return told


def _of_forget_sets(frame: pd.DataFrame) -> list[str]:
    """What a design does not speak of; and, where each seed has its own set, does not tell apart."""
    parts: Any = frame.groupby(BLOCK, sort=False)
    words = {block: spread_words(part) for block, part in parts}
    found: dict[str, list[Block]] = defaultdict(list)
    for block, told in words.items():
        found[OWN if told.design == "own" else told.not_supported].append(block)
    return [f"{sentence[:-1]}{where(own, words)}." for sentence, own in found.items() if sentence]


def _of_draws(blocks: Mapping[Block, Sequence[Entry]]) -> list[str]:
    told = []
    if single := those(blocks, lambda own: max(_unlearn_draws(own)) == 1):
        told.append(
            f"One unlearning draw per training seed and forget set{where(single, blocks)}: the method's own randomness "
            "is not told apart."
        )
    if single := those(blocks, lambda own: references_per_set(own)[1] == 1):
        told.append(
            f"One reference per training seed and forget set{where(single, blocks)}: part of every distance to it is "
            "its own randomness."
        )
    if without := those(blocks, lambda own: all(entry.row["method"] != "retrain" for entry in own)):
        told.append(
            f"Without the method retrain there is no noise floor{where(without, blocks)}: how far two retrained models "
            "differ is unknown."
        )
    return told


def _unlearn_draws(entries: Iterable[Entry]) -> list[int]:
    draws: dict[Any, set[int]] = defaultdict(set)
    for entry in entries:
        row = entry.row
        draws[entry.method, row["seed"], row["forget_digest"]].add(row["seeds"]["unlearn"])
    return [len(own) for own in draws.values()]


def _of_trainings(blocks: Mapping[Block, Sequence[Entry]]) -> list[str]:
    told = []
    starts: dict[str, list[Block]] = defaultdict(list)
    for block in those(blocks, lambda own: any(is_pretrained(entry.row) for entry in own)):
        for start in unique(start_of(entry.row) for entry in blocks[block] if is_pretrained(entry.row)):
            starts[start].append(block)
    told += [
        f"Training begins from {start}{where(own, blocks)}: what these have seen before is not forgotten, by the "
        "reference neither."
        for start, own in starts.items()
    ]
    if differing := those(blocks, lambda own: any(training_differences(entry.row) for entry in own)):
        told.append(
            f"Original and reference are not trained alike{where(differing, blocks)}: part of every gap between them "
            "is due to that."
        )
    return told


def _of_failures(frame: pd.DataFrame) -> list[str]:
    return [
        f"{one['method']} failed in {one['failed']} of {one['of']} runs ({one['block']}), which no mean holds."
        for one in failed(frame)
    ]


def _of_origin(entries: Sequence[Entry]) -> list[str]:
    rows = [entry.row for entry in entries]
    told = []
    if changed := sum(map(has_local_changes, rows)):
        told.append(
            f"{counted(changed, changed, 'row')} of {len(rows)} come from code with local changes: the commit alone "
            "does not reproduce them."
        )
    if loose := sum(not row["config"]["deterministic"] for row in rows):
        told.append(f"{counted(loose, loose, 'row')} of {len(rows)} were not made deterministically: bits may differ.")
    if len(environment_counts(rows)) > 1:
        told.append(
            "Rows or models were made in several environments, named above: part of a difference may be theirs."
        )
    return told
