"""Labels that tell apart what differs, and no more."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any


def distinguished(entries: Sequence[tuple[tuple[str, ...], str, Mapping[str, Any]]]) -> list[str]:
    """The name of each (group, name, settings), with the settings that differ among those of its group and name."""
    members: dict[Any, dict[int, Mapping[str, Any]]] = defaultdict(dict)
    for group, name, settings in entries:
        members[group, name][id(settings)] = settings  # most entries share a few objects
    labels: dict[Any, str] = {}
    for (group, name), alike in members.items():
        variants = {
            field: {_text(settings[field]) if field in settings else None for settings in alike.values()}
            for settings in alike.values()
            for field in settings
        }
        for key, settings in alike.items():
            told = ", ".join(f"{field}={_text(settings[field])}" for field in settings if len(variants[field]) > 1)
            labels[group, name, key] = f"{name} ({told})" if told else name
    return [labels[group, name, id(settings)] for group, name, settings in entries]


def values_text(settings: Mapping[str, Any]) -> str:
    """`target=3, size=2`."""
    return ", ".join(f"{field}={_text(value)}" for field, value in settings.items())


def _text(value: Any) -> str:
    """As one would type it; 10 and 10.0 are the same value, and so have the same text."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    bare = isinstance(value, str) and re.fullmatch(r"[A-Za-z_][\w./:-]*", value) and value not in ("true", "false")
    return str(value) if bare and value != "null" else json.dumps(value)
