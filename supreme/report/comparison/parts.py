"""The parts of a comparison as it is shown: a table for each block, a group for each metric, a line for each method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

HEADS = ("", "A", "B", "B - A", "95 % interval", "")
"""Of the columns: method, the two means, their difference with its interval, and a letter."""

EQUAL = "equal in every seed"


@dataclass(frozen=True, kw_only=True)
class Line:
    """One method and metric, as text and as numbers."""

    name: str
    first: str
    second: str
    difference: str
    interval: str
    letter: str
    mean: float
    low: float
    high: float
    """The difference and its interval as drawn; NaN where there is none."""

    @property
    def cells(self) -> Sequence[str]:
        """One for each of `HEADS`."""
        return (self.name, self.first, self.second, self.difference, self.interval, self.letter)


@dataclass(frozen=True, kw_only=True)
class Group:
    """One metric."""

    title: str
    lines: Sequence[Line]
    """Of the methods that differ."""
    equal: Sequence[str]
    """The methods that do not, but for those that never do and, in a group of costs, for all."""
    margin: float
    """NaN where there is none."""

    @property
    def equality(self) -> str:
        """What is said of these; empty where there is none."""
        return f"{EQUAL}: {', '.join(self.equal)}" if self.equal else ""


@dataclass(frozen=True, kw_only=True)
class Table:
    """One block."""

    title: str
    groups: Sequence[Group]
    equal: Sequence[str]
    """The methods that differ in no metric of the table but costs."""
    notes: Sequence[str]

    @property
    def equality(self) -> str:
        """What is said of these; empty where there is none."""
        if not self.equal:
            return ""
        return f"{EQUAL[0].upper()}{EQUAL[1:]}, whatever the metric but cost: {', '.join(self.equal)}"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """All of it."""

    names: tuple[str, str]
    """Of A and B."""
    head: Sequence[str]
    """What A and B are, and in how many pairs of rows they agree."""
    tables: Sequence[Table]
    notes: Sequence[str]
    """On both sides as a whole."""
    differences: pd.DataFrame
    """What `differences` gives."""
