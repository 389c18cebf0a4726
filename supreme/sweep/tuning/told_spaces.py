"""Where the space of a method is written: in conf/search, in a folder of the user's, on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omegaconf import OmegaConf

from supreme.core import SupremeError
from supreme.pipeline.cell import Cell
from supreme.sweep.plan.compose import Composer
from supreme.sweep.plan.preset_files import flat
from supreme.sweep.plan.presets import with_fields
from supreme.sweep.plan.refusals import flaw
from supreme.sweep.tuning.options import Options
from supreme.sweep.tuning.space import Dimension, space_of


def told_space(composer: Composer, method: str, options: Options) -> tuple[Mapping[str, Any], str]:
    """What conf/search and the command line say of a method's space, and where.

    Raises SupremeError where that is nothing.
    """
    told: dict[str, Any] = {}
    where = f"search/{method}"
    places = [place for place in composer.repository.get_sources() if place.is_config(where)]
    if places:  # the last is the user's own
        content: Any = OmegaConf.to_container(places[-1].load_config(where).config)
        space = content.get("space") if isinstance(content, Mapping) else None
        if not isinstance(space, Mapping):
            raise SupremeError(f"{where}.yaml needs space:, fields of {method} with the values to search: {_HOW}")
        told |= space
    if method in options.spaces:
        told = {**flat(told), **options.spaces[method]}
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
