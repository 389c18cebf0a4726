"""How many images: a share of those there are, or a number."""

from __future__ import annotations

import math
from fractions import Fraction

from supreme.core import SupremeError


def check(fraction: float | None, count: int | None) -> None:
    """Refuse what is no size: exactly one of both is given."""
    if (fraction is None) == (count is None):
        raise SupremeError(f"fraction={fraction} with count={count} is not allowed: give one and set the other to null")


def number(fraction: float | None, count: int | None, available: int) -> int:
    """The count, or the fraction of the available images, rounded up."""
    if fraction is None:
        assert count is not None
        return count
    # Up, so that it is never 0 and is what the published benchmark takes (0.001 of 17,534 is 18); in exact
    # decimals, so that 0.07 of 100 is 7 and not 7.000000000000001, which would be 8.
    return math.ceil(Fraction(str(fraction)) * available)
