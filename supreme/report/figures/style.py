"""How methods look, in figures and in the page alike: told apart by colour and by shape, also by the colour-blind."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from supreme.report.rows.labels import bare_name

COLOURS = ("#0077bb", "#ee7733", "#009988", "#cc3311", "#33aadd", "#ee3377", "#997700", "#aa4499")
"""Paul Tol's vibrant scheme, cyan a little darker, with two more of his; each readable on white and on near black."""

SHAPES = ("circle", "square", "triangle", "diamond", "triangle_down", "plus", "cross")

INK = "ink"
"""The colour of text, whatever the background: of the reference, and of what stands beside it."""

FIXED = {"reference": (INK, "star"), "retrain": (INK, "circle"), "original": (INK, "square")}
FIRST = tuple(FIXED)


class Look(NamedTuple):
    """A colour, `#rrggbb` or `INK`, and a shape: `star` or one of `SHAPES`."""

    colour: str
    shape: str


def looks(methods: Iterable[str]) -> dict[str, Look]:
    """One look per method label, by its place in the alphabet: 56 differ, then they repeat."""
    found: dict[str, Look] = {}
    free = 0
    for method in sorted(set(methods), key=place):
        if method in FIXED:
            found[method] = Look(*FIXED[method])
        else:
            shift = free // len(COLOURS)  # every round pairs each colour with another shape
            found[method] = Look(COLOURS[free % len(COLOURS)], SHAPES[(free + shift) % len(SHAPES)])
            free += 1
    return found


def place(method: str) -> tuple[int, str]:
    """Where a method stands in a list: first the models that others are compared with, then by name."""
    name = bare_name(method)
    return (FIRST.index(name) if name in FIRST else len(FIRST), method)
