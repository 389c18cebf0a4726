"""Paths of which there is one for each training seed: `/models/{seed}.pt` names a file for each cell of a sweep."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from typing import Any

from supreme.core.errors import SupremeError

HOLDS_NO_ARITHMETIC = True  # the content of the file that a path names is in the keys

FIELDS = ("seed", "forget", "reference", "unlearn", "class")
"""What may stand in braces: the training seed, the other streams' numbers, and the class that is forgotten."""

PATHS = ("path", "file")
"""The fields of a component's node that may hold a pattern."""

_BARE = re.compile(r"(?P<key>[\w.@/]+)=(?P<path>[^\s'\"\[\]{},=][^'\",]*|~[^'\",]*)")
_NAMED = re.compile(r"\{\w+\}")


def fields_of(pattern: str, key: str) -> list[str]:
    """The names that stand in the braces of this pattern.

    Args:
        key: what is typed before the pattern, `original` in original=/models/{seed}.pt, for the message.

    Raises:
        SupremeError: another name stands there, or a brace stands alone.
    """
    told = ", ".join(f"{{{name}}}" for name in FIELDS)
    try:
        parsed = [(name, form, how) for _, name, form, how in string.Formatter().parse(pattern) if name is not None]
    except ValueError as error:
        raise SupremeError(f"{key}={pattern} has a brace without its other half; a path may hold {told}") from error
    for name, form, how in parsed:
        if name not in FIELDS or form or how:
            raise SupremeError(f"{key}={pattern} has {{{name}}}, and a path may hold {told}")
    return [name for name, _, _ in parsed]


def filled(pattern: str, values: Mapping[str, Any], key: str) -> str:
    """The path that this pattern names where its fields have these values.

    Raises:
        SupremeError: see `fields_of`; or there is no value for a field, of the class where no class is forgotten.
    """
    for name in fields_of(pattern, key):
        if values.get(name) is None:
            raise SupremeError(f"{key}={pattern} has {{{name}}}, and this scenario forgets no class; leave it out")
    return pattern.format_map({name: _text(value) for name, value in values.items()})


def filled_node(node: Mapping[str, Any], values: Mapping[str, Any], group: str) -> Mapping[str, Any]:
    """The node of a component with paths in place of patterns: of its values that are called so, at any depth."""
    found: dict[str, Any] = {}
    for name, value in node.items():
        if isinstance(value, Mapping):
            changed: Any = filled_node(value, values, f"{group}.{name}")
        elif name in PATHS and isinstance(value, str) and "{" in value:
            changed = filled(value, values, f"{group}.{name}")
        else:
            changed = value
        if changed is not value:
            found[name] = changed
    return {**node, **found} if found else node


def _text(value: Any) -> str:
    return "-".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def quoted(argument: str) -> str:
    """The command-line argument with its path in quotes where it is a pattern, which Hydra would take for a mapping.

    `original=/models/{seed}.pt` becomes `original="/models/{seed}.pt"`; what is quoted already, or no such path, stays.
    """
    found = _BARE.fullmatch(argument)
    if not found or not _NAMED.search(found["path"]):
        return argument
    return f'{found["key"]}="{found["path"]}"'
