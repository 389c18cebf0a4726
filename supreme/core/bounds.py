"""What an annotated type allows, as `Annotated[float, Ge(0), Lt(1)]`: the check, the words for it, and an example.

A bound stands on a type, on the entries of a list, or on either beside None. The markers are those of the package
annotated-types, and `OneOf`. A number with a bound is also finite.
"""

from __future__ import annotations

from collections.abc import Iterator, Sized
from functools import cache
from math import isfinite
from numbers import Real
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from annotated_types import BaseMetadata, Ge, GroupedMetadata, Gt, Le, Lt, MinLen, MultipleOf

from supreme.core import SupremeError

HOLDS_NO_ARITHMETIC = True

UNIONS = (Union, UnionType)


class OneOf(BaseMetadata):
    """One of these words."""

    def __init__(self, *words: str) -> None:
        self.words = words


class Or(BaseMetadata):
    """No bound: what else to type, for those who gave what is not allowed."""

    def __init__(self, words: str) -> None:
        self.words = words


CHECKED = (Gt, Ge, Lt, Le, MultipleOf, MinLen, OneOf, Or)


@cache
def annotated_types_of(component: type) -> dict[str, Any]:
    """The type of each field with its bounds.

    Raises:
        SupremeError: a bound is of a kind that cannot be checked.
    """
    hints = get_type_hints(component, include_extras=True)
    for name, hint in hints.items():
        for marker in _markers(hint):
            if not isinstance(marker, CHECKED):
                known = ", ".join(sorted(kind.__name__ for kind in CHECKED))
                raise SupremeError(f"the bound {marker} of {name} cannot be checked: give some of {known}")
    return hints


def is_allowed(hint: Any, value: Any) -> bool:
    """Whether a value, whose type is right, is within the bounds of this type."""
    base, markers = _parts(hint)
    origin, inner = get_origin(base), get_args(base)
    if not all(_keeps(value, marker) for marker in markers):
        return False
    if origin in UNIONS:
        return any(is_allowed(option, value) for option in inner)
    if origin is list:
        return isinstance(value, list | tuple) and all(is_allowed(inner[0], entry) for entry in value)
    return base is not NoneType or value is None


def _keeps(value: Any, marker: Any) -> bool:
    if isinstance(marker, Or):
        return True
    if isinstance(marker, OneOf):
        return value in marker.words
    if isinstance(marker, MinLen):
        return isinstance(value, Sized) and len(value) >= marker.min_length
    if not isinstance(value, Real) or not isfinite(value):
        return False
    number: Any = value
    match marker:
        case Gt():
            return number > marker.gt
        case Ge():
            return number >= marker.ge
        case Lt():
            return number < marker.lt
        case Le():
            return number <= marker.le
    return number % marker.multiple_of == 0


def in_words(hint: Any, plural: bool = False) -> str:
    """What this type allows: `a number above 0`."""
    base, markers = _parts(hint)
    if get_origin(base) in UNIONS:
        return ", or ".join("null" if option is NoneType else in_words(option, plural) for option in get_args(base))
    if get_origin(base) is list:
        least = next((f"{marker.min_length} or more " for marker in markers if isinstance(marker, MinLen)), "")
        return f"a list of {least}{in_words(get_args(base)[0], plural=True)}"
    for marker in markers:
        if isinstance(marker, OneOf):
            *others, last = marker.words
            return f"{', '.join(others)} or {last}" if others else last
    noun = {int: "whole number", float: "number"}.get(base, "value")
    others = [f"({marker.words})" for marker in markers if isinstance(marker, Or)]
    return " ".join([f"{noun}s" if plural else f"a {noun}", *_range(markers), *others])


def _range(markers: list[Any]) -> Iterator[str]:
    found = {type(marker): marker for marker in markers}
    if Gt in found:
        yield f"above {found[Gt].gt}"
    if Ge in found:
        yield f"from {found[Ge].ge}"
    join = "and " if Gt in found else ""
    if Lt in found:
        yield f"to below {found[Lt].lt}" if Ge in found else f"{join}below {found[Lt].lt}"
    if Le in found:
        yield f"to {found[Le].le}" if Ge in found else f"{join}up to {found[Le].le}"
    if MultipleOf in found:
        yield f"that is a multiple of {found[MultipleOf].multiple_of}"


def example(hint: Any) -> Any:
    """A value that this type allows."""
    base, markers = _parts(hint)
    if get_origin(base) in UNIONS:
        return example(next(option for option in get_args(base) if option is not NoneType))
    if get_origin(base) is list:
        least = max((marker.min_length for marker in markers if isinstance(marker, MinLen)), default=1)
        return [example(get_args(base)[0])] * least
    words = [word for marker in markers if isinstance(marker, OneOf) for word in marker.words]
    markers = [marker for marker in markers if not isinstance(marker, Or)]
    names = ("gt", "ge", "lt", "le", "multiple_of")
    limits = [getattr(marker, name) for marker in markers for name in names if hasattr(marker, name)]
    near = [value for limit in limits for value in (limit, limit + 1, limit - 1)]
    usual = 10 if base is int else 0.01
    return next((value for value in (*words, usual, *near) if is_allowed(hint, value)), usual)


def _parts(hint: Any) -> tuple[Any, list[Any]]:
    """The bare type, and the bounds that stand on it; grouped ones are taken apart."""
    if get_origin(hint) is not Annotated:
        return hint, []
    found: list[Any] = []
    for marker in hint.__metadata__:
        found += marker if isinstance(marker, GroupedMetadata) else [marker]
    return hint.__origin__, [marker for marker in found if isinstance(marker, BaseMetadata)]


def _markers(hint: Any) -> Iterator[Any]:
    """Every bound in this type; of another container than a list, which is not looked into, the whole of it."""
    base, markers = _parts(hint)
    yield from markers
    if get_origin(base) is list or get_origin(base) in UNIONS:
        for inner in get_args(base):
            yield from _markers(inner)
    elif get_args(base) and "Annotated[" in repr(base):
        yield base
