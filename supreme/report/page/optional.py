"""What is told of whole methods, where this package has the functions that tell it."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from typing import Any

import pandas as pd

STATISTICS = "supreme.report.statistics"


def verdicts_of(frame: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame | None:
    """One line for each method of a block: its verdict, why, and how much of the forgotten it removed."""
    verdicts = _function("joint", "verdicts")
    return verdicts(frame, table) if verdicts else None


def leaderboard_of(frame: pd.DataFrame, table: pd.DataFrame) -> dict[str, Any] | None:
    """Methods by rank: `columns`, `lines` with a cell for each column, and `notes`."""
    leaderboard = _function("ranks", "leaderboard")
    return leaderboard(frame, table) if leaderboard else None


def _function(module: str, name: str) -> Callable[..., Any] | None:
    if importlib.util.find_spec(f"{STATISTICS}.{module}") is None:
        return None
    return getattr(importlib.import_module(f"{STATISTICS}.{module}"), name)
