"""Of the card: how the original and the reference were trained, and where their random numbers come from."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from supreme.core import seeds
from supreme.report.page.card.entries import Entry, alike, by_block, counted, unique
from supreme.report.rows.given import DOUBTS, files_text, given_files
from supreme.report.rows.per_seed import BLOCK
from supreme.report.rows.reading import flat

LEAK = "chosen on the images that the tables judge it by"


def start_of(row: Mapping[str, Any]) -> str:
    """The weights from which the trainings of a row began, by its model's values and by what its stages recorded."""
    values = {name.rpartition(".")[2]: value for name, value in flat(row["config"]["model"]).items()}
    if files := _files(row):
        return "weights of " + " and ".join(f"{file['file']} (SHA-256 {file['sha256'][:16]})" for file in files)
    if values.get("checkpoint"):
        return f"weights of the file {values['checkpoint']}"
    if values.get("pretrained"):
        return "pretrained weights that the model's code fetches" + (f" ({values['arch']})" if "arch" in values else "")
    if "pretrained" in values or "checkpoint" in values:
        return "random weights"
    return "neither the model's values nor the record of its training name pretrained weights"


def is_pretrained(row: Mapping[str, Any]) -> bool:
    """Whether the trainings began from weights that were trained before."""
    values = {name.rpartition(".")[2]: value for name, value in flat(row["config"]["model"]).items()}
    return bool(_files(row) or values.get("checkpoint") or values.get("pretrained"))


