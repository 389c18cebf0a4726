"""For which cells the values of a preset hold."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import Template
from typing import Any

from supreme.core import SupremeError
from supreme.pipeline.cell import COMPONENTS

ANY = "any"
"""Holds for every single value, and for no list of several and not for null."""

ABOUT = ("data", "model", "scenario")
"""What a preset is about: where these are others, nobody expects that it applies."""


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What must be chosen, and which values must be set, for a preset to apply."""

    choices: Mapping[str, Sequence[str]]
    """Of a group, the names of which one is to be chosen; `${data}-${model}` stands for what the cell has of these."""
    values: Mapping[str, Sequence[Any]]
    """Of a component's field, as in scenario.fraction, the values of which it is to have one."""
    conventions: Mapping[str, Any]
    """Of a field of the method, the value that the preset sets, and that the cell is to have in the end."""

    @classmethod
    def read(cls, told: object) -> Scope:
        """From what a preset says under `for`. Raises SupremeError where that is none."""
        example = (
            "for: {data: digits, model: small_cnn, scenario: random, scenario.fraction: 0.1, method.compat: paper}"
        )
        if not isinstance(told, Mapping) or not told:
            raise SupremeError(f"for: {told} is not allowed: give what the values hold for, as in {example}")
        choices, values, conventions = {}, {}, {}
        for key, allowed in told.items():
            group, dot, field = str(key).partition(".")
            if group not in COMPONENTS or (dot and not field) or (group == "method" and not dot):
                raise SupremeError(f"for: {key} is nothing that a preset can be for, as in {example}")
            if group == "method":
                conventions[field] = allowed
            else:
                (values if dot else choices)[str(key)] = allowed if isinstance(allowed, list) else [allowed]
        return cls(choices=choices, values=values, conventions=conventions)

    def is_about(self, names: Mapping[str, Any]) -> bool:
        """Whether the cell has the data, the model and the scenario that the preset is for, whatever their values."""
        return all(self._chosen(group, names) for group in ABOUT)

    def unmet(self, names: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
        """What keeps the preset from applying, conventions aside: key and what the cell has there."""
        chosen = {group: names.get(group) for group in self.choices if not self._chosen(group, names)}
        has = {key: _at(values, key) for key in self.values if key.partition(".")[0] not in chosen}
        return chosen | {key: value for key, value in has.items() if not _fits(value, self.values[key])}

    def unmet_conventions(self, method: Mapping[str, Any]) -> dict[str, Any]:
        """Those that this method, in the end, has not: key and what it has."""
        return {
            f"method.{field}": method.get(field, "absent")
            for field, value in self.conventions.items()
            if method.get(field, "absent") != value
        }

    @property
    def conditions(self) -> int:
        """How much must be as it says, conventions aside: of the presets that hold, the narrowest applies."""
        return len(self.choices) + len(self.values)

    def is_wider(self, other: Scope) -> bool:
        """Whether the other asks for all that this one does, and for more."""
        own, others = ({*scope.choices, *scope.values} for scope in (self, other))
        return own < others

    def asks(self, key: str, names: Mapping[str, Any]) -> str:
        """What it asks of a cell of these names at a key, as in scenario.fraction=0.001 or 0.01."""
        if key.startswith("method."):
            return typed(key, self.conventions[key.removeprefix("method.")])
        if key in self.choices:
            return f"{key}={' or '.join(_filled(self.choices[key], names))}"
        first, *others = self.values[key]
        return " or ".join([typed(key, "any single value" if first == ANY else first), *map(_word, others)])

    def _chosen(self, group: str, names: Mapping[str, Any]) -> bool:
        if group not in self.choices or names.get(group) in self.choices[group]:
            return True
        return names.get(group) in _filled(self.choices[group], names)


def _filled(choices: Sequence[str], names: Mapping[str, Any]) -> list[str]:
    return [Template(str(name)).safe_substitute(names) for name in choices]


def typed(key: str, value: Any) -> str:
    """A value as it is typed on the command line."""
    return f"{key}={_word(value)}"


def _word(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _at(values: Mapping[str, Any], key: str) -> Any:
    found: Any = values
    for part in key.split("."):
        found = found.get(part, "absent") if isinstance(found, Mapping) else "absent"
    return found


def _fits(value: Any, allowed: Sequence[Any]) -> bool:
    single = value is not None and value != "absent" and not isinstance(value, list)
    return any(single if one == ANY else one == value for one in allowed)
