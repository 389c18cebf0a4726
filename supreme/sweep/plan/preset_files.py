"""The presets in the folders `tuned` of every place that Hydra takes configs from: one YAML for each method."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from omegaconf import OmegaConf

from supreme.core import SupremeError
from supreme.sweep.plan.scope import Scope

SOURCES = ("published", "reasoned", "found")
"""Where a preset's values come from: a paper or its code; thought alone; results of ours, by columns and on seeds."""

IMAGES = ("test", "validation", "training")
"""On which images, beside the forget set, results chose a preset's values."""

DEFAULT = "default"
"""The name of the entry that says what the values of the method's own YAML are for."""

RESERVED = ("auto", "none")
"""What `tuned` says instead of a preset's name."""


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Values of a method, and the scope for which they were chosen."""

    method: str
    name: str
    """What `tuned=` calls it; no other preset of the method is called so."""
    file: str
    """Where it stands."""
    place: int
    """Of the places that configs are taken from, the one that this is: what is added later has a larger number."""
    scope: Scope
    fields: Mapping[str, Any]
    """Of the method, what it sets: dotted where a field lies in another."""
    chosen: Mapping[str, Any]
    """How the values were chosen: a source, and with `found` the columns that were read, the images beside the forget
    set (one of `IMAGES`), whether the retrained model was used, and the training seeds. Where `supreme tune` found
    them, also what it has to tell of its `search`."""

    @property
    def label(self) -> str:
        """What a row calls it: unique among all methods."""
        return f"{self.method}/{self.name}"


class PresetFiles:
    """Reads the presets of each method once. Several places may have some for the same method: all of them count."""

    def __init__(self, repository: Any) -> None:
        self._repository = repository
        self._read: dict[str, list[Preset]] = {}

    def default_of(self, method: str) -> Preset | None:
        """What the values of the method's own YAML are for, as an entry that sets nothing; None where none says it."""
        return next((entry for entry in self._entries(method) if entry.name == DEFAULT), None)

    def of(self, method: str) -> list[Preset]:
        """Every preset of this method.

        Raises:
            SupremeError: a file of presets is no such file, or is called after no method.
        """
        return [entry for entry in self._entries(method) if entry.name != DEFAULT]

    def _entries(self, method: str) -> list[Preset]:
        if not self._read:
            self._refuse_strays()
        if method not in self._read:
            self._read[method] = list(self._presets(method))
        return self._read[method]

    def _refuse_strays(self) -> None:
        methods = self._repository.get_group_options("method")
        for name in self._repository.get_group_options("tuned"):
            if name not in methods:
                raise SupremeError(
                    f"tuned/{name}.yaml is called after no method{did_you_mean(name, methods)}: the presets of a "
                    "method are the entries of tuned/<method>.yaml"
                )

    def _presets(self, method: str) -> Iterator[Preset]:
        known: dict[str, str] = {}
        for place, source in enumerate(self._repository.get_sources()):
            if not source.is_config(f"tuned/{method}"):
                continue
            where = f"{source.path}/tuned/{method}.yaml"
            entries: Any = OmegaConf.to_container(source.load_config(f"tuned/{method}").config)
            if not isinstance(entries, list):
                raise SupremeError(f"{where} must be a list of presets, each with name, for, values and chosen")
            for number, entry in enumerate(entries, 1):
                preset = _preset(method, entry, where, f"{where}, entry {number}", place)
                if preset.name in known:
                    raise SupremeError(f"{where}: another preset of {method} is called {preset.name}, too: rename one")
                known[preset.name] = where
                yield preset


def did_you_mean(name: object, known: Any) -> str:
    """The nearest of the known names, for a message; empty where none is near."""
    near = difflib.get_close_matches(str(name).lower(), known, 1)
    return f"; did you mean {near[0]}?" if near else ""


def flat(node: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The values of a node by dotted keys."""
    found: dict[str, Any] = {}
    for name, value in node.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return found


def _preset(method: str, entry: object, file: str, where: str, place: int = 0) -> Preset:
    """What an entry says. Raises SupremeError where it says something else than presets do."""
    keys = ("name", "for", "values", "chosen")
    if not isinstance(entry, Mapping) or set(entry) != set(keys):
        has = ", ".join(map(str, entry)) if isinstance(entry, Mapping) else str(entry)
        raise SupremeError(f"{where}: a preset has {', '.join(keys)}; this has {has}")
    name, values = entry["name"], entry["values"]
    if not isinstance(name, str) or not name.replace("-", "").replace("_", "").isalnum() or name in RESERVED:
        raise SupremeError(f"{where}: name={name} is not allowed: give letters, digits, - and _, as in digits-random")
    if not isinstance(values, Mapping) or "${" in repr(values):
        raise SupremeError(f"{where}: values: {values} is not allowed: give fields of {method} and plain values")
    try:
        scope, chosen = Scope.read(entry["for"]), _chosen(entry["chosen"])
    except SupremeError as error:
        raise SupremeError(f"{where}: {error}") from None
    fields = {**scope.conventions, **flat(values)}
    if bool(fields) == (name == DEFAULT):
        raise SupremeError(
            f"{where}: values: {fields} is not allowed: the entry {DEFAULT} says what the values of "
            f"method/{method}.yaml are for and sets nothing, every other one sets something"
        )
    return Preset(method=method, name=name, file=file, place=place, scope=scope, fields=fields, chosen=chosen)


def _chosen(told: object) -> dict[str, Any]:
    source = told.get("source") if isinstance(told, Mapping) else None
    more = ("columns", "images", "uses_reference", "seeds") if source == "found" else ()
    searched = isinstance(told, Mapping) and source == "found" and isinstance(told.get("search"), Mapping)
    keys = {"source", *more, *(["search"] if searched else [])}
    if not isinstance(told, Mapping) or source not in SOURCES or set(told) != keys or not _says_how(told):
        raise SupremeError(
            f"chosen: {told} is not allowed: give {{source: published}}, {{source: reasoned}}, or {{source: found, "
            "columns: [accuracy/forget], images: validation, uses_reference: true, seeds: [100, 101]}; columns are all "
            f"that were read, images one of {', '.join(IMAGES)}"
        )
    return {str(key): value for key, value in told.items()}


def _says_how(told: Mapping[Any, Any]) -> bool:
    return told["source"] != "found" or (
        all(isinstance(told[key], list) and told[key] for key in ("columns", "seeds"))
        and told["images"] in IMAGES
        and isinstance(told["uses_reference"], bool)
    )
