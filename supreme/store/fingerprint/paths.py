"""How a dotted name leads from one module to the definitions that it means."""

from __future__ import annotations

import ast
import builtins
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache

from supreme.store.fingerprint.modules import Imported, Module, find, is_installed, library, read

HOLDS_NO_ARITHMETIC = True

OURS = "supreme"
PYTHON = tuple(sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib"))
"""Where the modules lie that come with Python: one of a user's that has such a name is not there."""
BASIS = frozenset({"torch", "numpy", "scipy", "sklearn", "safetensors"})
"""Libraries whose versions move no key: they stand beside every result instead (`supreme.store.provenance`), or, as
with safetensors, the library only lays out bytes."""
NO_ARITHMETIC = "HOLDS_NO_ARITHMETIC"
"""What a module of ours declares on which no number depends: it is not followed."""


@dataclass(frozen=True)
class Definition:
    """Some statements of a module that count together: a function, a class, what assigns a constant."""

    module: Module
    name: str
    """`*` of a whole module, `import` of what importing it does."""
    statements: tuple[ast.stmt, ...] = ()

    def __hash__(self) -> int:
        return hash((self.module.name, self.name))

    def __str__(self) -> str:
        return f"{self.module.name}.{self.name}"


Found = tuple[tuple[Definition, ...] | str, list[str]]
"""Definitions, or the name of something that is not followed; and what of the dotted name is left behind it."""


@dataclass
class Outside:
    """What names have led to that is not followed."""

    libraries: set[str] = field(default_factory=set)
    """Distributions with their versions."""
    unfollowed: set[str] = field(default_factory=set)
    """What could not be found or followed, in words."""


def is_ours(module: Module) -> bool:
    return module.name.partition(".")[0] == OURS


def place(module_name: str, top: str) -> str:
    """followed, python (with what is built in, and the basis), library, or missing.

    Args:
        top: the outermost package, or the module, that the component lies in.
    """
    return _place(module_name.partition(".")[0], top)


@cache
def _place(outermost: str, top: str) -> str:
    if outermost in (top, OURS):
        return "followed" if find(outermost) and outermost != "__main__" else "missing"
    if outermost in BASIS:
        return "python"
    if (spec := find(outermost)) is None:
        return "missing"
    if spec.origin in ("built-in", "frozen") or (str(spec.origin).startswith(PYTHON) and not is_installed(outermost)):
        return "python"
    return "library" if is_installed(outermost) else "followed"


class Paths:
    """Follows names for components of one outermost package, and notes what it could not follow."""

    def __init__(self, top: str) -> None:
        self.top = top
        self.outside = Outside()
        """Of the definition that is being read: set anew for each."""

    def resolve(self, module: Module, names: list[str], imported: Iterable[Imported] | None = None) -> Found | None:
        """Where a dotted name leads that stands in a module; `imported` is what a local import binds its start to."""
        if imported is None:
            return _together(self._look_up(module, names, frozenset()))
        return _together([self.follow(*_start(one, names[1:])) for one in imported])

    def follow(self, module_name: str, names: list[str], seen: frozenset[tuple[str, str]] = frozenset()) -> Found:
        """From a module on, by attributes."""
        where = place(module_name, self.top)
        if where == "library":
            self.outside.libraries.add(library(module_name.partition(".")[0]))
        elif where == "missing":
            self.outside.unfollowed.add(f"the module {module_name}, which is not found,")
        if where != "followed":
            return ".".join([module_name, *names]), []
        module = read(module_name)
        if module is not None and NO_ARITHMETIC in module.bindings and is_ours(module):
            return ".".join(names), []
        if not names:
            return self._whole(module_name), []
        if module is not None and module.bindings.get(names[0]):
            found = _together(self._look_up(module, names, seen))
            return found or (".".join(names), [])
        if find(f"{module_name}.{names[0]}") is not None:
            return self.follow(f"{module_name}.{names[0]}", names[1:], seen)
        if module is None:
            self.outside.unfollowed.add(f"{module_name}.{names[0]}, which is not found,")
        elif module.stars and (found := _together(self._look_up(module, names, seen))):
            return found
        return self._whole(module_name), names  # a name that comes about while it runs: __getattr__, globals()

    def whole(self, module_name: str) -> list[Definition]:
        """The definition that stands for all of a module, if it is one that is followed."""
        found, _ = self.follow(module_name, [])
        return [] if isinstance(found, str) else list(found)

    def _whole(self, module_name: str) -> tuple[Definition, ...] | str:
        module = read(module_name)
        return (Definition(module, "*"),) if module else module_name

    def _look_up(self, module: Module, names: list[str], seen: frozenset[tuple[str, str]]) -> list[Found]:
        """All that a name may be bound to in a module: an `if` or a `try` can bind it more than once."""
        first, rest = names[0], names[1:]
        if (module.name, first) in seen:
            return []
        seen |= {(module.name, first)}
        bound = module.bindings.get(first, [])
        found: list[Found] = []
        if statements := statements_of(bound):
            found.append(((Definition(module, first, statements),), rest))
        found += [self.follow(*_start(one, rest), seen) for one in bound if isinstance(one, Imported)]
        if not found and not hasattr(builtins, first):
            found = [self.follow(name, [], seen) for name in module.stars]
            if not found and not is_ours(module) and not first.startswith("__"):
                found = [(self._whole(module.name), names)]  # bound in a way that cannot be seen
        return found


def statements_of(bound: Iterable[ast.stmt | Imported]) -> tuple[ast.stmt, ...]:
    """Those that are statements of the module itself, each once."""
    return tuple(dict.fromkeys(one for one in bound if not isinstance(one, Imported)))


def _start(imported: Imported, rest: list[str]) -> tuple[str, list[str]]:
    return imported.module, [*([imported.name] if imported.name else []), *rest]


def _together(found: list[Found]) -> Found | None:
    """The definitions of all; where there are none, the first name of something else."""
    of_ours = [(targets, rest) for targets, rest in found if not isinstance(targets, str)]
    if of_ours:
        return tuple(dict.fromkeys(one for targets, _ in of_ours for one in targets)), of_ours[0][1]
    return found[0] if found else None
