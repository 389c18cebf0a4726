"""What a method asks for, read from its class and from its code: no list of names that would have to be kept."""

from __future__ import annotations

import ast
import importlib
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from supreme.core import SupremeError
from supreme.store.fingerprint import code_of

FEATURES = frozenset({"features", "head", "body"})
"""Attributes of a classifier that only a network taken apart has."""
FRESH = frozenset({"fresh", "untrained"})
"""Attributes of a context that make a new network of the same kind."""
NOT_A_METHODS = ("supreme.core.", "supreme.functional.classifier.", "supreme.recipes.", "supreme.pipeline.")
"""What a method is given, beginning so, is none of its code."""


@dataclass(frozen=True, kw_only=True)
class Requirements:
    """What a method asks for beside a network, a forget set and a retain set."""

    validation: bool
    """Images that neither trained the network nor test it."""
    whole_classes: bool
    """A forget set that is one class or several."""
    history: bool
    """The history of the network's training, which only a sweep has."""
    features: bool
    """The features that the last layer reads, so a network with a body and a head."""
    fresh: bool
    """A new network of the same kind, with other weights."""
    recipe: bool
    """The recipe that the network was trained with: to train by it, or to augment as it does."""


def requirements(method: Any) -> Requirements:
    """What this method asks for with the values that it has."""
    reads = attributes_read(method)
    return Requirements(
        validation="validation" in getattr(method, "needs", ()) and not hasattr(method, "check_split"),
        whole_classes=getattr(method, "applies_to", "any") == "class",
        history=bool(getattr(method, "needs_history", False)),
        features=bool(reads & FEATURES),
        fresh=bool(reads & FRESH),
        recipe="fit" in reads or bool(getattr(method, "augment", False)),
    )


def attributes_read(method: Any) -> frozenset[str]:
    """The names of all attributes that the code of a method reads, that of methods inside it too."""
    inner = [getattr(method, field.name) for field in fields(method)] if hasattr(method, "__dataclass_fields__") else []
    found = {name for one in inner if hasattr(one, "__dataclass_fields__") for name in attributes_read(one)}
    for thing in _reached(method if inspect.isfunction(method) else type(method)):
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(thing)))
        except (OSError, TypeError, SyntaxError):  # typed into a session that keeps no source: it tells while it runs
            continue
        found |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return frozenset(found)


def _reached(thing: Any) -> Iterator[Any]:
    """The class or function, and what of its own package it leads to."""
    yield thing
    try:
        names = code_of(f"{thing.__module__}.{thing.__qualname__}").definitions
    except SupremeError:  # of a notebook: nothing else of it can be followed
        return
    for name in names:
        module, _, last = name.rpartition(".")
        if not name.startswith(NOT_A_METHODS) and last.isidentifier():
            found = getattr(importlib.import_module(module), last, None)
            if inspect.isfunction(found) or inspect.isclass(found):
                yield found
