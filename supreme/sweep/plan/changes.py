"""What of a cell is not as its YAML files, its protocol and its preset have it: what its row is told apart by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

COMPONENTS = ("data", "model", "recipe", "scenario", "method")
NUMERICS = ("deterministic", "threads")
GIVEN = ("original", "reference")
LABELLED = (*COMPONENTS, "metric", "audit", *NUMERICS, *GIVEN)
"""The parts of a config that a row's names speak of."""

SETTING = (*LABELLED, "protocol")
"""The parts that set these; everything else says where to run and which streams to draw from."""

_CHOICES = (*COMPONENTS, "metric", "audit", "tracker", "protocol")
"""Groups of which a choice is a name, and sets no value of another group's component beside it."""


def changes(
    values: Mapping[str, Any], plain: Mapping[str, Any], names: Mapping[str, Any], choices: Iterable[str] = ()
) -> dict[str, Any]:
    """The values of a cell that are not those of the plain config with the same names, by the key that one types.

    Args:
        values: the resolved config of the cell.
        plain: that of the same components, protocol and metrics without anything else said.
        names: Hydra's choice for each group.
        choices: those that the command line made; of one inside a component, as `method@method.first=ssd`, the name
            is what is told.
    """
    found: dict[str, Any] = {}
    for part in LABELLED:
        own, theirs = values.get(part), plain.get(part)
        if own is not theirs:  # the composer has each value once
            flat, base = flat_values(own, part), flat_values(theirs, part)
            found |= {key: value for key, value in flat.items() if key not in base or base[key] != value}
            found |= dict.fromkeys(key for key in base if key not in flat)
    typed = {choice.partition("=")[0] for choice in choices}
    inside = {key.partition("@")[2]: name for key, name in names.items() if "@" in key and key in typed}
    return found | {key: name for key, name in inside.items() if key.partition(".")[0] in LABELLED}


def plain_choices(choices: Sequence[str], names: Mapping[str, Any], values: Mapping[str, Any]) -> tuple[str, ...]:
    """The choices that name what these do, and set nothing: without experiments, presets asked for and additions.

    Where there are none of these, the choices themselves, which have been composed already.
    """
    if all(_names_only(choice) for choice in choices):
        return tuple(choices)
    groups = [*COMPONENTS, "protocol", *(key for key in names if key.partition("@")[0] in COMPONENTS and "@" in key)]
    chosen = [f"{group}={names[group]}" for group in groups if names.get(group)]
    listed = [f"{group}=[{','.join(values.get(group) or {})}]" for group in ("metric", "audit")]
    return (*chosen, *listed)


def _names_only(choice: str) -> bool:
    group = choice.partition("=")[0]
    return group.partition("@")[0] in _CHOICES or group.startswith("hydra/")


def flat_values(node: Any, prefix: str) -> dict[str, Any]:
    """The values of a nested mapping by their dotted keys."""
    if not isinstance(node, Mapping):
        return {} if node is None else {prefix: node}
    found: dict[str, Any] = {}
    for name, value in node.items():
        found |= {f"{prefix}.{name}": None} if value is None else flat_values(value, f"{prefix}.{name}")
    return found
