"""The arithmetic of a published table: what its numbers say of one another, and where they do not agree."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from supreme.report.published.check_rows import FLOAT, of_row, references_of, text
from supreme.report.published.numbers import Number


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One disagreement; `number` is the cell that it is told of."""

    number: Number
    sentence: str

    def __str__(self) -> str:
        return f"{self.number.place}: {_name(self.number)}: {self.sentence}."


def findings(numbers: Sequence[Number]) -> list[Finding]:
    """Every disagreement among the numbers of a file, in the order of its lines.

    Numbers are rounded as they are written, to the decimals of their source: a gap of two rounded means may be off by
    half a step for each, and what is within that is no disagreement.
    """
    steps: dict[tuple[str, str], float] = {}
    for number in numbers:
        key = number.source, number.column
        steps[key] = min(steps.get(key, 1.0), 10.0**-number.digits)
    found = [*_twice(numbers, steps)]
    for number in numbers:
        found += [Finding(number=number, sentence=told) for told in _alone(number, steps[number.source, number.column])]
    references = references_of(numbers)
    for row in _rows(numbers):
        told = of_row(row, references, max(steps[one.source, one.column] for one in row))
        found += [Finding(number=number, sentence=sentence) for number, sentence in told]
    return sorted(found, key=lambda one: one.number.line)


def _alone(number: Number, step: float) -> Iterator[str]:
    """What one number says of itself."""
    low = -1.0 if number.quantity == "gap" else 0.0
    if number.is_fraction and not low <= number.mean <= 1:
        yield f"{text(number.mean, step)} is outside {low:g} to 1; a fraction is to be given, as 0.9461 for 94.61 %"
    if number.spread is None:
        return
    if number.spread < 0:
        yield f"a spread of {text(number.spread, step)} is negative"
    elif number.seeds == 1 and number.spread > 0:
        yield f"one seed has no spread, and {text(number.spread, step)} is given"
    elif number.is_fraction and low <= number.mean <= 1 and number.quantity == "value":
        most = _most_spread(number, step)
        if number.spread > most + step / 2 + FLOAT:
            yield (
                f"a spread of {text(number.spread, step)} is impossible beside a mean of {text(number.mean, step)}: "
                f"values in [0, 1] with this mean spread by {text(most, step)} at most"
            )


def _most_spread(number: Number, step: float) -> float:
    """The largest SD that values in [0, 1] of this mean can have: SD² <= m (1 - m), times n / (n - 1) of a sample."""
    near = min(max(0.5, number.mean - step / 2), number.mean + step / 2)  # the most favourable of what was rounded
    count = number.seeds if number.seeds and number.seeds > 1 else 2
    sample = 1.0 if number.spread_kind == "population sd" else count / (count - 1)
    return math.sqrt(near * (1 - near) * sample)


def _twice(numbers: Iterable[Number], steps: Mapping[tuple[str, str], float]) -> Iterator[Finding]:
    """Cells of one recipe, method and column that are printed at several places with other values."""
    first: dict[tuple[str, ...], Number] = {}
    for number in numbers:
        key = (*number.table, number.method, number.quantity, number.metric or number.column, number.metric_values)
        other = first.setdefault(key, number)
        step = max(steps[one.source, one.column] for one in (number, other))
        for name in ("mean", "spread", "gap"):
            own, before = getattr(number, name), getattr(other, name)
            if None not in (own, before) and abs(own - before) > step / 2 + FLOAT:
                told = f"printed twice, with a {name} of {text(own, step)} here and of {text(before, step)} in"
                yield Finding(number=number, sentence=f"{told} {other.source} ({other.place})")


def _rows(numbers: Iterable[Number]) -> list[list[Number]]:
    """The cells of each line of a printed table: one method, one source, one reference."""
    rows: dict[tuple[str, ...], list[Number]] = defaultdict(list)
    for number in numbers:
        if number.quantity == "value":
            rows[(*number.table, number.source, number.method)].append(number)
    return list(rows.values())


def _name(number: Number) -> str:
    return f"{number.method}, {number.column}"
