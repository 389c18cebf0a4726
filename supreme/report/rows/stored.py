"""What the store of an output directory knows beside its rows: how models were trained, and the decoded images.

Rows that were copied without their store have none of it. What is damaged, or no regular file, counts as missing;
nothing that is read here can run code.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from supreme.core.canonical import DIGEST, Damaged, digest_of_parsed, open_regular, parse, read_bytes, read_json
from supreme.core.pixels import centre
from supreme.core.typed import flaw

Curve = Sequence[Mapping[str, float | None]]
"""Of each epoch: epoch, counted from 1, and the fields of `supreme.core.Epoch`, null where not finite."""


def curve_of(directory: Path, stage: str, key: str) -> Curve | None:
    """How the model of this stage (original, reference, unlearned) was trained; None where the store does not know.

    Empty of a method that did not train by epochs.
    """
    if not re.fullmatch(r"[0-9a-f]{64}", key):
        return None
    folder = directory / "store" / stage / key[:2] / key
    try:
        manifest, content = read_json(folder / "manifest.json"), read_bytes(folder / "record.json")
        if hashlib.sha256(content).hexdigest() != manifest["files"]["record.json"]["sha256"]:
            return None
        curve = parse(content).get("curve", [])
    except (OSError, Damaged, KeyError, TypeError, AttributeError):
        return None
    return None if flaw(curve, list[Mapping[str, float | None]]) else curve


@dataclass(frozen=True)
class Decoded:
    """One data source, as it was decoded."""

    folder: Path
    class_names: tuple[str, ...]
    image_size: int

    def picture(self, position: int) -> np.ndarray | None:
        """What a model sees of the image there: uint8, S x S x 3. None of one that a scenario has added or changed."""
        with suppress(OSError, ValueError, EOFError):
            path = self.folder / "images.npy"
            os.close(open_regular(path))
            pixels = np.load(path, mmap_mode="r", allow_pickle=False)
            if pixels.dtype == np.uint8 and pixels.ndim == 4 and pixels.shape[1] == 3 and 0 <= position < len(pixels):
                return np.moveaxis(centre(pixels[position], self.image_size), 0, -1).copy()
        return None


def decoded_in(directory: Path) -> dict[str, Decoded]:
    """The decoded data of the store, by the fingerprint that rows name."""
    found = {}
    for path in sorted((directory / "store" / "data").glob("*/meta.json")):
        with suppress(OSError, Damaged, KeyError, TypeError, AttributeError):
            meta: Any = read_json(path)
            stated = meta.pop(DIGEST)
            if stated == digest_of_parsed(meta) and flaw(meta["class_names"], list[str]) is None:
                names = tuple(_distinct(meta["class_names"]))
                found[str(meta["fingerprint"])] = Decoded(path.parent, names, int(meta["image_size"]))
    return found


def _distinct(names: Sequence[str]) -> Sequence[str]:
    """The names, with the number of the class where two are the same or one is empty."""
    twice = {name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else set[str]()
    return [f"{name} ({number})" if name in twice or not name.strip() else name for number, name in enumerate(names)]
