"""Where the space of a method is written: in conf/search, in a folder of the user's, on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from supreme.command_line.conf_folder import near_names
from supreme.core import SupremeError
from supreme.pipeline.cell import Cell
from supreme.sweep.plan.compose import Composer
from supreme.sweep.plan.dimension import Dimension, dimension
from supreme.sweep.plan.preset_files import flat
from supreme.sweep.plan.presets import with_fields
from supreme.sweep.plan.refusals import flaw
from supreme.sweep.tuning.options import Options


def told_space(composer: Composer, method: str, options: Options) -> tuple[Mapping[str, str], str]:
    """What conf/search and the command line say of a method's space, and where.

    Raises SupremeError where that is nothing.
    """
    where = f"search/{method}"
    searched = composer.search_spaces.of(method)
    told = {field: one.text for field, one in searched.space.items()} if searched else {}
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


def space_of(method: str, node: Mapping[str, Any], told: Mapping[str, object], where: str) -> dict[str, Dimension]:
    """The dimensions of a method by dotted field.

    Args:
        node: the method with the values that it has without a search.
        told: by field, the text of its values.
        where: what the texts stand in, for messages.

    Raises:
        SupremeError: the method has no such field, or a text spans nothing.
    """
    fields = [name for name in flat(node) if not name.endswith("_target_")]
    found: dict[str, Dimension] = {}
    for field, text in flat(told).items():
        if field not in fields:
            near = near_names(field, fields)
            hint = f"; did you mean {near[0]}?" if near else ":"
            raise SupremeError(f"{where}: method {method} has no value {field}{hint} there are {', '.join(fields)}")
        found[field] = dimension(f"{where}: {field}", text)
    if not found:
        raise SupremeError(
            f"{where}: space is empty: name fields of {method}, as in lr: tag(log, interval(1e-5, 1e-2))"
        )
    return found
