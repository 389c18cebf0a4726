"""Of the card: the protocols, and data, models, recipes and scenarios with what their values mean."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from supreme.core.patterns import filled_node
from supreme.report.page.card.entries import Entry, alike, by_block, counted, unique
from supreme.report.page.card.trainings import start_of, stop_rules
from supreme.report.rows.reading import COMPONENTS


def protocols(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """Each protocol with the number of its rows."""
    counts = Counter(str(entry.row.get("protocol") or "fixed") for entry in entries)
    return [{"name": name, "rows": count} for name, count in sorted(counts.items())]


def components(entries: Sequence[Entry]) -> dict[str, list[dict[str, Any]]]:
    """Every config of each component: its label, its values and what they mean here."""
    return {name: _configs(entries, name) for name in COMPONENTS}


def _configs(entries: Iterable[Entry], name: str) -> list[dict[str, Any]]:
    groups: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        # The same images are the same data, wherever they lie.
        values = json.dumps(entry.row["config"][name], sort_keys=True)
        apart = (name == "data" and entry.row["provenance"].get("data_fingerprint")) or values
        groups[f"{entry.label[name]} {apart}"].append(entry)
    about = {"data": _data, "model": _model, "recipe": _recipe, "scenario": _scenario}[name]
    return [
        {"label": own[0].label[name], "values": own[0].row["config"][name], **about(own)} for own in groups.values()
    ]


def _data(entries: Sequence[Entry]) -> dict[str, Any]:
    fingerprint = entries[0].row["provenance"].get("data_fingerprint")
    return {"fingerprint": fingerprint, "test_images": _test_images(entries)}


def _test_images(entries: Sequence[Entry]) -> str:
    if trains_on_test(entries[0].row):
        return "the training images: the data were told to test on these (data.test=training)"
    sizes = [entry.row["sets"].get("test", 0) for entry in entries]
    return counted(min(sizes), max(sizes), "image") if any(sizes) else "none are recorded"


def trains_on_test(row: Mapping[str, Any]) -> bool:
    """Whether the data were told that test and training images are to be the same."""
    return row["config"]["data"].get("test") == "training"


def _model(entries: Sequence[Entry]) -> dict[str, Any]:
    starts = unique(start_of(entry.row) for entry in entries)
    return {"start": starts[0] if len(starts) == 1 else starts}


def _recipe(entries: Sequence[Entry]) -> dict[str, Any]:
    return {"stop_rule": stop_rules(entries[0].row)}


def _scenario(entries: Sequence[Entry]) -> dict[str, Any]:
    told = {"images": unique(entry.row.get("sets", {}) for entry in entries)}
    twins = unique(entry.row["twins"] for entry in entries if "twins" in entry.row)
    if files := unique(of for entry in entries if (of := _files(entry.row))):
        told["files"] = files
    return told | ({"identical_twins": twins} if twins else {})


def _files(row: Mapping[str, Any]) -> dict[str, str]:
    """The files that the scenario's values name, a list of what to forget, say: the SHA-256 of what each held."""
    known, scenario = row["provenance"].get("depends", {}).get("files", {}), row["config"]["scenario"]
    values = {**row["seeds"], "seed": row["seeds"]["forget"], "class": scenario.get("target")}
    named = (one for one in filled_node(scenario, values, "scenario").values() if isinstance(one, str))
    return {name: known[name] for name in named if name in known}


def forget_sets(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """How training seeds and forget sets go together in each block, and the digests."""
    return alike({block: _forget_sets(own) for block, own in by_block(entries).items()})


def _forget_sets(entries: Sequence[Entry]) -> dict[str, Any]:
    sizes = sorted({entry.row["sets"]["forget"] for entry in entries})
    by_seed = digests_by_seed(entries)
    return {
        "design": design_of(by_seed),
        "images": sizes[0] if len(sizes) == 1 else sizes,
        "digests": _by_seed(by_seed),
    }


def _by_seed(by_seed: Mapping[int, set[str]]) -> dict[str, list[str]]:
    alike = unique(by_seed.values())
    if len(alike) == 1 and len(by_seed) > 1:
        return {"every seed": sorted(alike[0])}
    return {f"seed {seed}": sorted(digests) for seed, digests in sorted(by_seed.items())}


def digests_by_seed(entries: Iterable[Entry]) -> dict[int, set[str]]:
    """The forget sets of each training seed, all methods taken together."""
    found: dict[int, set[str]] = defaultdict(set)
    for entry in entries:
        found[entry.row["seed"]].add(entry.row["forget_digest"])
    return dict(found)


def design_of(by_seed: Mapping[int, set[str]]) -> str:
    """How training seeds and forget sets go together, told by the digests alone: one set, one each, crossed, ..."""
    every = set[str]().union(*by_seed.values())
    numbers = [len(digests) for digests in by_seed.values()]
    seeds = counted(len(by_seed), len(by_seed), "training seed")
    if len(every) == 1:
        return f"one forget set for {seeds}"
    if all(digests == every for digests in by_seed.values()) and len(by_seed) > 1:
        return f"crossed: each of {seeds} with each of {len(every)} forget sets"
    if sum(numbers) == len(every):  # none is shared
        many = f"{counted(min(numbers), max(numbers), 'forget set')} in each training seed, none in two"
        return "a forget set of its own for each training seed" if max(numbers) == 1 else many
    in_each = counted(min(numbers), max(numbers), "forget set")
    return f"mixed: {in_each} in a training seed, {len(every)} in all, some of them in several"
