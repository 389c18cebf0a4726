"""SUPREME: evaluate machine-unlearning methods for image classifiers.

>>> import supreme
>>> result = supreme.evaluate(unlearned, reference, original, forget=forget, retain=retain, test=test)
>>> model = supreme.unlearn(original, "scrub", forget=forget, retain=retain)
>>> frame = supreme.sweep("method=scrub,neggrad", seed=range(10))
>>> frame = supreme.load("outputs")

Each is imported when it is first used: see `supreme/api`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from supreme.api.evaluate import evaluate
    from supreme.api.list_methods import list_methods
    from supreme.api.sweep import SweepFailedError, sweep
    from supreme.api.unlearn import unlearn
    from supreme.core import SupremeError
    from supreme.report import load

__version__ = "0.1.0"

__all__ = ["SupremeError", "SweepFailedError", "evaluate", "list_methods", "load", "sweep", "unlearn"]

_HOMES = {
    "SupremeError": "supreme.core",
    "SweepFailedError": "supreme.api.sweep",
    "evaluate": "supreme.api.evaluate",
    "list_methods": "supreme.api.list_methods",
    "load": "supreme.report",
    "unlearn": "supreme.api.unlearn",
}
"""Module of each function, which is imported when the function is first asked for."""


def __getattr__(name: str) -> Any:
    if name == "sweep":  # a room of the package, which can be called
        return importlib.import_module("supreme.sweep")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
