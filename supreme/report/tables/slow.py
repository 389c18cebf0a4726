"""Which methods were slower than what they are to save: training the reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from supreme.report.statistics.ranking import competes

SLOW = "‡"

_SECONDS = "cost/seconds"

Lines = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""For each method, and each metric it has, the line of the summary."""


def slower_than_retraining(lines: Lines) -> dict[str, tuple[float, float]]:
    """The mean seconds of each such method, and of training the reference."""
    reference = lines.get("reference", {}).get(_SECONDS)
    if reference is None or not reference["mean"] > 0:
        return {}
    own = {method: line_of[_SECONDS]["mean"] for method, line_of in lines.items() if _SECONDS in line_of}
    return {
        method: (seconds, reference["mean"])
        for method, seconds in own.items()
        if competes(method) and seconds > reference["mean"]
    }


def slow_notes(lines: Lines) -> list[str]:
    """One sentence, where there is any such method."""
    told = [
        f"{method} {own:.3g} s against {other:.3g} s" for method, (own, other) in slower_than_retraining(lines).items()
    ]
    return [f"{SLOW} slower than training the reference: {', '.join(told)}."] if told else []
