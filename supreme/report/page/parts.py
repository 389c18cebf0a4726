"""The parts of the page's data: each is JSON, gzipped, in base64, and is unpacked only when it is needed."""

from __future__ import annotations

import base64
import gzip
import json
import math
from collections.abc import Mapping
from typing import Any

_POOLED = 48
"""A value whose JSON is longer is stored once."""


class Pool:
    """Values that occur many times, each stored once: `{"$": 7}` stands for the eighth of `values`."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._places: dict[str, int] = {}
        self._packed: dict[str, Any] = {}

    def packed(self, value: Any) -> Any:
        """The value, with what is long inside it, or the whole of it, replaced by its place in the pool."""
        if not isinstance(value, (dict, list, tuple)):  # not Mapping: a sweep of 10,000 cells asks a million times
            return None if isinstance(value, float) and not math.isfinite(value) else value
        seen = json.dumps(value)
        if seen not in self._packed:
            self._packed[seen] = self._packed_first(value)
        return self._packed[seen]

    def _packed_first(self, value: Any) -> Any:
        if isinstance(value, dict):
            inside: Any = {str(name): self.packed(one) for name, one in value.items()}
        else:
            inside = [self.packed(one) for one in value]
        text = json.dumps(inside, separators=(",", ":"))
        if len(text) <= _POOLED and not (isinstance(inside, dict) and "$" in inside):
            return inside
        if text not in self._places:
            self._places[text] = len(self.values)
            self.values.append(inside)
        return {"$": self._places[text]}


def as_scripts(parts: Mapping[str, Any]) -> str:
    """A script element for each part, of a type that no browser runs; base64 has nothing that could end one."""
    return "\n".join(
        f'<script type="application/gzip;base64" id="part-{name}">{zipped(value)}</script>'
        for name, value in parts.items()
    )


def zipped(value: Any) -> str:
    """A value of JSON as the page carries it; the same value gives the same text."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def unzipped(text: str) -> Any:
    """The value of which `zipped` made the text."""
    return json.loads(gzip.decompress(base64.b64decode(text)))
