"""The forgotten images that changed most, as a contact sheet of each block; none of data that are private."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import Any

import numpy as np
import pandas as pd

from supreme.report.figures.style import place
from supreme.report.rows.labels import with_titles
from supreme.report.rows.stored import Decoded

PROBABILITY, LABEL = "samples/probability", "samples/label"
MOST, MOST_IN_ALL = 24, 1000
"""Images of one sheet, and of all sheets of a page."""

SIDE = 48
"""Pixels of the longer side of a thumbnail, at most."""

SWITCHED_OFF = "No image is shown: this page was made with --no-samples, or by a sweep with report.samples=false."
PRIVATE = "No image of these data is shown, because a sweep of them was run with report.samples=false."
MISSING = (
    "These rows do not say which images changed: an older version made them, or no metric needs the models' answers. "
    "To make them again from the stored models, move the folder rows out of the output directory and give the same "
    "command once more."
)
NO_PICTURES = "The decoded images are not in store/data beside these rows, so each is told by its position alone."

Key = tuple[int, ...]


class Pictures:
    """Thumbnails as data URLs, each made and kept once however many sheets show it."""

    def __init__(self, decoded: Mapping[str, Decoded]) -> None:
        self._decoded = decoded
        self._places: dict[tuple[str, int], int | None] = {}
        self.urls: list[str] = []

    def place(self, data: str, position: int) -> int | None:
        """Where in `urls` the image of the source with this fingerprint is; None where there is no such picture."""
        if (data, position) not in self._places:
            source = self._decoded.get(data)
            pixels = None if source is None else source.picture(position)
            self._places[data, position] = None if pixels is None else len(self.urls)
            self.urls += [] if pixels is None else [_url(pixels)]
        return self._places[data, position]

    def class_name(self, data: str, label: int) -> str:
        """The name of a class, or its number where nothing knows the name."""
        names = self._decoded[data].class_names if data in self._decoded else ()
        return names[label] if 0 <= label < len(names) else str(label)


def private(rows: Iterable[Mapping[str, Any]]) -> set[str]:
    """Fingerprints of the data of which some sweep has said that no image is to be shown."""
    return {row["provenance"]["data_fingerprint"] for row in rows if row.get("samples") is False}


def most_of_each(blocks: int) -> int:
    """Images of one sheet, where there are so many."""
    return max(1, min(MOST, MOST_IN_ALL // max(1, blocks)))


def sheet(series: pd.DataFrame, data: str, pictures: Pictures, most: int = MOST) -> dict[str, Any] | None:
    """The contact sheet of one block, None where its rows point at no image.

    It shows models of one training seed, of the one of which most methods have told, so that all forgot the same
    images. Methods choose in turns, each the next of the images whose probability of the label it has changed most.

    Args:
        series: lines of `load_series` of one block.
        data: fingerprint of its data.
        most: images at most.
    """
    own: Any = series[series["series"].isin([PROBABILITY, LABEL])]
    if own.empty:
        return None
    own = with_titles(own)
    streams = ["seed", "seed_forget", "seed_reference"]
    counts: Any = own.groupby(streams)["method"].nunique()
    seeds = min(counts.index, key=lambda key: (-counts[key], key))
    own = own[(own[streams] == list(seeds)).all(axis=1)]
    labels = {int(at): int(y) for line in own[own["series"] == LABEL].itertuples() for at, y in zip(line.x, line.y)}  # noqa: B905
    told = own[own["series"] == PROBABILITY]
    before, after = (_means(told[told["role"] == role]) for role in ("original", "reference"))
    by_method = {
        str(method): _means(part)
        for method, part in told[told["role"] == "unlearned"].groupby("method", sort=False)
        if method != "original"
    }
    methods = sorted(by_method, key=place)
    chosen = _in_turns([_order(by_method[method], before, after) for method in methods], most)
    images = [
        {
            "position": at,
            "label": pictures.class_name(data, labels[at]) if at in labels else "",
            "picture": pictures.place(data, at),
            "original": before[at],
            "reference": after[at],
            "methods": {method: by_method[method][at] for method in methods if at in by_method[method]},
        }
        for at in chosen
    ]
    notes = [] if all(image["picture"] is not None for image in images) else [_without(images)]
    return {"seed": int(seeds[0]), "images": images, "notes": notes} if images else None


def _means(lines: pd.DataFrame) -> dict[int, float]:
    """By position, the mean over draws."""
    values: dict[int, list[float]] = {}
    for x, y in zip(lines["x"], lines["y"], strict=True):
        for at, value in zip(x, y, strict=True):
            values.setdefault(int(at), []).append(float(value))
    return {at: round(float(np.mean(own)), 4) for at, own in values.items()}


def _order(own: Mapping[int, float], before: Mapping[int, float], after: Mapping[int, float]) -> list[int]:
    """The images whose probability a method has changed, the largest change first; ties by what retraining changes."""
    known = [at for at in own if at in before and at in after and own[at] != before[at]]
    return sorted(known, key=lambda at: (-round(abs(own[at] - before[at]), 2), -abs(after[at] - before[at]), at))


def _in_turns(orders: Sequence[Sequence[int]], most: int) -> list[int]:
    """The first of each, then the second of each, and so on, without those that are there."""
    turns = (at for turn in zip_longest(*orders) for at in turn if at is not None)
    return list(dict.fromkeys(turns))[:most]


def _without(images: Sequence[Mapping[str, Any]]) -> str:
    """Why some have no picture."""
    count = sum(image["picture"] is None for image in images)
    if count == len(images):
        return NO_PICTURES
    return f"{count} of {len(images)} have no picture: a scenario has put them into the data."


def _url(pixels: np.ndarray) -> str:
    """A data URL of uint8 S x S x 3, reduced to `SIDE`: PNG or JPEG, whichever is shorter."""
    from PIL import Image

    picture = Image.fromarray(pixels)
    picture.thumbnail((SIDE, SIDE))
    if not np.diff(np.asarray(picture), axis=2).any():
        picture = picture.convert("L")
    found = []
    for kind, options in (("png", {"optimize": True}), ("jpeg", {"quality": 85})):
        buffer = io.BytesIO()
        picture.save(buffer, format=kind, **options)
        found.append(f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}")
    return min(found, key=len)
