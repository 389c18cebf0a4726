"""The conformance kit: does a component keep the promises that the rest of the project relies on?

For the project's own components and for anybody's: call `check_method(MyMethod(lr=0.1))` in a test. A check returns
nothing, or raises `BrokenPromise`, which names the promise. It takes about a second, on a tiny world made of blobs.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from supreme.testing.audit import TinyEnsemble, check_audit, tiny_ensemble
    from supreme.testing.checks import check_data, check_metric, check_model, check_scenario
    from supreme.testing.evaluations import tiny_evaluation
    from supreme.testing.executor import check_executor
    from supreme.testing.method import check_method
    from supreme.testing.promises import BrokenPromise
    from supreme.testing.worlds import World, tiny_class_world, tiny_data, tiny_fit, tiny_model, tiny_world

__all__ = [
    "BrokenPromise",
    "TinyEnsemble",
    "World",
    "check_audit",
    "check_data",
    "check_executor",
    "check_method",
    "check_metric",
    "check_model",
    "check_scenario",
    "tiny_class_world",
    "tiny_data",
    "tiny_ensemble",
    "tiny_evaluation",
    "tiny_fit",
    "tiny_model",
    "tiny_world",
]

_WHERE = {
    "audit": (
        "TinyEnsemble",
        "check_audit",
        "tiny_ensemble",
    ),
    "checks": (
        "check_data",
        "check_metric",
        "check_model",
        "check_scenario",
    ),
    "evaluations": ("tiny_evaluation",),
    "executor": ("check_executor",),
    "method": ("check_method",),
    "promises": ("BrokenPromise",),
    "worlds": (
        "World",
        "tiny_class_world",
        "tiny_data",
        "tiny_fit",
        "tiny_model",
        "tiny_world",
    ),
}
"""Module -> what comes from it. Most import torch, which the workers of an executor under test do not need."""


def __getattr__(name: str) -> Any:
    for module, names in _WHERE.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
