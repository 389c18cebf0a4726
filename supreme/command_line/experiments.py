"""What an experiment says of itself before Hydra composes it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from supreme.command_line.conf_folder import CONF

HOLDS_NO_ARITHMETIC = True  # so that no result depends on it: see supreme.store.fingerprint


def experiment_sweeps(words: Sequence[str], options: Sequence[str]) -> bool:
    """Whether the experiment among these words is a sweep (hydra.mode: MULTIRUN), unless hydra.mode is given.

    Hydra 1.4 does not look for the mode in an experiment any more. One that is not found, as in an installed package of
    configs, or cannot be read, is left to Hydra.

    Args:
        options: those of Hydra, `--config-dir` and its folder among them.
    """
    if any(word.startswith("hydra.mode=") for word in words):
        return False
    names = [word.partition("=")[2] for word in words if word.startswith("experiment=")]
    folders = [Path(value) for name, value in pairwise(options) if name == "--config-dir"]
    for folder in (*folders, CONF) if names else ():
        path = folder / "experiment" / f"{names[-1]}.yaml"
        if path.is_file():
            return _mode(path) == "MULTIRUN"
    return False


def _mode(path: Path) -> str:
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return ""
    hydra = content.get("hydra") if isinstance(content, dict) else None
    return str(hydra.get("mode", "")) if isinstance(hydra, dict) else ""
