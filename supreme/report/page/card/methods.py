"""Of the card: each method with its values, how these were chosen, and what it declares to read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import yaml

from supreme.report.catalogue.methods import CONF
from supreme.report.page.card.declared import components_in, history_declared, paper_of, sets_declared, told_of
from supreme.report.page.card.entries import Block, Entry, alike, counted, unique
from supreme.report.rows.tuning import tuning_text
from supreme.report.tables.blocks import title_of

UNKNOWN = "not recorded"


def methods(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """One entry for each method and its values, with the blocks where it has these, unless it has them in all."""
    groups: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        groups[f"{entry.method} {entry.row['config']['method']}"].append(entry)
    every = unique(entry.block for entry in entries)
    return [_method(own, every) for own in groups.values()]


def _method(entries: Sequence[Entry], every: Sequence[Block]) -> dict[str, Any]:
    """What is said of the rows of one method with the same values; `every`: all blocks of the report."""
    values = entries[0].row["config"]["method"]
    seeds: dict[Any, set[int]] = defaultdict(set)
    for entry in entries:
        seeds[entry.block].add(entry.row["seed"])
    tuned = {entry.block: {"how": _how(entry.row), **preset_of(entry.row, seeds[entry.block])} for entry in entries}
    own = unique(entry.block for entry in entries)
    told: dict[str, Any] = {"label": entries[0].method}
    if len(own) < len(every):
        told["blocks"] = [title_of(block) for block in own]
    told |= {"values": values, "tuning": alike(tuned)}
    if papers := unique(filter(None, map(paper_of, components_in(values)))):
        told["paper"] = papers[0] if len(papers) == 1 else papers
    if rules := unique(filter(None, (told_of(component, "Stops") for component in components_in(values)))):
        told["stop_rule"] = rules[0] if len(rules) == 1 else rules
    return told | {"data_accessed": data_accessed(values, [entry.row["sets"] for entry in entries])}


def _how(row: Mapping[str, Any]) -> str:
    return tuning_text(row) if set(row["config"]["method"]) > {"_target_"} else "it has no values"


def data_accessed(values: Mapping[str, Any], sets: Sequence[Mapping[str, int]]) -> str:
    """The sets that a method declares to read, as large as they were in these rows.

    Args:
        values: of the method, those of methods inside it among them.
        sets: of each row, the number of images in each set that is not empty.
    """
    declared = sets_declared(values)
    if declared is None:
        return f"{UNKNOWN}: {values['_target_']} is no method of this package; see its `needs`"
    told = [_sized(name, [own.get(name, 0) for own in sets]) for name in declared]
    history = {"yes": "how the original was trained", "depends": "how the original was trained, for some of its values"}
    if (answer := history_declared(values)) in history:
        told.append(history[answer])
    return f"as declared: {', '.join(told) or 'nothing but the original'}"


def _sized(name: str, sizes: Sequence[int]) -> str:
    return f"{name} ({counted(min(sizes), max(sizes), 'image')})" if max(sizes) else f"{name} (which is empty here)"


def preset_of(row: Mapping[str, Any], seeds: Iterable[int]) -> dict[str, Any]:
    """The preset whose values a method has: its scope, and what its values were found on, if results chose them.

    Args:
        seeds: training seeds of the method's rows in the same block.
    """
    tuned = row["tuned"]
    if not tuned or not tuned["kept"]:
        return {}
    label = str(tuned["preset"])
    told: dict[str, Any] = {"preset": label, "scope": _scopes(label.partition("/")[0]).get(label, UNKNOWN)}
    if tuned["source"] != "found":
        return told
    oracle = {True: "yes", False: "no"}.get(tuned.get("uses_reference"), UNKNOWN)
    found_on = {
        "columns": list(tuned.get("columns", [])),
        "training_seeds": list(tuned.get("seeds", [])),
        "evaluated_here_too": sorted(set(tuned.get("seeds", [])) & set(seeds)),
        "images": tuned.get("images", UNKNOWN),
        "looked_at_the_reference": oracle,
    }
    return told | {"found_on": found_on} | ({"search": tuned["search"]} if "search" in tuned else {})


@cache
def _scopes(method: str) -> dict[str, Any]:
    """By label, what the presets of this method hold for, as their file says it now."""
    path = CONF / "tuned" / f"{method}.yaml"
    if not method.isidentifier() or not path.is_file():
        return {}
    entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {f"{method}/{entry['name']}": entry["for"] for entry in entries}
