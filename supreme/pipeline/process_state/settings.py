"""The settings of a process that could move a number: of Python, of the operating system and of numpy.

Each is read by a function that was looked up when the table was made, so replacing the function later hides nothing.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # signal.getsignal makes an enum of each, ten times as slow
import decimal
import gc
import locale
import logging
import os
import resource
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from supreme.pipeline.process_state.origin import is_of_library

HOLDS_NO_ARITHMETIC = True  # so that no result depends on it: see supreme.store.fingerprint

TINY, EPSILON = 5e-324, 2.0**-53
LIMITS = tuple(sorted(value for name, value in vars(resource).items() if name.startswith("RLIMIT_")))
TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
HANDLED = tuple(sorted(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}))
LIBRARIES_SET = frozenset(
    {"CUDA_MODULE_LOADING", "KMP_INIT_AT_FORK", "KMP_DUPLICATE_LIB_OK", "TORCHINDUCTOR_CACHE_DIR"}
)
"""Variables that torch and scikit-learn set themselves when they are first used."""


@dataclass(frozen=True)
class Change:
    """Something that is no longer as it was."""

    text: str
    """What was done to what: "torch.nn.functional.cross_entropy replaced"."""
    undo: Callable[[], object] = lambda: None
    scoped: bool = False
    """See `Setting`."""
    ours: bool = False
    """See `Setting`."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One thing that can be read and, where that is possible, put back."""

    words: str
    get: Callable[[], Any]
    put: Callable[[Any], object] | None = None
    scoped: bool = False
    """Whether a `with` of torch sets it: inside a component it is often another one, and rightly so."""
    ours: bool = False
    """Whether every stage sets it for itself, see `supreme.pipeline.device.configure`."""


