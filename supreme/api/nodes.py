"""From Python objects to nodes of a config: what a worker can import is named, everything else is refused."""

from __future__ import annotations

import dataclasses
import importlib.util
import operator
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from supreme.core import SupremeError

PLAIN = (str, int, float, bool, type(None))


def node_of(component: Any, key: str) -> dict[str, Any]:
    """The node of a component: a class, a function, a `functools.partial` of one, or a dataclass instance.

    Args:
        key: what the user gave it as, for messages.

    Raises:
        SupremeError: a process of its own could not import it, or one of its values has no place in a YAML file.
    """
    if isinstance(component, partial):
        if component.args:
            raise SupremeError(
                f"{key}: give {_shown(component.func)} its arguments by name, as in functools.partial(f, width=2)"
            )
        return {"_target_": target_of(component.func, key), **_values(component.keywords, key)}
    if dataclasses.is_dataclass(component) and not isinstance(component, type):
        given = {field.name: getattr(component, field.name) for field in dataclasses.fields(component)}
        return {"_target_": target_of(type(component), key), **_values(given, key)}
    if isinstance(component, type) and dataclasses.is_dataclass(component):
        return {"_target_": target_of(component, key), **_values(_defaults(component), key)}
    return {"_target_": target_of(component, key)}


def target_of(thing: Any, key: str) -> str:
    """The import path of a class or a function.

    Raises:
        SupremeError: it has none by which another process would find this very object.
    """
    module, name = getattr(thing, "__module__", None), getattr(thing, "__qualname__", "")
    where = "put it into a file beside this one, say my_lab.py, and import it from there"
    if "ipykernel" in sys.modules:
        where = "let its cell begin with %%writefile my_lab.py, and import it from my_lab in the next one"
    if not module or not name:
        raise SupremeError(
            f"{key}: {_shown(thing)} is neither a class nor a function nor a dataclass instance, so the processes that "
            "do the work could not import it"
        )
    if name == "<lambda>":
        raise SupremeError(
            f"{key}: a lambda has no name by which the processes that do the work could import it: make it a function, "
            f"and {where}"
        )
    if "<locals>" in name:
        raise SupremeError(
            f"{key}: {name.rpartition('.')[2]} is defined inside a function, where the processes that do the work "
            f"cannot import it: {where}"
        )
    if module == "__main__":
        raise SupremeError(
            f"{key}: {name} is defined in {_main()}, which the processes that do the work cannot import: {where}"
        )
    try:
        spec = importlib.util.find_spec(module)
        found = operator.attrgetter(name)(sys.modules[module])
    except (ImportError, ValueError, KeyError, AttributeError):
        spec = found = None
    if spec is None or found is not thing:
        raise SupremeError(
            f"{key}: {module}.{name} cannot be imported as what it is here (it was made by code, or replaced): {where}"
        )
    return f"{module}.{name}"


def plain(value: Any, key: str) -> Any:
    """A value as YAML has it: text, a number, true or false, null, a list or a mapping of these, or a node.

    Raises:
        SupremeError: it is none of these.
    """
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, np.generic | np.ndarray):
        return plain(value.tolist(), key)
    if isinstance(value, list | tuple | range):
        return [plain(one, key) for one in value]
    if isinstance(value, Mapping):
        return {str(name): plain(one, f"{key}.{name}") for name, one in value.items()}
    if isinstance(value, type | partial) or callable(value) or dataclasses.is_dataclass(value):
        return node_of(value, key)
    raise SupremeError(
        f"{key}: a {type(value).__name__} is not allowed: give text, a number, true or false, None, a list, a dict, "
        "or a class or function that can be imported"
    )


def _values(given: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: plain(value, f"{key}.{name}") for name, value in given.items()}


def _defaults(component: type) -> dict[str, Any]:
    """Of a dataclass that is given without values: the defaults that it has, and `???` for those that it lacks."""
    found: dict[str, Any] = {}
    for field in dataclasses.fields(component):
        if field.default_factory is not dataclasses.MISSING:
            found[field.name] = field.default_factory()
        else:
            found[field.name] = "???" if field.default is dataclasses.MISSING else field.default
    return found


def _main() -> str:
    if "ipykernel" in sys.modules or hasattr(sys, "ps1"):
        return "this notebook or session"
    return f"{Path(sys.argv[0]).name or 'this script'}, the script that runs"


def _shown(thing: Any) -> str:
    text = repr(thing)
    return text if len(text) <= 60 else f"{text[:57]}..."
