"""One cell of a table: what it says where there is room, and what it says in one line."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from supreme.report.rows.columns import signed, unsigned

LETTERS = {
    "equivalent": "(E)",
    "different": "D",
    "different but negligible": "(N)",
    "inconclusive": "?",
    "equal": "=",
    "": "",
}
"""Of the verdicts, E and N in brackets, since they speak of their cell alone; small where a correction for the number
of methods takes the difference away."""

_FIXED = re.compile(r"\.(\d+)(f|%)")


class Short(NamedTuple):
    """A value in one line."""

    mean: str
    spread: str = ""
    """Empty where there is none."""

    def __str__(self) -> str:
        return f"{self.mean} ± {self.spread}" if self.spread else self.mean


@dataclass(frozen=True, kw_only=True)
class Cell:
    value: str
    """`90.00 ± 7.07`."""
    gap: str = ""
    """`+2.50 [-29.27, +34.27]`; empty where there is none."""
    letter: str = ""
    best: bool = False
    short: Short
    """No more digits than the spread carries."""
    shortest: Short
    """As many as its first digit has."""


NOTHING = Cell(value="n/a", short=Short("n/a"), shortest=Short("n/a"))


def digits_of_column(lines: Iterable[Mapping[str, Any] | None], form: str) -> int | None:
    """The decimals of values of this column that have no spread of their own: as the median spread carries.

    None where the format has no fixed number of decimals, so that it is used as it is.
    """
    if (most := _decimals(form)) is None:
        return None
    spreads = [line["sd"] for line in lines if line is not None and line["sd"] > 0]
    return _carried(statistics.median(spreads), form, most) if spreads else most


def cell_of(line: Mapping[str, Any] | None, form: str, digits: int | None) -> Cell:
    """The cell of a line of the summary; `digits` is what `digits_of_column` gives."""
    if line is None or line["seeds"] == 0:
        return NOTHING
    if math.isnan(line["wilson_low"]):
        value = f"{unsigned(line['mean'], form)} ± {unsigned(line['sd'], form)}"
    else:
        ends = (unsigned(line[end], form) for end in ("wilson_low", "wilson_high"))
        value = f"{unsigned(line['mean'], form)} ({' to '.join(ends)})"
    short, shortest = (_short(line["mean"], line["sd"], form, digits, most) for most in (2, 1))
    if math.isnan(line["gap"]):
        return Cell(value=value, short=short, shortest=shortest)
    low, high = (signed(line[end], form) for end in ("gap_low", "gap_high"))
    interval = "n/a" if low == "n/a" else f"{low}, {high}"
    letter = LETTERS[line["verdict"]]
    return Cell(
        value=value,
        gap=f"{signed(line['gap'], form)} [{interval}]",
        letter=letter.lower() if line["p_adjusted"] >= 0.05 and letter in ("D", "(N)") else letter,
        best=line["best"],
        short=short,
        shortest=shortest,
    )


def _short(mean: float, spread: float, form: str, digits: int | None, significant: int) -> Short:
    """With as many decimals as the first digit of the spread has; after a 1 its second, where 2 are significant."""
    if digits is not None and spread > 0:
        digits = _carried(spread, form, _decimals(form) or 0, significant)
    shown = form if digits is None else f".{digits}{form[-1]}"
    return Short(unsigned(mean, shown), "" if math.isnan(spread) else unsigned(spread, shown))


def _carried(spread: float, form: str, most: int, significant: int = 2) -> int:
    """At most as many decimals as the column declares."""
    spread *= 100 if form.endswith("%") else 1
    first = math.floor(math.log10(spread))
    second = significant > 1 and spread / 10**first < 2
    return min(most, max(0, second - first))


def _decimals(form: str) -> int | None:
    found = _FIXED.fullmatch(form)
    return int(found[1]) if found else None
