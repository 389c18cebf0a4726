"""What the rows of an output directory refer to."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from supreme.core.canonical import Damaged, read_json
from supreme.core.row import OtherSchema, read_row

Use = Literal["used", "unused", "unknown"]
"""Whether a row refers to it; unknown where it does not say whose it is."""

MODELS = ("original", "reference", "unlearned")
"""The stages whose keys a row holds; every other artefact says in its record, under "of", which of these it is of."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row, as far as the store is concerned."""

    cell: str
    method: str
    seed: int
    owners: Sequence[tuple[str, str]]
    """What it refers to: the key of each model as (stage, key), its kind of model, its decoded data."""


class Rows:
    """The rows of one output directory, those of trials of its searches among them, found by what they refer to."""

    def __init__(self, directory: Path) -> None:
        self.rows: list[Row] = []
        self.unreadable: list[Path] = []
        """Those that do not say what they refer to."""
        self._by_owner: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
        for path in sorted([*directory.glob("rows/*.json"), *directory.glob("studies/*/rows/*.json")]):
            if (row := _read(path)) is None:
                self.unreadable.append(path)
                continue
            for owner in row.owners:
                self._by_owner[owner].add(len(self.rows))
            self.rows.append(row)

    def naming(self, stage: str, key: str, owner: Mapping[str, Any] | None) -> tuple[Use, list[Row]]:
        """Whether rows refer to this artefact, and which.

        Args:
            owner: what its record says under "of": {"reference": key}, say, or {"untrained": the model's config}.
        """
        if stage in MODELS:
            owner = {stage: key}
        if not isinstance(owner, Mapping) or not owner:
            return "unknown", []
        found = set.intersection(*(self._by_owner[name, _text(value)] for name, value in owner.items()))
        return ("used" if found else "unused"), [self.rows[number] for number in sorted(found)]

    def of_data(self, fingerprint: str) -> list[Row]:
        return self.naming("data", "", {"data": fingerprint})[1]


def _read(path: Path) -> Row | None:
    """What a row refers to, also one of an older schema: the sweep that makes it again needs the same models."""
    try:
        try:
            content: Any = read_row(path)
        except OtherSchema:
            content = read_json(path)
        provenance = content["provenance"]
        return Row(
            cell=str(content["cell"]),
            method=str(content["method"]),
            seed=int(content["seed"]),
            owners=(
                *((stage, str(provenance["keys"][stage])) for stage in MODELS),
                ("untrained", _text(content["config"]["model"])),
                ("data", str(provenance["data_fingerprint"])),
                *(("code", str(digest)) for digest in provenance.get("depends", {}).get("code", {}).values()),
            ),
        )
    except (OSError, Damaged, ValueError, KeyError, TypeError):
        return None


def _text(owner: Any) -> str:
    return owner if isinstance(owner, str) else json.dumps(owner, sort_keys=True)
