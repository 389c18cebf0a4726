"""The smaller arguments of an evaluation, checked."""

from __future__ import annotations

import difflib
import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from supreme.core import SupremeError
from supreme.core.endpoints import Endpoints
from supreme.report.rows.endpoints import default_endpoints

LONGEST = 60
"""Characters of a name in a table."""


def checked_margins(given: Any) -> Endpoints:
    """The endpoints that claims are made of; None: those of conf/config.yaml.

    Raises:
        SupremeError: it is no mapping from columns to margins, or a margin is not allowed.
    """
    usual = default_endpoints()
    if given is None:
        return usual
    if isinstance(given, Endpoints):
        return given
    if not isinstance(given, Mapping):
        raise SupremeError(
            f"margins={given!r} is not allowed: give margins by column, as in margins={{'accuracy/forget': 0.02}}"
        )
    return Endpoints.of(margins=given, most_left=usual.most_left)


def refuse_unmeasured(margins: Any, columns: Iterable[str]) -> None:
    """Refuse a margin that somebody gave for a column that nobody measures.

    Raises:
        SupremeError: there is one.
    """
    known = list(columns)
    for name in margins if isinstance(margins, Mapping) else ():
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"there is {', '.join(known)}"
            raise SupremeError(f"margins has {name}, and no metric here has such a column; {hint}")


def checked_seeds(given: Any, count: int) -> list[int]:
    """Training seeds, as many as there are models of a method; None: 0, 1, ...

    Raises:
        SupremeError: they are other than whole numbers from 0, one is there twice, or they are not as many.
    """
    if given is None:
        return list(range(count))
    if isinstance(given, str | bytes) or not isinstance(given, Sequence):
        raise SupremeError(
            f"seeds={given!r} is not allowed: give the training seeds of the models, as in seeds=[3, 4, 5]"
        )
    try:
        seeds = [operator.index(seed) for seed in given]
    except TypeError:
        raise SupremeError(f"seeds={list(given)} is not allowed: give whole numbers, as in seeds=[3, 4, 5]") from None
    if len(seeds) != count:
        raise SupremeError(
            f"seeds has {len(seeds)} training seeds, and there are {count}: give one for each model of a method"
        )
    if len(set(seeds)) < len(seeds) or min(seeds) < 0:
        raise SupremeError(f"seeds={seeds} is not allowed: give whole numbers from 0 on, each once")
    return seeds


def checked_name(what: str, given: Any) -> str:
    """A name that a table can show.

    Raises:
        SupremeError: it is no text of one line, too long, or has parentheses, in which tables tell values.
    """
    name = str(given)
    if not name.strip() or not name.isprintable() or len(name) > LONGEST or set("()") & set(name):
        raise SupremeError(
            f"{what} {name[:LONGEST]!r} is not allowed: give a name of one line, of {LONGEST} characters at most and "
            "without parentheses"
        )
    return name
