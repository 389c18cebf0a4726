"""One line of a published table: whether its gaps and averages are those of its means and spreads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from supreme.report.published.numbers import REFERENCE, Number

FLOAT = 1e-9
"""What binary fractions leave of equal decimals."""

_CHANCE = 10
"""Steps of the last decimal up to which a spread and a gap are equal by chance too often."""

Table = tuple[str, ...]
References = Mapping[Table, Mapping[str, Number]]
"""Of each table the line of the retrained model, by column."""

Told = Iterator[tuple[Number, str]]
"""Cells, and a sentence on each."""

_TABLE = ("recipe", "data", "model", "scenario", "targets", "fraction")


def text(value: float | None, step: float) -> str:
    """A number with the decimals of its table, at least one."""
    return "nothing" if value is None else f"{value:.{max(1, len(f'{step:.9f}'.rstrip('0')) - 2)}f}"


def references_of(numbers: Iterable[Number]) -> References:
    found: dict[Table, dict[str, Number]] = defaultdict(dict)
    for number in numbers:
        if number.method == REFERENCE and number.quantity == "value":
            found[number.table].setdefault(number.column, number)
    return found


def of_row(row: Sequence[Number], references: References, step: float) -> Told:
    """Every disagreement within the cells of one method."""
    own = references.get(row[0].table, {})
    if row[0].method != REFERENCE:
        yield from _gaps(row, own, references, step)
    yield from _spreads(row, {} if row[0].method == REFERENCE else own, step)


def _gaps(row: Sequence[Number], own: Mapping[str, Number], references: References, step: float) -> Told:
    """The printed gaps, and their average."""
    gaps = {one.column: abs(one.mean - own[one.column].mean) for one in row if one.column in own}
    off = [
        one for one in row if one.gap is not None and one.column in gaps and _differ(gaps[one.column], one.gap, step)
    ]
    average = _first(row, "average_gap")
    whole = len(gaps) == len(row)
    if len(off) > 1 and (other := _fitting(row, references, step)):
        columns = ", ".join(one.column for one in off)
        printed, right = (", ".join(text(value, step) for value in values) for values in _both(off, gaps))
        yield (
            off[0],
            f"the gaps of {columns} are printed as {printed}, and to its own reference ({own[off[0].column].place}) "
            f"they are {right}; they fit the reference of {_apart(other, row[0])} ({other.place})",
        )
        return
    mixed = _mean([gaps.get(one.column, 0.0) if one.gap is None else one.gap for one in row])
    fits_means = average is not None and whole and not _differ(_mean(gaps.values()), average, step)
    fits_printed = average is not None and whole and not _differ(mixed, average, step)
    for one in off:
        mean = own[one.column].mean
        fitting = min((mean + one.gap, mean - one.gap), key=lambda value: abs(value - one.mean)) if one.gap else mean
        hint = "; the printed average fits the latter" if fits_means else f"; a mean of {text(fitting, step)} would fit"
        hint += ", and so does the printed average" if fits_printed and not fits_means else ""
        yield (
            one,
            f"the gap is printed as {text(one.gap, step)}, and |{text(one.mean, step)} - {text(mean, step)}| is "
            f"{text(gaps[one.column], step)}{hint}",
        )
    if average is not None and whole and not fits_means and not (off and fits_printed):
        told = f"the average gap is printed as {text(average, step)}, and the gaps of the means average to"
        yield row[0], f"{told} {text(_mean(gaps.values()), step)}"


def _both(off: Sequence[Number], gaps: Mapping[str, float]) -> tuple[list[float | None], list[float]]:
    return [one.gap for one in off], [gaps[one.column] for one in off]


def _fitting(row: Sequence[Number], references: References, step: float) -> Number | None:
    """A line of the reference of another table that every printed gap of this row fits; None where there is none."""
    printed = [one for one in row if one.gap is not None]
    for table, other in references.items():
        if table != row[0].table and all(one.column in other for one in printed):
            gaps = [(abs(one.mean - other[one.column].mean), one.gap) for one in printed]
            if not any(_differ(gap, told, step) for gap, told in gaps):
                return other[printed[0].column]
    return None


def _apart(other: Number, own: Number) -> str:
    """`fraction 0.1`: what tells the table of one number from that of another."""
    pairs = zip(_TABLE, other.table, own.table, strict=True)
    return ", ".join(f"{name} {theirs}" for name, theirs, ours in pairs if theirs != ours)


def _spreads(row: Sequence[Number], own: Mapping[str, Number], step: float) -> Told:
    """The printed average of the spreads, and spreads that are the gap beside them."""
    spreads = [one.spread for one in row if one.spread is not None]
    average = _first(row, "average_spread")
    if average is not None and len(spreads) == len(row):
        if not _differ(_mean(spreads), average, step):
            return  # so a spread that equals the gap beside it is one
    else:
        average = None
    copied = [one for one in row if one.column in own and _is_gap(one, own[one.column], step)]
    for one in copied:
        hint = "a copy of it, or chance; the row's average_spread would tell"
        if average is not None and one.spread is not None:
            fitting = average * len(row) - sum(spreads) + one.spread
            hint = f"the printed average of the spreads, {text(average, step)}, fits {text(fitting, step)}"
        yield one, f"its spread is printed as {text(one.spread, step)}, which is its gap to the reference: {hint}"
    if average is not None and not copied:
        told = f"the average spread is printed as {text(average, step)}, and the spreads average to"
        yield row[0], f"{told} {text(_mean(spreads), step)}"


def _is_gap(one: Number, reference: Number, step: float) -> bool:
    spread = one.spread or 0.0
    return spread > _CHANCE * step and abs(abs(one.mean - reference.mean) - spread) < step / 2 - FLOAT


def _differ(computed: float, printed: float | None, step: float) -> bool:
    """Beyond what rounding two means and the printed number explains."""
    return printed is not None and abs(computed - printed) > 1.5 * step + FLOAT


def _first(row: Iterable[Number], name: str) -> float | None:
    return next((value for one in row if (value := getattr(one, name)) is not None), None)


def _mean(values: Iterable[float]) -> float:
    told = list(values)
    return sum(told) / len(told)
