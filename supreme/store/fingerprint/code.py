"""The code of a component: the digest of all that it can reach, and what that is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from supreme.core import SupremeError
from supreme.store.fingerprint.graph import Graph
from supreme.store.fingerprint.modules import find, forget_modules, is_installed, library
from supreme.store.fingerprint.paths import Definition, place

HOLDS_NO_ARITHMETIC = True


@dataclass(frozen=True, kw_only=True, eq=False)
class Code:
    """All that computes what a component computes."""

    digest: str
    """Of everything below but for where it lies and for what could not be followed."""
    definitions: Mapping[str, str]
    """By the name under which each definition lies now, the digest of what it says itself."""
    files: Mapping[str, str]
    """Files beside the code that it names, and the digest of each."""
    libraries: Sequence[str]
    """Distributions with their versions."""
    places: Mapping[str, str]
    """Of each definition the file and the line, as `path:12`; no part of what it is."""
    unfollowed: Sequence[str]
    """What it depends on and could not be followed, in words."""

    @property
    def warnings(self) -> list[str]:
        """A sentence, without its full stop, for each thing that could not be followed."""
        return [f"a change of {line} would go unnoticed" for line in self.unfollowed]

    def record(self) -> dict[str, Any]:
        """As JSON can say it."""
        record = asdict(self)
        del record["places"]
        return record


@cache
def code_of(target: str) -> Code:
    """The code of a class or function, by its full name.

    Raises:
        SupremeError: there is no file in which it could be found.
    """
    module_name = target.rpartition(".")[0]
    top = target.partition(".")[0]
    roots = _graph(top).find(top, target.split(".")[1:])
    if not module_name or find(module_name) is None:
        raise SupremeError(f"_target_ {target} cannot be imported: there is no module {module_name or target}")
    if not roots and is_installed(top):  # of a library, whose version says what it is
        name = library(top)
        digest = hashlib.sha256(json.dumps([target, name]).encode()).hexdigest()
        return Code(digest=digest, definitions={}, files={}, libraries=[name], places={}, unfollowed=[])
    if not roots:
        raise SupremeError(
            f"_target_ {target}: the module {module_name} lies in no file, so an edit of it could not be noticed; "
            "put the class into a file of its own"
        )
    return _code(_graph(top), roots)


def code_of_functions(functions: Iterable[Any]) -> Code:
    """The code of these functions and of the functions and objects that they close over: of what calling them does."""
    functions = list(functions)
    top = str(functions[0].__module__).partition(".")[0]
    graph, roots = _graph(top), dict[Definition, None]()
    for function in _closed_over(functions, top):
        roots |= dict.fromkeys(graph.find(function.__module__, [function.__qualname__.partition(".")[0]]))
    if not roots:
        raise SupremeError(f"{functions[0]}: its code lies in no file, so an edit of it could not be noticed")
    return _code(graph, sorted(roots, key=str))


def _closed_over(values: Iterable[Any], top: str) -> list[Any]:
    """The functions among these values and the classes of all others, as far as their code is followed."""
    found: dict[int, Any] = {}
    ahead = list(values)
    while ahead:
        value = ahead.pop()
        if isinstance(value, tuple | list):
            ahead += value
        elif isinstance(value, Mapping):
            ahead += value.values()
        elif hasattr(value, "func") and hasattr(value, "keywords"):  # functools.partial
            ahead += [value.func, *value.args, *value.keywords.values()]
        elif hasattr(value, "__func__"):  # a bound method
            ahead += [value.__func__, value.__self__]
        kind = value if isinstance(value, type) or hasattr(value, "__code__") else type(value)
        if id(kind) in found or place(str(getattr(kind, "__module__", "") or ""), top) != "followed":
            continue
        found[id(kind)] = kind
        ahead += [cell.cell_contents for cell in getattr(kind, "__closure__", None) or ()]
        ahead += getattr(kind, "__defaults__", None) or ()
    return list(found.values())


def _code(graph: Graph, roots: Sequence[Definition]) -> Code:
    reached, acting = graph.reach(roots)
    nodes = [graph.node(definition) for definition in reached]
    files = {name: digest for node in nodes for name, digest in node.files.items()}
    libraries = sorted({name for node in nodes for name in node.outside.libraries})
    said = graph.wired(reached)
    parts = [[said[one] for one in roots], sorted(said[one] for one in acting), sorted(said.values())]
    return Code(
        digest=hashlib.sha256(json.dumps([parts, sorted(files.values()), libraries]).encode()).hexdigest(),
        definitions={str(one): graph.shallow(one)[:16] for one in sorted(reached, key=str)},
        places={str(one): f"{one.module.path}:{one.statements[0].lineno if one.statements else 1}" for one in reached},
        files=files,
        libraries=libraries,
        unfollowed=sorted({line for node in nodes for line in node.outside.unfollowed}),
    )


@cache
def _graph(top: str) -> Graph:
    return Graph(top)


def forget_code() -> None:
    """Read all code anew when it is next asked for: it was edited, or what is left out of it has changed."""
    code_of.cache_clear()
    _graph.cache_clear()
    forget_modules()
