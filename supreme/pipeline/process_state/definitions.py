"""What names mean in this process: functions, classes, constants and containers of modules that numbers pass through.

Watched are the modules of ours and of the user (what is not installed) with their classes, and of installed ones those
that ours refer to by name, and torch's namespaces of modules, functions and optimizers. What is compared is identity:
holding on to what was there makes it impossible for another object to look the same.
"""

from __future__ import annotations

import builtins
import ctypes
import math
import random
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from operator import attrgetter, is_
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from supreme.pipeline.process_state.origin import is_installed, is_of_library, is_of_package, is_of_user, is_ours
from supreme.pipeline.process_state.settings import Change

HOLDS_NO_ARITHMETIC = True  # so that no result depends on it: see supreme.store.fingerprint

CORE = ("torch", "torch.nn", "torch.nn.functional", "torch.optim", "torch.nn.init", "torch.autograd", "torch.linalg")
"""Where people look up torch's functions and classes."""
FAMILIES = ("torch.nn.modules.", "torch.optim.")
"""Their modules, in which torch itself looks up what it calls."""
WRAPPERS = ("Optimizer.profile_hook_step.", "DisableContext.", "_disable_dynamo.")
"""With what torch wraps functions itself, when an optimizer is first made or its compiler imported: no number moves."""
CODE, DEFAULTS = attrgetter("__code__"), attrgetter("__defaults__")


@dataclass
class _Space:
    """A module, a class, or an object that a module names."""

    label: str
    holder: Any
    names: Mapping[str, Any]
    saved: dict[str, Any] = field(init=False)
    own: bool
    """Whether it is ours or the user's: then no name in it may be new."""

    def __post_init__(self) -> None:
        self.saved = dict(self.names)

    def changes(self) -> Iterator[Change]:
        now = dict(self.names)
        for name in self.saved.keys() | now.keys():
            before, after = self.saved.get(name, self), now.get(name, self)
            if before is not after and self._counts(name, before, after):
                what = "added" if before is self else "removed" if after is self else "replaced"
                yield Change(f"{self.label}.{name} {what}", partial(self._put, name, before))

    def _put(self, name: str, before: Any) -> None:
        delattr(self.holder, name) if before is self else setattr(self.holder, name, before)

    def _counts(self, name: str, before: Any, after: Any) -> bool:
        """Whether it can move what others compute: an import adds names, and libraries keep notes in private ones."""
        if _is_wrapped_by_torch(_inherited(self.holder, name) if before is self else before, after):
            return False
        if before is self and isinstance(self.holder, ModuleType):
            hides = hasattr(builtins, name)
            return hides or (self.own and not isinstance(after, ModuleType) and not name.startswith("__"))
        if self.own:
            return not name.startswith("__") or callable(after)
        if not callable(before) and not callable(after):
            return not (name.startswith("_") or before is None or _is_equal(before, after))
        return True


def _inherited(holder: Any, name: str) -> Any:
    bases = holder.__mro__[1:] if isinstance(holder, type) else ()
    return next((vars(base)[name] for base in bases if name in vars(base)), None)


def _is_wrapped_by_torch(before: Any, after: Any) -> bool:
    same = all(getattr(before, name, "") == getattr(after, name, None) for name in ("__module__", "__qualname__"))
    return same and is_of_package(after, "torch") and after.__code__.co_qualname.startswith(WRAPPERS)


def _is_equal(one: Any, other: Any) -> bool:
    try:
        return type(one) is type(other) and bool(one == other)
    except Exception:
        return False


