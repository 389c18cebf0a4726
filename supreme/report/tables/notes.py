"""The notes below a table, by how much they matter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Notes:
    """What is said below a table, the most needed first."""

    first: Sequence[str] = ()
    """What its numbers and letters are, and of how many runs."""
    invalid: Sequence[str] = ()
    """What makes a number invalid, or is missing: always said."""
    hidden: Sequence[str] = ()
    """Which columns are left out, and how to see them."""
    rest: Sequence[str] = ()
    """Said where there is room, or when asked for."""

    @property
    def every(self) -> list[str]:
        return [*self.first, *self.invalid, *self.hidden, *self.rest]

    @property
    def short(self) -> list[str]:
        """What a paper needs."""
        return [*self.first, *self.invalid]

    def told(self, *, everything: bool, wide: bool) -> list[str]:
        """These notes, or those that always matter and how to see the others; `wide` tables have the gaps."""
        if everything:
            return self.every
        more = [f"{len(self.rest)} more note{'s' * (len(self.rest) != 1)}: --notes"] if self.rest else []
        more += [] if wide else ["gaps to the reference with their intervals: --wide"]
        return [*self.short, *self.hidden, *([f"`supreme report` has {'; '.join(more)}."] if more else [])]
