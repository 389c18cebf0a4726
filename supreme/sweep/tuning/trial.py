"""One trial: what is proposed, what became of it, and how it is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

DEFAULTS = 0
"""The number of the trial that has the values which the method has without a search."""


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """Values to try."""

    method: str
    number: int
    """Of the trial in the study of its method."""
    values: Mapping[str, Any]
    """By field; empty for the trial of the defaults."""


@dataclass(frozen=True, kw_only=True)
class Tried:
    """What became of a proposal."""

    per_seed: Sequence[float] = ()
    """The objective of each training seed; empty where the trial failed."""
    sample_passes: int = 0
    """Images that went forward or backward through a model, in the method, over all training seeds."""
    error: str = ""
    """Why it failed."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A trial that has ended, as tables and files tell of it."""

    number: int
    values: Mapping[str, Any]
    """By field; of the trial of the defaults, too."""
    objective: float | None
    """The mean over training seeds; None: it failed."""
    per_seed: Sequence[float]
    sample_passes: int
    error: str = ""


def best_of(trials: Sequence[Trial], direction: str) -> Trial | None:
    """The trial with the best objective, of several the first; None where all failed."""
    done = [trial for trial in trials if trial.objective is not None]
    sign = 1 if direction == "minimize" else -1
    return min(done, key=lambda trial: (sign * (trial.objective or 0.0), trial.number), default=None)
