"""Whose code a module is."""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path
from types import ModuleType
from typing import Any

HOLDS_NO_ARITHMETIC = True  # so that no result depends on it: see supreme.store.fingerprint

OURS = "supreme"
_HERE = f"{Path(__file__).parents[2]}{os.sep}"
_LIBRARIES = (*(sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib")), "site-packages", "dist-packages")


def is_installed(module: ModuleType | None) -> bool:
    """Whether a module is Python's or of an installed distribution, and so neither ours nor the user's."""
    file = getattr(module, "__file__", None)
    return not isinstance(file, str) or not os.path.isabs(file) or _is_in_library(file)


def is_ours(name: str) -> bool:
    return name == OURS or name.startswith(f"{OURS}.")


def is_of_library(kind: type) -> bool:
    """Whether a class is Python's or of an installed distribution."""
    return not is_ours(kind.__module__) and is_installed(sys.modules.get(kind.__module__))


def is_of_user(value: Any) -> bool:
    """Whether it is a function whose code is the user's, whatever it says of itself."""
    file = getattr(getattr(value, "__code__", None), "co_filename", "")
    return os.path.isabs(file) and not file.startswith(_HERE) and not _is_in_library(file)


def is_of_package(value: Any, label: str) -> bool:
    """Whether it is a function whose code is in the distribution that this dotted name begins with."""
    file = getattr(getattr(value, "__code__", None), "co_filename", "")
    return _is_in_library(file) and f"{os.sep}{label.split('.')[0]}{os.sep}" in file


def _is_in_library(file: str) -> bool:
    return any(part in file for part in _LIBRARIES)
