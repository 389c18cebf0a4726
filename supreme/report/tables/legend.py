"""What the first column and the letters of a table mean, in a sentence or two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from supreme.report.rows.columns import TableColumn
from supreme.report.tables.headline import Headline

Lines = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""For each method, and each metric it has, the line of the summary."""

MEANINGS = {
    "equivalent": ("E", "within the margins"),
    "different but negligible": ("N", "within the margins, yet different"),
    "different": ("D", "different"),
    "inconclusive": ("?", "not decided"),
    "equal": ("=", "equal in every seed"),
}
"""Of each verdict, its letter and what it says."""

HEADLINES = (
    "First column: the verdict on all primary endpoints together, and how much of the original's gap to the reference "
    "is removed, in %, on the memory endpoint where this is farthest from 100. "
)


def legend(lines: Lines, columns: Mapping[str, TableColumn], headlines: Mapping[str, Headline]) -> list[str]:
    """What the letters of a table of these lines and columns mean, and of its first column; nothing without any."""
    shown = [line_of[metric] for line_of in lines.values() for metric in columns if metric in line_of]
    first = {one.letter for one in headlines.values()}
    in_cells = {line["verdict"] for line in shown}
    told = [
        f"{letter} {text}"
        for verdict, (letter, text) in MEANINGS.items()
        if verdict in in_cells or {letter, letter.lower()} & first
    ]
    if not told:
        return []
    small = first & {"e", "n", "d"} or any(
        line["verdict"] in ("different", "different but negligible") and line["p_adjusted"] >= 0.05 for line in shown
    )
    brackets = " with E and N in brackets," if in_cells & {"equivalent", "different but negligible"} else ""
    cells = f" (in a cell,{brackets} of that cell alone)" if any(in_cells) else ""
    correction = "; small: not after correction for the number of methods" if small else ""
    bold = "; bold: shown to be the closest of all" if any(line["best"] for line in shown) else ""
    letters = f"Letters, against the reference at 5 %: {'; '.join(told)}{cells}{correction}{bold}."
    return [(HEADLINES if headlines else "") + letters]