def _files(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    stages = row["provenance"]["stages"].values()
    return unique(stage["checkpoint"] for stage in stages if stage.get("checkpoint"))


def stop_rules(row: Mapping[str, Any]) -> dict[str, str]:
    """Which epoch of the original's training and of the reference's is kept, by the values of the recipe."""
    rules = _rules(row)
    return {stage: given_text([row], stage) or rule for stage, rule in rules.items()}


def given_text(rows: Iterable[Mapping[str, Any]], stage: str) -> str:
    """What is said of a model of this stage that was not trained here; empty where it was."""
    files = given_files(rows, stage)
    return f"given ({files_text(files)}), not trained here: {DOUBTS[stage]}" if files else ""


def _rules(row: Mapping[str, Any]) -> dict[str, str]:
    recipe = row["config"]["recipe"]
    epochs, keeps = recipe.get("epochs"), recipe.get("original_keeps")
    if epochs is None or keeps is None:
        unknown = f"not declared: the values of {recipe['_target_']} do not say which epoch is kept"
        return {"original": unknown, "reference": unknown}
    last = f"the last of {counted(epochs, epochs, 'epoch')}"
    chosen = {
        "last": last,
        "best_on_test": f"the first of {counted(epochs, epochs, 'epoch')} with the highest accuracy on the test "
        f"images: {LEAK}",
        "best_on_validation": f"the first of {counted(epochs, epochs, 'epoch')} with the highest accuracy on the "
        "validation images",
    }
    return {"original": chosen.get(keeps, f"original_keeps={keeps}"), "reference": last}


def chooses_on_test(row: Mapping[str, Any]) -> bool:
    """Whether the original's epoch was chosen on test images."""
    return row["config"]["recipe"].get("original_keeps") == "best_on_test"


def training_differences(row: Mapping[str, Any]) -> list[str]:
    """What of the reference's training is not as the original's, beside its images and its random numbers."""
    if given := sorted(row.get("given", {}).keys() & {"original", "reference"}):
        return [f"how the {' and the '.join(given)} was trained is unknown: given, not trained here"]
    recipe, rules = row["config"]["recipe"], stop_rules(row)
    found = []
    if (batch := recipe.get("reference_batch_size")) and batch != recipe.get("batch_size"):
        found.append(f"batches of {batch} images, the original's of {recipe.get('batch_size')}")
    shift, has_milestones = recipe.get("original_milestone_shift"), recipe.get("schedule") == "multistep"
    if shift and has_milestones and recipe.get("milestones"):
        by = counted(abs(shift), abs(shift), "epoch")
        found.append(f"the original's milestones lie {by} {'sooner' if shift < 0 else 'later'}")
    if rules["original"] != rules["reference"]:
        found.append(f"keeps {rules['reference']}; the original {rules['original']}")
    return found


def references(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """How the references of each block were made, how many there are, and whether there is a noise floor."""
    return alike({block: _reference(own) for block, own in by_block(entries).items()})


def _reference(entries: Sequence[Entry]) -> dict[str, Any]:
    differences = unique(line for entry in entries for line in training_differences(entry.row))
    starts = unique(start_of(entry.row) for entry in entries)
    low, high = references_per_set(entries)
    floors = sorted({entry.method for entry in entries if entry.row["method"] == "retrain"})
    return {
        "trained_on": given_text((entry.row for entry in entries), "reference")
        or "the retain set only" + _left_in_it(entries),
        "start": starts[0] if len(starts) == 1 else starts,
        "training": differences or "as the original's",
        "number": f"{counted(low, high, 'reference')} for each training seed and forget set",
        "noise_floor": f"{' and '.join(floors)}: further models trained on the retain set"
        if floors
        else "none: the method retrain was not swept",
    }


def _left_in_it(entries: Sequence[Entry]) -> str:
    """What of the forgotten the retain set still holds."""
    told = []
    known = unique(entry.row["config"]["scenario"].get("known_fraction", 1) for entry in entries)
    if min(known) < 1:
        told.append(f"of the poison, the share that nobody found (known_fraction={min(known):g}) is in it")
    twins = [entry.row.get("twins", {}).get("forget_retain", 0) for entry in entries]
    if max(twins) > 0:
        told.append(f"it holds identical twins of up to {counted(max(twins), max(twins), 'forget image')}")
    return f"; {'; '.join(told)}" if told else ""


def references_per_set(entries: Iterable[Entry]) -> tuple[int, int]:
    """The fewest and the most references of one training seed and forget set, by their keys in the store."""
    found: dict[Any, set[Any]] = defaultdict(set)
    for entry in entries:
        row = entry.row
        reference = row["seeds"]["reference"], row["provenance"]["keys"]["reference"]
        found[row["seed"], row["forget_digest"]].add(reference)
    numbers = [len(keys) for keys in found.values()]
    return min(numbers), max(numbers)


def seeds_told(frame: pd.DataFrame, entries: Sequence[Entry]) -> dict[str, Any]:
    """Training seeds, draws within one of them, and how the numbers of each stream are derived."""
    cells: Any = frame.drop_duplicates("cell")
    names = [name for name in cells.columns if name.startswith("seed_")]
    within = cells.groupby([*BLOCK, "method", "variant", "seed"])[names].nunique().max()
    first = entries[0].row
    numbers = {
        "original": ("train", first["seed"]),
        "forget set": ("forget", first["seeds"]["forget"]),
        "reference": ("reference", first["seed"], first["seeds"]["reference"]),
        "method": ("unlearn", first["seed"], first["seeds"]["unlearn"]),
        "evaluation": ("evaluate", first["seed"], first["seeds"]["evaluate"]),
    }
    derivation = "the first 63 bits of the SHA-256 of a role and its numbers, as JSON"
    others = sorted({str(entry.row.get("protocol") or "fixed") for entry in entries} - {"fixed"})
    if others:
        derivation += f"; so under protocol {', '.join(others)}, whatever the code that it imitates draws from"
    return {
        "training": sorted(int(seed) for seed in cells["seed"].unique()),
        "draws_within_a_training_seed": {name.removeprefix("seed_"): int(within[name]) for name in names},
        "derivation": derivation,
        "streams_of_the_first_row": {
            what: f"{json.dumps(given)} gives {seeds.stream(*given)}" for what, given in numbers.items()
        },
        "fixed_by_values": fixed_seeds(entries) or "nothing",
    }


def fixed_seeds(entries: Iterable[Entry]) -> list[str]:
    """Seeds among the values of components: what is drawn from them is the same for every training seed."""
    return unique(
        f"{name}={value}"
        for entry in entries
        for name, value in _leaves(entry.row["config"])
        if "seed" in name.rpartition(".")[2]
    )


def _leaves(config: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for kind, node in config.items():
        if isinstance(node, Mapping):
            yield from ((f"{kind}.{name}", value) for name, value in flat(node).items() if value is not None)
