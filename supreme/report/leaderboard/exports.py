"""What a leaderboard is made of: the rows, audits, failures and card of one export, and what of them was checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Check:
    """A row whose metrics were computed again from the predictions in its export, and had the same values."""

    metrics: Sequence[str]
    """Names of the metrics that were computed again."""
    left: Mapping[str, str]
    """By the name of each other metric, why it was not."""


@dataclass(frozen=True, kw_only=True)
class Export:
    """One file, unpacked."""

    name: str
    """Of the file, without its folder."""
    digest: str
    """SHA-256 of the digests of all its files: the same wherever and whenever it was written."""
    folder: Path
    """Has rows, audits and failures, as an output directory has."""
    card: str
    """Its evaluation card as YAML; empty where it has none."""
    checks: Mapping[str, Check]
    """By cell; nothing of an export without predictions."""
