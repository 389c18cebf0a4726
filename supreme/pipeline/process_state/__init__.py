"""What a component leaves behind in its process: noticed, named, undone as far as that goes, and kept from others.

`watching` looks at the process before and after a component runs. Once something was left, the process counts as
touched (`left_behind`): what had been computed before is right, and nothing more is computed in it.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from supreme.core import SupremeError
from supreme.pipeline.process_state import running, settings, shared
from supreme.pipeline.process_state.definitions import Definitions
from supreme.pipeline.process_state.settings import Change, Setting
from supreme.pipeline.process_state.torch_settings import of_torch

HOLDS_NO_ARITHMETIC = True  # so that no result depends on it: see supreme.store.fingerprint

log = logging.getLogger(__name__)

OWN = "its own "
"""How the text begins that tells of a component which has changed itself."""

_python: list[Setting] = []
_torch: list[Setting] = []
_definitions: list[Definitions] = []
_left: list[str] = []
_watches: list[Watch] = []


class Touched(BaseException):
    """What a method made is kept, and the rest needs a fresh process. Not an Exception: it is no failure."""


@dataclass(frozen=True)
class Snapshot:
    """The process at one moment; of its definitions there is one account, which moves on."""

    values: list[Any]
    environment: dict[Any, Any]
    threads: set[Any]
    children: set[int]
    tensors: list[Any]

    @classmethod
    def take(cls) -> Snapshot:
        account = _account()
        account.accept_users() if _since else account.accept()  # between two tasks `after_task` has seen the rest
        found = settings.read(_settings())
        return cls(found, _environment(), running.threads(), running.children(), shared.state())

    def changes(self) -> list[Change]:
        """What has moved since."""
        return [
            *settings.changes(_settings(), self.values, settings.read(_settings())),
            *self._variables(),
            *_account().changes(),
            *shared.changes(self.tensors),
            *running.left(self.threads, self.children),
        ]

    def _variables(self) -> Iterator[Change]:
        if (now := _environment()) != self.environment:
            yield from settings.environment(_readable(self.environment), _readable(now))


@dataclass
class Watch:
    """One call of a component, from outside."""

    what: str
    start: Snapshot
    left: list[str] = field(default_factory=list)
    """What it left behind, known once it has ended."""


@contextmanager
def watching(what: str, component: object) -> Iterator[Watch]:
    """Note what a component leaves behind; what it calls itself is part of it.

    What is left is undone where it can be, so that the component's own result can be stored.
    """
    if _watches:
        yield Watch(what, _watches[-1].start)
        return
    fields = _fields(component)
    watch = Watch(what, Snapshot.take())
    _watches.append(watch)
    outputs = settings.kept_outputs()
    try:
        yield watch
    finally:
        _watches.pop()
        found = watch.start.changes()
        own = {name for name, text in _fields(component).items() if fields.get(name) != text}
        found += [Change(f"{OWN}{name} changed") for name in sorted(own)]
        watch.left = [change.text for change in found]
        _undo(found)
        settings.put_back_outputs(outputs)
        _left.extend(f"{what} left {text}" for text in watch.left)
        if watch.left:
            log.warning("%s left %s", what, listed(watch.left))


@contextmanager
def untouched(what: str, component: object) -> Iterator[None]:
    """Refuse a component that leaves something behind; ours are known to leave nothing (see the conformance tests)."""
    if type(component).__module__.startswith("supreme."):
        yield
        return
    with watching(what, component) as watch:
        yield
    if watch.left:
        raise SupremeError(f"{what} left {listed(watch.left)}: it must leave the process as it found it")


def refuse_touched() -> None:
    """Refuse to compute what cells share inside a component that has changed the process before it asked for that."""
    if not _watches:
        return
    watch = _watches[-1]
    if found := [change.text for change in watch.start.changes() if not change.scoped and not change.ours]:
        raise SupremeError(f"{watch.what} left {listed(found)} and then asked for what other cells share")


def left_behind() -> list[str]:
    """What components have left in this process so far."""
    return list(_left)


def listed(texts: list[str]) -> str:
    return ", ".join(texts[:5]) + (f" and {len(texts) - 5} more" if len(texts) > 5 else "")


_since: list[Snapshot] = []


def after_task() -> list[str]:
    """What has moved since the last task of this process and was noticed around no component.

    Of a process that has not imported torch, and of the task that imports it, nothing is known.
    """
    if "torch" not in sys.modules:
        return []
    if not _since:
        _since.append(Snapshot.take())
    found = [change.text for change in _since[0].changes() if not change.ours]
    if found:
        _since[:] = [Snapshot.take()]
    return found


def renew() -> None:
    """Take this process to be right as it is: for who changes it on purpose, to measure it, say."""
    _account().accept()
    _since.clear()


def _undo(found: list[Change]) -> None:
    for change in found:
        with suppress(Exception):
            change.undo()


def _account() -> Definitions:
    if not _definitions:
        _definitions.append(Definitions())
    return _definitions[0]


def _settings() -> list[Setting]:
    if not _python:
        _python.extend(settings.of_python())
    if not _torch and (torch := sys.modules.get("torch")) is not None and hasattr(torch, "set_anomaly_enabled"):
        _torch.extend(of_torch(torch))
    return _python + _torch


def _environment() -> dict[Any, Any]:
    return dict(getattr(os.environ, "_data", os.environ))


def _readable(found: dict[Any, Any]) -> dict[str, str]:
    return {os.fsdecode(name): os.fsdecode(value) for name, value in found.items()}


def _fields(component: object) -> dict[str, str]:
    return {name: repr(value) for name, value in getattr(component, "__dict__", {}).items()}
