"""The method and the recipe that somebody asks for, by name or as Python objects."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from supreme.api.hydra_here import composed, hydra_here
from supreme.api.nodes import plain
from supreme.core import SupremeError, registry
from supreme.recipes import Recipe
from supreme.sweep.plan.preset_files import PresetFiles, did_you_mean, flat
from supreme.sweep.plan.presets import with_fields
from supreme.sweep.plan.sources import Sources

RECIPE = "sgd"
"""By which methods train and augment, where they do as the recipe does and no other one is given."""


def components(
    method: Any,
    values: Mapping[str, Any],
    *,
    tuned: str | None,
    recipe: Any,
    config_dir: str | Path | None,
) -> tuple[Any, str, Recipe]:
    """The method, its name, and the recipe.

    Args:
        method: the name of a YAML file, a dataclass instance or class, or a function `(model, split, context)`.
        values: fields of the method that differ from its YAML.
        tuned: the name of a preset whose values replace those of the YAML; None: no preset.
        recipe: the name of a YAML file, a mapping of what differs from `RECIPE`, or a `Recipe`.

    Raises:
        SupremeError: there is no such method, recipe, preset or field, or a value is not allowed.
    """
    by_name = isinstance(method, str)
    if not isinstance(recipe, str | Mapping | Recipe):
        raise SupremeError(
            f"recipe={recipe!r} is not allowed: give a name, a dict of what differs from conf/recipe/{RECIPE}.yaml, or "
            "a Recipe"
        )
    if config_dir is not None and not Path(config_dir).is_dir():
        raise SupremeError(f"config_dir={config_dir} is not allowed: there is no such folder")
    if tuned is not None and not by_name:
        raise SupremeError(f"tuned={tuned} is for methods that are chosen by name: give the values themselves")
    with hydra_here([Path(config_dir)] if config_dir is not None else []) as hydra:
        options = {group: hydra.config_loader.get_group_options(group) for group in ("method", "recipe")}
        name = _known("method", method, options["method"]) if by_name else "original"
        chosen = _known("recipe", recipe, options["recipe"]) if isinstance(recipe, str) else RECIPE
        config = composed(hydra, [f"method={name}", f"recipe={chosen}", "tuned=none"])
        nodes: Any = {group: OmegaConf.to_container(config[group], resolve=True) for group in ("method", "recipe")}
        if tuned is not None:
            nodes["method"] = with_fields(
                nodes["method"], _preset(Sources(hydra.config_loader, config.hydra), name, tuned)
            )
    if isinstance(recipe, Recipe):
        trained = recipe
    else:
        changed = recipe if isinstance(recipe, Mapping) else {}
        trained = registry.build(with_fields(nodes["recipe"], _plain("recipe", changed)), f"recipe {chosen}")
    if not by_name:
        return *_of_ones_own(method, values), trained
    return registry.build(with_fields(nodes["method"], _plain("method", values)), f"method {name}"), name, trained


def _known(group: str, name: str, options: Sequence[str]) -> str:
    if name not in options:
        hint = did_you_mean(name, options) or f". There are: {', '.join(sorted(options))}"
        raise SupremeError(f"there is no {group} {name}{hint}")
    return name


def _plain(group: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by dotted fields."""
    return flat({name: plain(value, f"{group}.{name}") for name, value in values.items()})


def _preset(sources: Sources, method: str, tuned: str) -> Mapping[str, Any]:
    presets = {preset.name: preset.fields for preset in PresetFiles(sources.repository).of(method)}
    if tuned not in presets:
        hint = did_you_mean(tuned, presets) or ":"
        there = f"there are {', '.join(presets)}" if presets else "it has none"
        raise SupremeError(f"tuned={tuned}: method {method} has no such preset{hint} {there}")
    return presets[tuned]


@dataclasses.dataclass(frozen=True)
class Function:
    """A method that is a plain function, which may read every set that methods may read."""

    function: Callable[..., Any]
    needs: frozenset[str] = frozenset({"forget", "retain"})

    def __call__(self, model: Any, split: Any, context: Any) -> Any:
        return self.function(model, split, context)


def _of_ones_own(method: Any, values: Mapping[str, Any]) -> tuple[Any, str]:
    if inspect.isclass(method) and dataclasses.is_dataclass(method):
        try:
            method, values = method(**values), {}
        except TypeError as error:
            raise SupremeError(f"{method.__name__}: {str(error).replace('__init__() ', '')}") from None
    if values:
        given = ", ".join(values)
        raise SupremeError(
            f"{given}: values are for methods that are chosen by name or by class; this {_called(method)} has its own"
        )
    if inspect.isfunction(method) or inspect.isbuiltin(method) or inspect.ismethod(method):
        taken = _positional(method)
        if taken is not None and taken != 3:
            raise SupremeError(
                f"{_called(method)} takes {taken} arguments: a method is called with three, (model, split, context), "
                "and returns the model"
            )
        return Function(method), _called(method)
    if not callable(method) or inspect.isclass(method):
        raise SupremeError(
            f"a {_called(method)} is no method: give a name, as in 'scrub', a dataclass instance, or a function "
            "(model, split, context) that returns the model"
        )
    return method, _called(method)


def _positional(function: Callable[..., Any]) -> int | None:
    """How many arguments it must and can be called with; None where more than one number is allowed or nobody knows."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(one.kind == one.VAR_POSITIONAL for one in parameters):
        return None
    places = [one for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    must = sum(one.default is one.empty for one in places)
    return 3 if must <= 3 <= len(places) else must if must > 3 else len(places)


def _called(method: Any) -> str:
    name = getattr(method, "__name__", None) or type(method).__name__
    return "lambda" if name == "<lambda>" else name