class Definitions:
    """Made once in a process; afterwards it only learns of modules that are new."""

    def __init__(self) -> None:
        self._spaces: list[_Space] = []
        self._of_users: list[_Space] = []
        self._views: list[Any] = []
        self._saved: list[Any] = []
        self._addresses = b""
        self._functions: list[FunctionType] = []
        self._codes: list[Any] = []
        self._defaults: list[Any] = []
        self._containers: list[tuple[str, Any, Any]] = []
        self._modules: dict[str, ModuleType] = {}
        self._known: set[int] = set()
        self._count = 0

    def learn(self) -> list[Change]:
        """Take in what was imported since the last time; returns what of ours was changed since its import."""
        if len(sys.modules) == self._count:
            return []
        self._count = len(sys.modules)
        loaded = {name: module for name, module in list(sys.modules.items()) if isinstance(module, ModuleType)}
        new = [
            (name, module)
            for name, module in loaded.items()
            if name not in self._modules and self._is_own(name, module)
        ]
        planted: list[Change] = []
        for name, module in new:
            self._modules[name] = module
            planted += _planted(name, module) if is_ours(name) else []
            self._watch(name, module, own=True)
            self._watch_members(name, module)
        for name, module in loaded.items():
            if name in CORE or name.startswith(FAMILIES):
                self._watch(name, module, own=False)
                for found in [value for value in vars(module).values() if _is_of_family(value)]:
                    self._watch(f"{found.__module__}.{found.__qualname__}", found, own=False)
        for module in (builtins, math, random):
            self._watch(module.__name__, module, own=False)
        return planted

    def _is_own(self, name: str, module: ModuleType) -> bool:
        return is_ours(name) or (module is not sys.modules.get("__main__") and not is_installed(module))

    def _is_of_user(self, kind: type) -> bool:
        """Whether objects of this class hold what our code or the user's thinks of: a logger, say, does not."""
        return kind is SimpleNamespace or not is_of_library(kind)

    def _watch_members(self, name: str, module: ModuleType) -> None:
        """Classes, containers and objects of one of our modules or of the user's, and what these refer to elsewhere."""
        for member, value in list(vars(module).items()):
            label = f"{name}.{member}"
            if member.startswith("__"):
                continue
            if isinstance(value, ModuleType):
                if value.__name__ not in sys.builtin_module_names or value.__name__ in ("math", "time"):
                    self._watch(value.__name__, value, own=False)
            elif isinstance(value, type):
                self._watch(f"{value.__module__}.{value.__qualname__}", value, own=value.__module__ == name)
                if value.__module__ == name:
                    self._contain(vars(value), f"{name}.{value.__qualname__}")
            elif isinstance(getattr(value, "__dict__", None), dict) and self._is_of_user(type(value)):
                self._watch(label, value, own=False)
        self._contain(vars(module), name)

    def _contain(self, names: Mapping[str, Any], label: str) -> None:
        if label.startswith("supreme.pipeline.process_state"):  # it changes as the process is looked at
            return
        for member, value in list(names.items()):
            if not isinstance(value, dict | list | set | deque | bytearray) or id(value) in self._known:
                continue
            if not member.startswith("__"):
                self._known.add(id(value))
                self._containers.append((f"{label}.{member}", value, value.copy()))

    def _watch(self, label: str, holder: Any, *, own: bool) -> None:
        if id(holder) in self._known:
            return
        with suppress(TypeError):
            names = vars(holder)
            self._known.add(id(holder))
            space = _Space(label, holder, names, own)
            self._spaces.append(space)
            if own and not is_ours(label):
                self._of_users.append(space)
            self._views.append(names.values())
            self._saved.append(space.saved.values())
            self._addresses = b""
            inside = own or label.startswith("torch.")  # whose functions' code is looked at, too
            functions = [value for value in space.saved.values() if inside and isinstance(value, FunctionType)]
            self._functions += functions
            self._codes += map(CODE, functions)
            self._defaults += map(DEFAULTS, functions)

    def changes(self) -> list[Change]:
        """What is no longer as it was, or was changed right after its import."""
        found = [*self._replaced(), *self._rewritten(), *self._changed(), *self._lost(), *self.learn()]
        return list({change.text: change for change in found}.values())

    def accept(self) -> None:
        """Take everything to be right as it is now."""
        self._forget_lost(self._modules)
        self.learn()
        if not self._same():
            self._save(self._spaces)
        if not self._same_inside():
            self._codes, self._defaults = [*map(CODE, self._functions)], [*map(DEFAULTS, self._functions)]

    def accept_users(self) -> None:
        """The same, of what is neither installed nor ours: a test's own account, say, and never much."""
        self._forget_lost(name for name in self._modules if not is_ours(name))
        self.learn()
        self._save(self._of_users)

    def _forget_lost(self, names: Iterable[str]) -> None:
        """Those of these modules that are no longer what their names mean; `learn` takes in what is there instead."""
        for name in [name for name in names if sys.modules.get(name) is not self._modules[name]]:
            del self._modules[name]
            self._count = 0

    def _save(self, spaces: Iterable[_Space]) -> None:
        for space in spaces:
            space.saved.clear()
            space.saved.update(space.names)
            self._addresses = b""
        self._containers = [(label, container, container.copy()) for label, container, _ in self._containers]

    def _replaced(self) -> Iterator[Change]:
        for space in [] if self._same() else self._spaces:
            yield from space.changes()

    def _rewritten(self) -> Iterator[Change]:
        if self._same_inside():
            return
        for function, code, defaults in zip(self._functions, self._codes, self._defaults, strict=True):
            if function.__code__ is not code or function.__defaults__ is not defaults:
                text = f"{function.__module__}.{function.__qualname__} rewritten"
                yield Change(text, partial(_put_inside, function, code, defaults))

    def _changed(self) -> Iterator[Change]:
        for label, container, before in self._containers:
            if len(container) != len(before) or not _alike(container, before):
                yield Change(f"{label} changed", partial(_refill, container, before))

    def _lost(self) -> Iterator[Change]:
        for name, module in self._modules.items():
            if sys.modules.get(name) is not module:
                yield Change(f"the module {name} replaced", partial(sys.modules.__setitem__, name, module))

    def _same(self) -> bool:
        count = sum(map(len, self._saved))
        self._addresses = self._addresses or _addresses(self._saved, count)
        try:
            return sum(map(len, self._views)) == count and _addresses(self._views, count) == self._addresses
        except (RuntimeError, ValueError):  # another thread imports something
            return False

    def _same_inside(self) -> bool:
        return all(map(is_, map(CODE, self._functions), self._codes)) and all(
            map(is_, map(DEFAULTS, self._functions), self._defaults)
        )


