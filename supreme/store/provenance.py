"""Where a result comes from: versions, the state of the code, the machine. torch is imported where it is asked."""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import supreme

HOLDS_NO_ARITHMETIC = True  # so that no result depends on it: see supreme.store.fingerprint

LIBRARIES = ("torch", "torchvision", "timm", "numpy", "scipy", "scikit-learn")
"""Those whose arithmetic is in the numbers. Their versions stand beside every result, and are in no key for that."""


@cache
def versions() -> dict[str, str]:
    """Of this package, of Python and of `LIBRARIES`; nothing is imported for it."""
    found = {"supreme": supreme.__version__, "python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "none"
    return found


def differences(made_by: Mapping[str, Any]) -> tuple[str, ...]:
    """What other versions than the ones here made something: "torch 2.11.0"; empty where they are the same."""
    return tuple(
        f"{name} {made_by.get(name, 'unknown')}" for name, here in versions().items() if made_by.get(name) != here
    )


@cache
def provenance(device: str) -> dict[str, Any]:
    """Versions, code state, machine, and device ("cuda", "mps", "cpu") with the threads of this process."""
    import torch

    package = Path(supreme.__file__).parent
    return {
        "versions": versions(),
        "git": _git_state(package),
        "host": platform.node(),
        "device": torch.cuda.get_device_name() if device == "cuda" else f"{device} ({platform.machine()})",
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
    }


def _git_state(package: Path) -> dict[str, Any] | None:
    """Commit of the checkout this runs from and whether it has local changes; None for an installed package."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(package), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")) != package.parent:
            return None
        return {"commit": git("rev-parse", "HEAD"), "changed": bool(git("status", "--porcelain", "-uno"))}
    except (OSError, subprocess.SubprocessError):
        return None
