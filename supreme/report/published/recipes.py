"""Which rows are of the recipe of a published table, and why the others are not: see recipes.yaml."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from supreme.report.published.files import FOLDER
from supreme.report.published.numbers import Number
from supreme.report.rows.labels import value_text
from supreme.report.rows.reading import Row

CHANGEABLE = ("data", "model", "recipe", "scenario")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What recipes.yaml says of one recipe."""

    cell: Mapping[str, Any]
    methods: Mapping[str, Mapping[str, Any] | str]
    experiment: Sequence[str]
    varies: str
    note: str


@cache
def recipes() -> dict[str, Recipe]:
    usual: dict[str, Any] = {"cell": {}, "methods": {}, "experiment": [], "note": ""}
    return {name: Recipe(**usual | node) for name, node in _file()["recipes"].items()}


@cache
def _file() -> dict[str, Any]:
    return yaml.safe_load((FOLDER / "recipes.yaml").read_text(encoding="utf-8"))


def wanted(number: Number) -> dict[str, Any]:
    """Key of the config -> what it must be for a row to stand beside this number."""
    scenario: dict[str, Any] = {}
    if number.targets:
        scenario["scenario.target"] = {"any": number.targets.split()}
    if number.fraction:
        scenario |= {"scenario.fraction": float(number.fraction), "scenario.count": None}
    names = {"data": number.data, "model": number.model, "scenario": number.scenario, "protocol": "fixed"}
    return {**names, **scenario, **recipes()[number.recipe].cell}


def differences(row: Row, number: Number) -> list[str]:
    """What keeps a row from being of the recipe and the forget set of this number; empty where nothing does."""
    keys = wanted(number)
    told = [_differs(key, _value(row, key), value) for key, value in keys.items()]
    method = recipes()[number.recipe].methods.get(row.names["method"], {})
    if isinstance(method, str):
        return [*filter(None, told), f"{row.names['method']} is published with {method}"]
    told += [_differs(f"method.{name}", row.settings["method"].get(name), value) for name, value in method.items()]
    free = _file()["free"]
    told += [
        f"{key} is changed to {value_text(row.settings[kind].get(field))}"
        for kind in CHANGEABLE
        for field in row.changed.get(kind, {})
        if (key := f"{kind}.{field}") not in keys and key not in free and field != "protocol"
    ]
    return [one for one in told if one]


def by_config(rows: Iterable[Row]) -> list[list[Row]]:
    """These rows, those that differ in seeds alone together: what holds of one of them holds of all."""
    found: dict[Any, list[Row]] = {}
    for row in rows:
        kinds = (*CHANGEABLE, "method")
        changed = tuple((kind, *row.changed.get(kind, {})) for kind in CHANGEABLE)
        key = row.protocol, changed, *((row.names[kind], id(row.settings[kind])) for kind in kinds)
        found.setdefault(key, []).append(row)
    return list(found.values())


def about_the_same(row: Row, number: Number) -> bool:
    """Whether it is of the same data, model and scenario, so that one who reads expects to find it beside."""
    keys = wanted(number)
    return all(not _differs(key, _value(row, key), keys[key]) for key in ("data", "model", "scenario"))


def _value(row: Row, key: str) -> Any:
    kind, _, field = key.partition(".")
    if key == "protocol":
        return row.protocol
    return row.settings[kind].get(field) if field else row.names[kind]


def _differs(key: str, value: Any, allowed: Any) -> str:
    """`recipe.epochs is 20, published with 200`; "" where it is as published."""
    several = allowed["any"] if isinstance(allowed, Mapping) else [allowed]
    texts = [one if isinstance(one, str) else value_text(one) for one in several]
    own = value if isinstance(value, str) else value_text(value)
    return "" if own in texts else f"{key} is {own}, published with {' or '.join(texts)}"