def of_python() -> Iterator[Setting]:
    """Of Python, of the process as the system sees it, and of numpy."""
    for name in ("stdin", "stdout", "stderr", "excepthook", "unraisablehook", "displayhook"):
        yield attribute("sys", sys, name)
    yield attribute("threading", threading, "excepthook")
    yield Setting(words="the working folder", get=os.getcwd, put=os.chdir)
    yield Setting(words="the umask", get=_umask, put=lambda before: os.umask(int(before, 8)))
    yield Setting(words="the recursion limit", get=sys.getrecursionlimit, put=sys.setrecursionlimit)
    yield Setting(words="the switch interval", get=sys.getswitchinterval, put=sys.setswitchinterval)
    yield Setting(words="the longest integer in text", get=sys.get_int_max_str_digits, put=sys.set_int_max_str_digits)
    yield Setting(words="sys.path", get=lambda: tuple(sys.path), put=partial(_refill, sys.path))
    yield Setting(words="sys.meta_path", get=_finders)
    yield Setting(words="the tracing function", get=sys.gettrace, put=sys.settrace)
    yield Setting(words="the profiling function", get=sys.getprofile, put=sys.setprofile)
    yield Setting(words="garbage collection", get=gc.isenabled, put=lambda on: gc.enable() if on else gc.disable())
    yield Setting(
        words="the thresholds of garbage collection", get=gc.get_threshold, put=lambda v: gc.set_threshold(*v)
    )
    yield Setting(words="gc.callbacks", get=lambda: tuple(gc.callbacks), put=partial(_refill, gc.callbacks))
    yield Setting(
        words="the locale", get=partial(locale.setlocale, locale.LC_ALL), put=partial(locale.setlocale, locale.LC_ALL)
    )
    yield Setting(words="the context of decimal", get=_decimal)
    yield Setting(words="warnings that are errors", get=_fatal_warnings, put=_put_fatal_warnings)
    yield Setting(words="the level of logging", get=_logging, put=_put_logging)
    yield Setting(words="signal handlers", get=lambda: tuple(map(_signal.getsignal, HANDLED)), put=_put_handlers)
    yield Setting(
        words="the mask of signals",
        get=lambda: frozenset(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        put=partial(signal.pthread_sigmask, signal.SIG_SETMASK),
    )
    yield Setting(words="a timer", get=_timers, put=_put_timers)
    yield Setting(
        words="the limits of the process", get=lambda: tuple(map(resource.getrlimit, LIMITS)), put=_put_limits
    )
    yield Setting(words="the priority", get=partial(os.getpriority, os.PRIO_PROCESS, 0))
    yield Setting(words="the group of processes", get=lambda: (os.getpgid(0), os.getsid(0)))
    yield Setting(words="where output goes", get=_outputs, ours=True)
    if hasattr(os, "sched_getaffinity"):
        yield Setting(words="the cores", get=partial(os.sched_getaffinity, 0), put=partial(os.sched_setaffinity, 0))
    yield Setting(
        words="how the processor rounds", get=lambda: (TINY * 0.5 + TINY > 0.0, 1.0 + EPSILON, -1.0 - EPSILON)
    )
    yield Setting(words="numpy.seterr", get=lambda: tuple(np.geterr().items()), put=lambda v: np.seterr(**dict(v)))
    yield Setting(words="numpy.seterrcall", get=np.geterrcall, put=np.seterrcall)
    yield Setting(words="numpy.setbufsize", get=np.getbufsize, put=np.setbufsize)
    yield Setting(words="numpy.set_printoptions", get=lambda: repr(np.get_printoptions()))


def attribute(label: str, holder: Any, name: str, ours: bool = False) -> Setting:
    return Setting(
        words=f"{label}.{name}", get=partial(getattr, holder, name), put=partial(setattr, holder, name), ours=ours
    )


def _umask() -> str | None:
    """Linux tells it; elsewhere it can only be read by changing it, while other threads may make files."""
    with suppress(OSError, StopIteration), Path("/proc/self/status").open("rb") as file:
        return next(line for line in file if line.startswith(b"Umask")).split()[1].decode()
    return None


def _refill(items: list[Any], before: tuple[Any, ...]) -> None:
    items[:] = before


def _finders() -> tuple[Any, ...]:
    """But for those of libraries, which add them when they are imported."""
    return tuple(found for found in sys.meta_path if not isinstance(found, type) and not is_of_library(type(found)))


def _decimal() -> tuple[Any, ...]:
    found = decimal.getcontext()
    return found.prec, found.rounding, found.Emin, found.Emax, found.capitals, found.clamp


def _fatal_warnings() -> tuple[Any, ...]:
    """Filters of other kinds move nothing, and libraries add them when they are imported."""
    return tuple(entry for entry in warnings.filters if entry[0] == "error")


def _put_fatal_warnings(before: tuple[Any, ...]) -> None:
    warnings.filters[:] = [entry for entry in warnings.filters if entry[0] != "error" or entry in before]  # type: ignore[index]
    with suppress(AttributeError):
        warnings._filters_mutated()  # type: ignore[attr-defined]  # else Python goes on with what it remembers


def _logging() -> tuple[Any, ...]:
    ours = logging.getLogger("supreme")
    return logging.root.manager.disable, logging.root.level, ours.level, ours.disabled, ours.propagate


def _put_logging(before: tuple[Any, ...]) -> None:
    ours = logging.getLogger("supreme")
    logging.disable(before[0])
    logging.root.setLevel(before[1])
    ours.setLevel(before[2])
    ours.disabled, ours.propagate = before[3:]


def _put_handlers(before: tuple[Any, ...]) -> None:
    for number, handler in zip(HANDLED, before, strict=True):
        if signal.getsignal(number) is not handler and handler is not None:
            signal.signal(number, handler)


def _timers() -> tuple[bool, ...]:
    return tuple(signal.getitimer(which) != (0.0, 0.0) for which in TIMERS)


def _put_timers(before: tuple[bool, ...]) -> None:
    for which, ran in zip(TIMERS, before, strict=True):
        if not ran:
            signal.setitimer(which, 0.0)


def _put_limits(before: tuple[tuple[int, int], ...]) -> None:
    for limit, values in zip(LIMITS, before, strict=True):
        if resource.getrlimit(limit) != values:
            with suppress(OSError, ValueError):
                resource.setrlimit(limit, values)


def _outputs() -> tuple[Any, ...]:
    return tuple(map(_place, range(3)))


def _place(descriptor: int) -> Any:
    try:
        found = os.fstat(descriptor)
    except OSError:
        return "closed"
    return found.st_dev, found.st_ino


def kept_outputs() -> dict[int, tuple[Any, int]]:
    """Where the standard streams go, each with a descriptor of its own."""
    return {number: (_place(number), os.dup(number)) for number in range(3) if _place(number) != "closed"}


def put_back_outputs(kept: Mapping[int, tuple[Any, int]]) -> None:
    for number, (place, copy) in kept.items():
        if _place(number) != place:
            os.dup2(copy, number)
        os.close(copy)


def read(settings: Iterable[Setting]) -> list[Any]:
    """The value of each; of one that cannot be read any more, what it raises."""
    return [_read(setting) for setting in settings]


def _read(setting: Setting) -> Any:
    try:
        return setting.get()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def changes(settings: Iterable[Setting], before: Iterable[Any], after: Iterable[Any]) -> Iterator[Change]:
    """Of the settings, those that were read with other values the second time."""
    for setting, old, new in zip(settings, before, after, strict=False):
        if not _same(old, new):
            undo = partial(setting.put, old) if setting.put else lambda: None
            yield Change(_words(setting.words, old, new), undo, setting.scoped, setting.ours)


def _same(one: Any, other: Any) -> bool:
    try:
        return one is other or bool(one == other)
    except Exception:
        return False


def _words(what: str, old: Any, new: Any) -> str:
    """With both values, where they are short and the same in every process."""
    plain = all(isinstance(value, str | int | float | bool) or type(value).__name__ == "dtype" for value in (old, new))
    told = f"{what} changed from {old} to {new}"
    return told if plain and len(told) < 100 and os.sep not in told else f"{what} changed"


def environment(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Change]:
    """Of variables of the environment. A new one may be a library's, set as it was imported; see `LIBRARIES_SET`."""
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) == after.get(name) or name in LIBRARIES_SET:
            continue
        what = "set" if name not in before else "removed" if name not in after else "changed"
        yield Change(f"the environment variable {name} {what}", partial(_put_variable, name, before.get(name)))


def _put_variable(name: str, before: str | None) -> None:
    if before is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = before
