"""Values of a table as JSON has them."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd


def plain_records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The lines of a table as values that JSON has: None in place of NaN, Python's own numbers."""
    return [{str(name): plain(value) for name, value in line.items()} for line in table.to_dict("records")]


def plain(value: Any) -> Any:
    """A value that JSON has."""
    value = value.item() if hasattr(value, "item") else value
    return None if value is None or (isinstance(value, float) and not math.isfinite(value)) else value


def short(value: Any, digits: int = 9) -> Any:
    """A float with so many significant digits, three more than the page shows of any; anything else as it is."""
    return float(f"{value:.{digits}g}") if isinstance(value, float) and math.isfinite(value) else value


def is_said(value: Any) -> bool:
    """Whether a value says something."""
    return value is not None and value is not False and value != "" and value != []
