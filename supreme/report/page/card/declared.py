"""What a component of this package declares, read from its source without importing it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from supreme.core import SET_NAMES
from supreme.report.catalogue.methods import PAPER

PACKAGE = Path(__file__).resolve().parents[3]


@cache
def class_of(target: str) -> ast.ClassDef | None:
    """The class that a `_target_` names; None where it is not one of this package's own."""
    module, _, name = target.rpartition(".")
    source = PACKAGE.parent.joinpath(*module.split(".")).with_suffix(".py")
    if not module.startswith(f"{PACKAGE.name}.") or not source.is_file():
        return None
    tree = ast.parse(source.read_text(encoding="utf-8"))
    return next((node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name), None)


def told_of(values: Mapping[str, Any], word: str) -> str:
    """What the docstring of a component says after this word at the beginning of a line; empty where it does not."""
    node = class_of(str(values.get("_target_", "")))
    docstring = (node and ast.get_docstring(node)) or ""
    found = re.search(rf"^{word}: (.*?)(?=\n\n|\n[A-Z][\w ]*: |\Z)", docstring, re.DOTALL | re.MULTILINE)
    return " ".join(found.group(1).split()).removesuffix(".") if found else ""


def paper_of(values: Mapping[str, Any]) -> str:
    """Title, venue and address of the paper that a component names first; empty where it names none."""
    node = class_of(str(values.get("_target_", "")))
    found = PAPER.search(" ".join(((node and ast.get_docstring(node)) or "").split()))
    return ", ".join(found.groups()) if found else ""


def components_in(values: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A component, and those that its values name in turn, as a chain of methods does."""
    if "_target_" in values:
        yield values
    for value in values.values():
        if isinstance(value, Mapping):
            yield from components_in(value)


def sets_declared(values: Mapping[str, Any]) -> list[str] | None:
    """The sets that a method declares to read, in the order of a split; None where that cannot be read here.

    One that computes its `needs`, as a chain of methods does, reads what the methods in its values read.
    """
    found: set[str] = set()
    for component in components_in(values):
        node = class_of(str(component["_target_"]))
        if node is None:
            return None
        for statement in node.body:
            if isinstance(statement, ast.AnnAssign) and ast.unparse(statement.target) == "needs" and statement.value:
                found |= {str(one.value) for one in ast.walk(statement.value) if isinstance(one, ast.Constant)}
    return [name for name in SET_NAMES if name in found]


def history_declared(values: Mapping[str, Any]) -> str:
    """Whether a method, or one in its values, declares that it reads how the original was trained: yes, depends, no.

    It depends where a method computes its `needs_history` from values of its own.
    """
    answers = {_history(component) for component in components_in(values)}
    return next((answer for answer in ("yes", "depends") if answer in answers), "no")


def _history(component: Mapping[str, Any]) -> str:
    node = class_of(str(component["_target_"]))
    holds_others = len(list(components_in(component))) > 1
    for one in node.body if node else []:
        if isinstance(one, ast.FunctionDef) and one.name == "needs_history" and not holds_others:
            return "depends"
        if isinstance(one, ast.AnnAssign) and ast.unparse(one.target) == "needs_history":
            return "yes" if isinstance(one.value, ast.Constant) and one.value.value is True else "no"
    return "no"
