"""A dimension of a search space: the values that a search may give a field, in the words of Hydra's overrides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, Override, RangeSweep
from hydra.errors import HydraException

from supreme.core import SupremeError

DIGITS = 3
"""Significant digits of a number that a search proposes: a preset is to be read by people."""

ALLOWED = "choice(0.1, 1, 10), range(1, 11), interval(0, 1) or, on a logarithmic scale, tag(log, interval(1e-5, 1e-2))"

Plain = str | int | float | bool


@dataclass(frozen=True, kw_only=True)
class Dimension:
    """The values that one field may have: listed, or numbers from low to high."""

    text: str
    """As it was written."""
    choices: tuple[Plain, ...] = ()
    low: float = 0
    high: float = 0
    """Both are among the values."""
    step: float | None = None
    """Between values; None: every number. Integers throughout: a dimension of whole numbers."""
    log: bool = False

    def distribution(self) -> Any:
        """The same for Optuna."""
        from optuna import distributions

        if self.choices:
            return distributions.CategoricalDistribution(self.choices)
        if self.is_whole:
            step = 1 if self.step is None else int(self.step)
            return distributions.IntDistribution(int(self.low), int(self.high), log=self.log, step=step)
        return distributions.FloatDistribution(self.low, self.high, log=self.log, step=self.step)

    @property
    def is_whole(self) -> bool:
        return all(isinstance(number, int) for number in (self.low, self.high, self.step) if number is not None)

    def holds(self, value: object) -> bool:
        """Whether the value is one of these."""
        if self.choices:
            return any(type(one) is type(value) and one == value for one in self.choices)
        if isinstance(value, bool) or not isinstance(value, int | float) or not self.low <= value <= self.high:
            return False
        return self.step is None or abs((value - self.low) / self.step - round((value - self.low) / self.step)) < 1e-9

    def rounded(self, value: Any) -> Any:
        """A proposed value as it is tried."""
        if self.choices or self.is_whole or self.step is not None:
            return value
        return min(max(float(f"{value:.{DIGITS}g}"), self.low), self.high)

    def extremes(self) -> Sequence[Plain]:
        """All choices, or the smallest and the largest number."""
        if self.choices:
            return self.choices
        return (int(self.low), int(self.high)) if self.is_whole else (self.low, self.high)


def dimension(where: str, text: object) -> Dimension:
    """What a text such as `tag(log, interval(1e-5, 1e-2))` spans.

    Args:
        where: the field, for messages.

    Raises:
        SupremeError: it spans nothing, or is written otherwise.
    """
    refused = SupremeError(f"{where}: {text} is no range of values to search: give {ALLOWED}")
    if not isinstance(text, str):
        raise refused
    try:
        override: Override = OverridesParser.create().parse_override(f"field={text}")
    except HydraException:
        raise refused from None
    sweep: Any = override.value()
    if not isinstance(sweep, ChoiceSweep | RangeSweep | IntervalSweep):
        raise refused
    if unknown := set(sweep.tags or ()) - {"log"}:
        raise SupremeError(f"{where}: {text}: tag {sorted(unknown)[0]} means nothing here; there is tag(log, ...)")
    log = "log" in (sweep.tags or ())
    found = _choices(text, sweep) if isinstance(sweep, ChoiceSweep) else _numbers(text, sweep, log)
    if found is None or (not found.choices and not found.low < found.high):
        raise refused
    if log and (found.choices or found.low <= 0):
        raise SupremeError(f"{where}: {text}: a logarithmic scale needs numbers above 0, as in {ALLOWED}")
    return found


def _choices(text: str, sweep: Any) -> Dimension | None:
    values = [getattr(one, "text", one) for one in sweep.list]  # a quoted string is an object of Hydra's
    plain = all(isinstance(one, Plain) for one in values)
    return Dimension(text=text, choices=tuple(values)) if plain and len(values) > 1 else None


def _numbers(text: str, sweep: Any, log: bool) -> Dimension | None:
    if isinstance(sweep, IntervalSweep):
        low, high = sweep.start, sweep.end  # whole ones where the text says int(interval(1, 4))
        whole = isinstance(low, int) and isinstance(high, int)
        return Dimension(text=text, low=low or 0, high=high or 0, step=1 if whole and not log else None, log=log)
    values = list(sweep.range())
    if len(values) < 2:
        return None
    return Dimension(text=text, low=values[0], high=values[-1], step=None if log else values[1] - values[0], log=log)
