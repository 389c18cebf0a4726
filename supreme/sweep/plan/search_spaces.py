"""What of each method can be tuned, and what grades how hard it forgets: the files `search/<method>.yaml`.

They are read from every place that Hydra takes configs from. Where several have one for a method the last place counts,
so a file in `--config-dir` takes the place of ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from hydra._internal.config_repository import ConfigRepository
from hydra._internal.config_search_path_impl import ConfigSearchPathImpl
from hydra.core.plugins import Plugins
from omegaconf import OmegaConf

from supreme.command_line.conf_folder import CONF
from supreme.core import SupremeError
from supreme.sweep.plan.dimension import Dimension, dimension
from supreme.sweep.plan.preset_files import did_you_mean, flat

GRADES = ("values", "factors")


@dataclass(frozen=True, kw_only=True)
class Intensity:
    """The field of a method that grades how hard it forgets, from gentle to harsh."""

    field: str
    values: tuple[float, ...] = ()
    """Those to run; empty where there are factors."""
    factors: tuple[float, ...] = ()
    """Of the value that a cell has, which its preset or its YAML gives."""

    def around(self, value: Any) -> list[float]:
        """What to run where the cell has this value; whole numbers stay whole, and none comes twice."""
        if self.values:
            return list(self.values)
        found = [factor * value for factor in self.factors]
        whole = isinstance(value, int)
        return list(dict.fromkeys(max(1, round(one)) if whole else float(f"{one:.3g}") for one in found))


@dataclass(frozen=True, kw_only=True)
class Search:
    """What a file says of its method."""

    method: str
    space: Mapping[str, Dimension]
    """By field of the method, dotted where it lies in another."""
    intensity: Intensity | None = None
    why: str = ""
    """Why there is no intensity."""


class SearchSpaces:
    """Reads each file once."""

    def __init__(self, repository: Any) -> None:
        """repository: Hydra's ConfigRepository, as `Sources.repository` and `repository_of` are."""
        self._repository = repository
        self._read: dict[str, Search | None] = {}

    def of(self, method: str) -> Search | None:
        """What is said of this method; None where nothing is.

        Raises:
            SupremeError: its file is no such file, or a file is called after no method.
        """
        if not self._read:
            self._refuse_strays()
        if method not in self._read:
            places = [one for one in self._repository.get_sources() if one.is_config(f"search/{method}")]
            self._read[method] = self._search(method, places[-1]) if places else None
        return self._read[method]

    def _refuse_strays(self) -> None:
        methods = self._repository.get_group_options("method")
        for name in self._repository.get_group_options("search"):
            if name not in methods:
                raise SupremeError(f"search/{name}.yaml is called after no method{did_you_mean(name, methods)}")

    def _search(self, method: str, place: Any) -> Search:
        where = f"{place.path}/search/{method}.yaml"
        told: Any = OmegaConf.to_container(place.load_config(f"search/{method}").config)
        space = told.get("space") if isinstance(told, Mapping) else None
        if not isinstance(space, Mapping) or not space or set(told) - {*_KEYS}:
            raise SupremeError(
                f"{where} must have space (fields of {method} and where to search them, as in lr: tag(log, "
                "interval(1e-4, 1e-1))) and may have intensity ({field: lr, values: [0.01, 0.1]}, or null and a line "
                "why: ...)"
            )
        own = self._fields(method)
        try:
            for name in space:
                _refuse_unknown(name, own)
            found = {str(name): dimension(str(name), str(text)) for name, text in space.items()}
            graded = told.get("intensity")
            intensity = None if graded is None else _intensity(graded, own)
            if intensity and "why" in told:
                raise SupremeError("why: ... says why there is no intensity, and there is one: leave one of them out")
        except SupremeError as error:
            raise SupremeError(f"{where}: {error}") from None
        return Search(
            method=method,
            space=found,
            intensity=intensity,
            why="" if intensity else str(told.get("why") or f"{where} names none"),
        )

    def _fields(self, method: str) -> list[str] | None:
        """Those of the method's YAML; None where that inherits some."""
        node: Any = OmegaConf.to_container(self._repository.load_config(f"method/{method}").config)
        return None if "defaults" in node else [name for name in flat(node) if name != "_target_"]


_KEYS = ("space", "intensity", "why")


def repository_of(folders: Iterable[str | Path] = ()) -> ConfigRepository:
    """The configs of the package, and those of these folders (`--config-dir`) after them."""
    Plugins.instance()  # which know how to read files
    path = ConfigSearchPathImpl()
    for folder in (CONF, *folders):
        path.append("supreme", f"file://{Path(folder).absolute()}")
    return ConfigRepository(path)


def _refuse_unknown(name: object, own: list[str] | None) -> None:
    if own is not None and name not in own:
        raise SupremeError(f"there is no field {name}{did_you_mean(name, own) or '.'} Its fields: {', '.join(own)}")


def _intensity(told: object, own: list[str] | None) -> Intensity:
    keys = set(told) if isinstance(told, Mapping) else set()
    grade = next((name for name in GRADES if keys == {"field", name}), None)
    if not isinstance(told, Mapping) or grade is None:
        raise SupremeError(
            f"intensity: {told} is not allowed: give {{field: lr, values: [0.01, 0.1]}}, or factors: of the value that "
            "a cell has"
        )
    _refuse_unknown(told["field"], own)
    values = told[grade]
    numbers = isinstance(values, list) and all(type(one) in (int, float) and isfinite(one) for one in values)
    if (
        not numbers
        or len(set(values)) != len(values)
        or len(values) < 2
        or any(isinstance(one, bool) for one in values)
    ):
        raise SupremeError(f"intensity: {grade}: {values} is not allowed: give two numbers or more, each once")
    if grade == "factors" and not all(one > 0 for one in values):
        raise SupremeError(f"intensity: factors: {values} is not allowed: give numbers above 0")
    return Intensity(field=str(told["field"]), **{grade: tuple(values)})