def _addresses(values: Iterable[Iterable[Any]], count: int) -> bytes:
    """Where these objects lie: comparing these is comparing identity, and faster than one `is` for each."""
    found = np.fromiter(chain.from_iterable(values), object, count)
    return ctypes.string_at(found.ctypes.data, found.nbytes)


def _is_of_family(value: Any) -> bool:
    return isinstance(value, type) and f"{value.__module__}.".startswith(
        ("torch._tensor.", "torch.autograd.", *FAMILIES)
    )


def _put_inside(function: FunctionType, code: Any, defaults: Any) -> None:
    function.__code__, function.__defaults__ = code, defaults


def _alike(container: Any, before: Any) -> bool:
    if isinstance(container, set | bytearray):
        return container == before
    if isinstance(container, dict):
        return all(map(is_, container, before)) and all(map(is_, container.values(), before.values()))
    return all(map(is_, container, before))


def _refill(container: Any, before: Any) -> None:
    if isinstance(container, list | deque | bytearray):
        container[:] = before  # type: ignore[index]
    else:
        container.clear()
        container.update(before)


def _planted(name: str, module: ModuleType) -> Iterator[Change]:
    """What the user's code has put into a module of ours that nobody had seen: it holds nothing of the user's."""
    if module.__name__ != name:
        yield Change(f"the module {name} replaced")
        return
    yield from _of_user(name, vars(module))
    for found in [value for value in vars(module).values() if isinstance(value, type) and value.__module__ == name]:
        yield from _of_user(f"{name}.{found.__qualname__}", vars(found))


def _of_user(label: str, names: Mapping[str, Any]) -> Iterator[Change]:
    for name, value in list(names.items()):
        if is_of_user(value):
            yield Change(f"{label}.{name} replaced")
