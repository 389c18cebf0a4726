"""What the notes below a table advise, in the words of whoever made its rows: a command, or a call of Python."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

HOLDS_NO_ARITHMETIC = True


@dataclass(frozen=True, kw_only=True)
class Hints:
    """One piece of advice for each thing that a table may lack."""

    seeds: str
    """How to get more training seeds."""
    floor: str
    """How to get the noise floor."""
    columns: str
    """How to see the columns that are not shown; `{}` stands for the first of their metrics."""


COMMANDS = Hints(
    seeds="sweep more, as in 'seed=range(5)'",
    floor="sweep method=retrain too, to see how far apart two retrained models are",
    columns="`supreme report --metrics '{}/*'`; results.csv has all",
)

CALLS = Hints(
    seeds="give a list of models, one for each",
    floor='give a second retrained model for each training seed, as the method "retrain", to see how far apart two are',
    columns="`result.table(['{}/*'])`; result.frame has all",
)


def hints_of(attrs: dict[Any, Any]) -> Hints:
    """Those for a frame with these `attrs`, which `supreme.evaluate` marks as its own."""
    return CALLS if attrs.get("evaluated") else COMMANDS
