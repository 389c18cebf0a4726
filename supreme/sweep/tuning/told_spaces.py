"""Where the space of a method is written: in conf/search, in a folder of the user's, on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from supreme.core import SupremeError
from supreme.pipeline.cell import Cell
from supreme.sweep.plan.compose import Composer
from supreme.sweep.plan.presets import with_fields
from supreme.sweep.plan.refusals import flaw
from supreme.sweep.tuning.options import Options
from supreme.sweep.tuning.space import Dimension, space_of


def told_space(composer: Composer, method: str, options: Options) -> tuple[Mapping[str, str], str]:
    """What conf/search and the command line say of a method's space, and where.

    Raises SupremeError where that is nothing.
    """
    where = f"search/{method}"
    searched = composer.search_spaces.of(method)
    told = dict(searched.texts) if searched else {}
    if method in options.spaces:
        told |= options.spaces[method]
        where = f"space.{method}"
    if not told:
        raise SupremeError(
            f"method {method} has no search space: write search/{method}.yaml into the folder of --config-dir, with "
            f"{_HOW}; or type 'space.{method}.lr=tag(log,interval(1e-5,1e-2))'"
        )
    return told, where


_HOW = "space: {lr: 'tag(log, interval(1e-5, 1e-2))'}"


def dimensions_of(method: str, cell: Cell, told: Mapping[str, Any], where: str) -> dict[str, Dimension]:
    """The space of a method; raises SupremeError where the method takes none of the values of a field."""
    node = cell.nodes["method"]
    found = space_of(method, node, told, where)
    for field, one in found.items():
        flaws = [flaw(f"method {method}", with_fields(node, {field: value})) for value in one.extremes()]
        if all(flaws):
            raise SupremeError(f"{where}: {field}: {one.text}: {flaws[0]}")
    return found
