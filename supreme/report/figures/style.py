"""How methods look, in figures and in the page alike: told apart by colour and by shape, also by the colour-blind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from supreme.report.rows.labels import bare_name

COLOURS = ("#0077bb", "#ee7733", "#009988", "#cc3311", "#33aadd", "#ee3377", "#997700", "#aa4499")
"""Paul Tol's vibrant scheme, cyan a little darker, with two more of his; each readable on white and on near black."""

PATHS: Mapping[str, str] = {
    "circle": "M1 0A1 1 0 1 1-1 0A1 1 0 1 1 1 0Z",
    "square": "M-.85-.85H.85V.85H-.85Z",
    "triangle": "M0-1.05L1 .8H-1Z",
    "diamond": "M0-1.15L1.15 0L0 1.15L-1.15 0Z",
    "triangle_down": "M0 1.05L1-.8H-1Z",
    "plus": "M-.36-1.1H.36V-.36H1.1V.36H.36V1.1H-.36V.36H-1.1V-.36H-.36Z",
    "cross": "M-1-.5L-.5-1L0-.5L.5-1L1-.5L.5 0L1 .5L.5 1L0 .5L-.5 1L-1 .5L-.5 0Z",
    "star": "M0-1.5L.38-.5L1.43-.46L.6 .2L.9 1.2L0 .62L-.9 1.2L-.6 .2L-1.43-.46L-.38-.5Z",
}
"""SVG paths of the shapes, about 1 in radius."""

SHAPES = tuple(name for name in PATHS if name != "star")

INK, DARK = "ink", "#222222"
"""The colour of text, whatever the background: of the reference, and of what stands beside it; and it on paper."""

FIXED = {"reference": (INK, "star"), "retrain": (INK, "circle"), "original": (INK, "square")}
FIRST = tuple(FIXED)

LONGEST_LABEL = 24
"""Characters of a method's name in a figure; of a longer one the middle is left out."""


SHORTEST_LABEL = 13
"""The same above a narrow panel."""


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


def look_records(methods: Iterable[str]) -> list[dict[str, Any]]:
    """The data set `methods` of every figure: `method`, `label`, `brief` label, `colour`, `shape` (a path), `order`."""
    found = looks(methods)
    names, briefly = labels(found), labels(found, SHORTEST_LABEL)
    return [
        {
            "method": method,
            "label": names[method],
            "brief": briefly[method],
            "colour": DARK if look.colour == INK else look.colour,
            "shape": PATHS[look.shape],
            "order": order,
        }
        for order, (method, look) in enumerate(found.items())
    ]


def place(method: str) -> tuple[int, str]:
    """Where a method stands in a list: first the models that others are compared with, then by name."""
    name = bare_name(method)
    return (FIRST.index(name) if name in FIRST else len(FIRST), method)


def labels(methods: Iterable[str], length: int = LONGEST_LABEL) -> dict[str, str]:
    """Each method's name as figures have it: `short`, or with the part where it differs from names that look alike."""
    alike: dict[str, list[str]] = {}
    for method in methods:
        alike.setdefault(short(method, length), []).append(method)
    found = {}
    for label, group in alike.items():
        differ = (at for at, letters in enumerate(zip(*group, strict=False)) if len(set(letters)) > 1)
        start = next(differ, 0) - 2
        for method in group:
            told = label if len(group) == 1 else f"{method[: length // 3]}…{method[start : start + length // 2 + 1]}"
            taken = set(found.values())
            found[method] = told if told not in taken else f"{told[:-3]} #{len(taken) + 1}"
    return found


def short(label: str, length: int = LONGEST_LABEL) -> str:
    """The label, or its beginning and end around an ellipsis."""
    return label if len(label) <= length else f"{label[: length // 2]}…{label[-(length - length // 2 - 1) :]}"
