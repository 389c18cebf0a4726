"""Models that are given and not trained here: which file each cell takes them from. No torch here.

`original=/models/{seed}.pt` names one for each training seed. Such a file is known by its content: the same one in
another folder is the same model, and one that has changed is another.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from supreme.core import SupremeError
from supreme.core.patterns import fields_of, filled
from supreme.store.fingerprint import content_of

HOLDS_NO_ARITHMETIC = True  # the content of the files is in the keys

STAGES = ("original", "reference")
"""The stages whose model may be given: keys of the config that hold the pattern of its path, or null."""

TOLD_DIGITS = 12
"""Of a SHA-256, where people read it."""


def patterns_in(config: Mapping[str, Any]) -> dict[str, str]:
    """The patterns of the stages whose model is given.

    Raises:
        SupremeError: one is no path, or has a field that does not exist.
    """
    found: dict[str, str] = {}
    for stage in STAGES:
        given = config.get(stage)
        if given is None:
            continue
        if not isinstance(given, str) or not given.strip():
            raise SupremeError(
                f"{stage}={given} is not allowed: give the path of a file of weights, as in "
                f"{stage}=/models/{{seed}}.pt, or null to have it trained here"
            )
        fields_of(given, stage)
        found[stage] = given
    return found


def path_of(patterns: Mapping[str, str], stage: str, values: Mapping[str, Any]) -> Path | None:
    """The file of this stage's model; None where it is trained here. It need not exist."""
    return Path(filled(patterns[stage], values, stage)).expanduser() if stage in patterns else None


def given_content(path: Path, key: str) -> str:
    """SHA-256 of this file.

    Args:
        key: what the user typed before the path, for the message.

    Raises:
        SupremeError: there is no such file, or it cannot be read.
    """
    if not path.is_file():
        raise SupremeError(f"{key}={path} is {'a folder' if path.is_dir() else 'no file'}; give the file of weights")
    return content_of(path)


def told_of(patterns: Mapping[str, str], values: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """What a row says of its given models, by stage."""
    found: dict[str, dict[str, str]] = {}
    for stage, pattern in patterns.items():
        if path := path_of(patterns, stage, values):
            found[stage] = told(pattern, path, stage)
    return found


def told(pattern: str, path: Path, key: str) -> dict[str, str]:
    """What a row says of one file; see `given_content`."""
    return {"pattern": pattern, "file": path.name, "sha256": given_content(path.expanduser(), key)}
