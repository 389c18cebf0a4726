"""From a config node to the component it names: typed, checked, and refused in one sentence when wrong."""

from __future__ import annotations

import dataclasses
import difflib
import importlib
import inspect
from collections.abc import Mapping
from contextlib import suppress
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from supreme.core import SupremeError
from supreme.core.validation import refusals

HOLDS_NO_ARITHMETIC = True  # so that no result depends on it: see supreme.store.fingerprint

SEVERAL = ("metric", "audit", "tracker")
"""The groups of which several components are chosen at once, each with a node of its own name."""


def build(node: Mapping[str, Any] | DictConfig, what: str = "component") -> Any:
    """The component that `node["_target_"]` names, with every field taken from the node.

    Args:
        node: `_target_` and every field of the class, as a component's YAML gives them. A field whose value has a
            `_target_` itself gets the component that it names.
        what: how the user knows it, beginning with its group (`method ssd`), for the message when it is refused.

    Raises:
        SupremeError: the class does not exist; fields are unknown, missing, of the wrong type or out of their bounds.
    """
    given: Any = OmegaConf.to_container(node, resolve=True) if isinstance(node, DictConfig) else node
    values: dict[str, Any] = dict(given)
    component = _load(values.pop("_target_", None), what)
    nodes = {name for name, hint in get_type_hints(component).items() if get_origin(hint) is dict}  # kept as they are
    checked = {
        name: value if name in nodes else _inner(value, what if name == WRAPPED else f"{what}: {name}")
        for name, value in _checked(component, values, what).items()
    }
    try:
        return component(**checked)
    except (SupremeError, ValueError, TypeError) as error:
        raise SupremeError(f"{what}: {error}") from error
    except Exception as error:  # a third party's own check
        raise SupremeError(f"{what}: {type(error).__name__}: {error}") from error


def _inner(value: Any, what: str) -> Any:
    """The value of a field, built where it is a component's node."""
    return build(value, what) if isinstance(value, Mapping) and "_target_" in value else value


NETWORK = "supreme.models.network.Network"
"""The component that a plain network becomes, and its fields beside the network itself."""
FUNCTIONS = {"method": "supreme.methods.function.FunctionMethod", "metric": "supreme.metrics.function.FunctionMetric"}
"""The component that a plain function becomes, by group."""
OF_NETWORK = ("head", "mean", "std", "image_size")
STEM = "supreme.models.stem.Stem"
"""The component around a model whose YAML says `stem: cifar`."""
WRAPPED = "wrapped"
"""The field of a component that has another one of its group inside, whose values are typed as its own."""


def as_component(node: Mapping[str, Any], group: str) -> Mapping[str, Any]:
    """The node of a component, which stands around what is none.

    A model's YAML may name any function or class that makes a network, one of a method or a metric any function; and
    a model that has no `stem` of its own may be given one, where null leaves it as it is.

    Imports what lies outside of this package. What cannot be imported is left as it is, for `build` to refuse.
    """
    target = node.get("_target_") if isinstance(node, Mapping) else None
    if not isinstance(target, str) or group not in ("model", *FUNCTIONS):
        return node
    if target.startswith("supreme."):
        return _stemmed(node) if group == "model" and "stem" in node else node
    with suppress(SupremeError):
        found = imported(target, group)
        if group in FUNCTIONS and inspect.isroutine(found):
            return {"_target_": FUNCTIONS[group], "function": dict(node)}
        if group == "model" and not _is_component(found) and callable(found):
            own = {name: node.get(name) for name in OF_NETWORK}
            rest = {name: value for name, value in node.items() if name not in (*OF_NETWORK, "stem")}
            return _stemmed({"_target_": NETWORK, "network": rest, **own, "stem": node.get("stem")})
    return node


def _stemmed(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """The node without its `stem`; inside the component that replaces the first layers, unless that is null."""
    rest = {name: value for name, value in node.items() if name != "stem"}
    return rest if node["stem"] is None else {"_target_": STEM, "stem": node["stem"], WRAPPED: rest}


def imported(target: str, what: str) -> Any:
    """What lies under this full name.

    Raises:
        SupremeError: there is nothing of that name, or importing it fails.
    """
    module_name, _, name = target.rpartition(".")
    try:
        return getattr(importlib.import_module(module_name), name)
    except Exception as error:  # importing runs a third party's code
        raise SupremeError(f"{what}: _target_ {target} cannot be imported ({type(error).__name__}: {error})") from error


def _is_component(found: object) -> bool:
    return isinstance(found, type) and dataclasses.is_dataclass(found)


def _load(target: Any, what: str) -> type:
    if not isinstance(target, str) or not target:
        raise SupremeError(f"{what}: its YAML names no class; its first line must be `_target_: package.module.Class`")
    found = imported(target, what)
    if not _is_component(found):
        group = what.partition(" ")[0]
        plain = {"model": "function or class that makes an nn.Module"} | dict.fromkeys(FUNCTIONS, "plain function")
        other = f" (or, as a {group}, a {plain[group]})" if group in plain else ""
        raise SupremeError(f"{what}: _target_ {target} must be a dataclass, as every component is{other}")
    return found


def _checked(component: type, values: dict[str, Any], what: str) -> dict[str, Any]:
    names = [field.name for field in dataclasses.fields(component)]
    for given in values:
        if given not in names:
            near = difflib.get_close_matches(given, names, 1)
            hint = f"; did you mean {near[0]}?" if near else "."
            raise SupremeError(f"{what}: there is no field {given}{hint} Its fields: {', '.join(names) or 'none'}")
    if missing := [name for name in names if values.get(name, MISSING) == MISSING]:
        raise SupremeError(f"{what}: no value for {', '.join(missing)}; give it in the YAML or on the command line")
    schema = OmegaConf.structured(component)
    OmegaConf.set_readonly(schema, False)
    types = get_type_hints(component)
    wrong: dict[str, str] = {}
    for name, value in values.items():
        try:
            schema = OmegaConf.merge(schema, {name: value})
        except OmegaConfBaseException:
            wrong[name] = f"{name}={value!r} is not allowed: it must be {_name_of(types[name])}"
    checked: dict[str, Any] = OmegaConf.to_container(schema)  # type: ignore[assignment]
    typed = {name: value for name, value in checked.items() if name not in wrong}
    if found := [*wrong.values(), *refusals(component, typed, _key(what))]:
        raise SupremeError(f"{what}: {'; '.join(found)}")
    return checked


def _name_of(wanted: Any) -> str:
    if get_origin(wanted) in (Union, UnionType):
        return " | ".join(map(_name_of, get_args(wanted)))
    return "None" if wanted is type(None) else wanted.__name__ if type(wanted) is type else str(wanted)


def _key(what: str) -> str:
    """What a user types before a field of the component: `method.`, and `metric.scores.` where several are chosen."""
    component, *fields = what.split(": ")
    group, _, name = component.partition(" ")
    if not name:
        return ""
    return "".join(f"{part}." for part in (group, *([name] if group in SEVERAL else []), *fields))
