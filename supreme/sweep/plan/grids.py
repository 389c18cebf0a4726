"""A sweep of several grids, whose parts list different values: five classes, and beside them a random sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.override_parser.types import Override
from omegaconf import OmegaConf

from supreme.core import SupremeError


def with_grids(config: Any, given: Sequence[Override]) -> list[list[str]]:
    """What the command line gives, once for each grid of `grids` with what that adds; once as it is without any.

    What the command line gives replaces a grid's entry of the same key, and is passed over in a grid that has no such
    entry while another has one. The first entry says what a grid is about: a grid whose first key the command line
    gives, without its value among those given, is left out. Where none is left, the command line stands alone.
    """
    grids = OmegaConf.to_container(config.get("grids") or OmegaConf.create([]), resolve=True)
    if not isinstance(grids, list) or not all(isinstance(grid, Mapping) and grid for grid in grids):
        raise SupremeError("grids must be a list of mappings, as in grids: [{scenario: random, method: 'ssd,scrub'}]")
    chosen = {override.get_key_element(): _values(override) for override in given}
    anywhere = {key for grid in grids for key in grid}
    found = []
    for grid in grids:
        about, value = next(iter(grid.items()))
        if str(value) not in chosen.get(about, [str(value)]):
            continue
        of_others = anywhere - grid.keys()
        kept = [one for one in given if one.get_key_element() not in {about, *of_others}]
        own = {key: entry for key, entry in grid.items() if key == about or key not in chosen}
        found.append([f"{key}={entry}" for key, entry in own.items()] + [str(one.input_line) for one in kept])
    return found or [[str(one.input_line) for one in given]]


def _values(override: Override) -> list[str]:
    if override.is_sweep_override() and override.is_discrete_sweep():
        return [str(value) for value in override.sweep_string_iterator()]
    return [override.get_value_element_as_str()]
