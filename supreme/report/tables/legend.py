"""What the letters of a table mean, in a sentence or two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from supreme.report.rows.columns import TableColumn

Lines = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""For each method, and each metric it has, the line of the summary."""

MEANINGS = {
    "equivalent": "(E) within the margin",
    "different but negligible": "(N) different, but within the margin",
    "different": "D different",
    "inconclusive": "? not decided",
    "equal": "= equal in every seed",
}
"""Of each verdict, with its letter."""


def legend_of_headlines() -> str:
    """What the first column says, where methods have a verdict."""
    return (
        "First column: the verdict on the method over all endpoints together (E indistinguishable from retraining, N "
        "different within every margin, D different, ? not decided), and how much of what tells the original from the "
        "reference is removed, in % (100: as the reference; of the endpoint where it is farthest from that)."
    )


def legend(lines: Lines, columns: Mapping[str, TableColumn]) -> list[str]:
    """What the letters of a table of these lines and columns mean; nothing where it has none."""
    shown = [line_of[metric] for line_of in lines.values() for metric in columns if metric in line_of]
    verdicts = [text for verdict, text in MEANINGS.items() if any(line["verdict"] == verdict for line in shown)]
    if not verdicts:
        return []
    small = any(
        line["verdict"] in ("different", "different but negligible") and line["p_adjusted"] >= 0.05 for line in shown
    )
    bold = "; bold: shown to be the closest of all" if any(line["best"] for line in shown) else ""
    correction = "; small: not after correction for the number of methods" if small else ""
    letters = f"Against the reference, at 5 %, for the cell alone: {', '.join(verdicts)}{correction}{bold}."
    return [letters]
