"""Of the card: what may be wrong with the images that judge a method, told by the rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from supreme.report.page.card.components import trains_on_test
from supreme.report.page.card.entries import Block, Entry, by_block, counted, those, unique, where
from supreme.report.page.card.trainings import chooses_on_test


def of_images(entries: Sequence[Entry]) -> list[str]:
    """Test images that were trained on, or chose an epoch or a method's values; twins of what is forgotten."""
    blocks = by_block(entries)
    return [*_of_test_images(blocks), *_of_twins(blocks), *_of_tuning(entries)]


def _of_test_images(blocks: Mapping[Block, Sequence[Entry]]) -> list[str]:
    told = []
    if same := those(blocks, lambda own: any(trains_on_test(entry.row) for entry in own)):
        told.append(
            f"Test images are training images{where(same, blocks)}: test accuracies are accuracies of training, and "
            "the non-members of an attack hold its members."
        )
    if chosen := those(blocks, lambda own: any(chooses_on_test(entry.row) for entry in own)):
        told.append(
            f"The original's epoch was chosen on the test images{where(chosen, blocks)}: its test accuracy is too high."
        )
    return told


def _of_twins(blocks: Mapping[Block, Sequence[Entry]]) -> list[str]:
    words = {
        "forget_retain": ("forget", "retained"),
        "forget_test": ("forget", "test"),
        "train_test": ("training", "test"),
    }
    found: dict[str, list[Block]] = defaultdict(list)
    for block, own in blocks.items():
        for pair, (first, second) in words.items():
            counts = [entry.row.get("twins", {}).get(pair, 0) for entry in own]
            if max(counts):
                all_of_them = [_size(entry.row, pair) for entry in own]
                told = f"{counted(max(counts), max(counts), 'image')} of up to {max(all_of_them)} {first} images"
                found[f"{told} have an identical twin among the {second} ones"].append(block)
    return [f"{told}{where(own, blocks)}: these are known without being trained on." for told, own in found.items()]


def _size(row: Mapping[str, Any], pair: str) -> int:
    sets = row["sets"]
    return sets["forget"] + (sets.get("retain", 0) if pair == "train_test" else 0)


def _of_tuning(entries: Sequence[Entry]) -> list[str]:
    by_images: dict[str, list[str]] = defaultdict(list)
    for entry in entries:
        tuned = entry.row["tuned"]
        if tuned and tuned["kept"] and tuned["source"] == "found" and tuned.get("images") != "validation":
            images = "test images" if tuned.get("images") == "test" else "images that are not recorded"
            by_images[images].append(entry.method)
    return [
        f"Values found on {images}: {', '.join(unique(methods))}: what these images say of them flatters."
        for images, methods in by_images.items()
    ]
