"""Whether parsed JSON is of a type that a `TypedDict` or a dataclass declares, and where it is not."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import is_dataclass
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints, is_typeddict

HOLDS_NO_ARITHMETIC = True  # so that no result depends on it: see supreme.store.fingerprint


def flaw(value: Any, wanted: Any, where: str = "") -> str | None:
    """What of a value is of another type than wanted, as a clause: `seed is a str, not int`; None where nothing is.

    Args:
        wanted: a TypedDict or a dataclass (whose other keys do not matter), Mapping[str, ...], list[...] or
            Sequence[...], one of these or null, or types of JSON itself; True is no int, and an int is a float.
    """
    if (scalars := _scalars(wanted)) is not None:
        return None if type(value) in scalars else _told(value, wanted, where)
    if _has_fields(wanted):
        return _flaw_of_fields(value, wanted, where)
    container, inner = _container(wanted)
    if container is types.NoneType:  # another one, or null
        return None if value is None else flaw(value, inner, where)
    if not isinstance(value, container):
        return _told(value, wanted, where)
    if inner is Any or ((scalars := _scalars(inner)) is not None and _types_of(value) <= scalars):
        return None
    items = enumerate(value) if container is list else value.items()
    return next((found for at, item in items if (found := flaw(item, inner, f"{where}[{at!r}]"))), None)


def _flaw_of_fields(value: Any, wanted: Any, where: str) -> str | None:
    if not isinstance(value, dict):
        return _told(value, dict, where)
    hints = _hints(wanted)
    there = {name: hint for name, hint in hints.items() if name in value}
    optional = getattr(wanted, "__optional_keys__", frozenset())
    if lacking := [name for name in hints if name not in there and name not in optional]:
        return f"{where or 'it'} lacks {lacking[0]}"
    dot = "." if where else ""
    return next((found for name, hint in there.items() if (found := flaw(value[name], hint, where + dot + name))), None)


@cache
def _has_fields(wanted: Any) -> bool:
    return is_typeddict(wanted) or is_dataclass(wanted)


@cache
def _container(wanted: Any) -> tuple[type, Any]:
    """dict or list and the type of what is in it; NoneType and what it is where it is not null."""
    origin, options = get_origin(wanted), get_args(wanted)
    if origin in (Union, types.UnionType):
        return types.NoneType, next(option for option in options if option is not types.NoneType)
    return (dict if origin is Mapping else list), options[-1]


@cache
def _hints(wanted: Any) -> dict[str, Any]:
    return get_type_hints(wanted)


@cache
def _scalars(wanted: Any) -> frozenset[type] | None:
    """The types that a value may have; None of a type that has parts."""
    options = get_args(wanted) if get_origin(wanted) in (Union, types.UnionType) else (wanted,)
    if not all(option in (str, int, float, bool, types.NoneType) for option in options):
        return None
    return frozenset({*options, int} if float in options else options)


def _types_of(value: Any) -> set[type]:
    return set(map(type, value if isinstance(value, list) else value.values()))


def _told(value: Any, wanted: Any, where: str) -> str:
    name = wanted.__name__ if isinstance(wanted, type) and not get_args(wanted) else str(wanted)
    return f"{where or 'it'} is a {type(value).__name__}, not {name.replace('typing.', '')}"
