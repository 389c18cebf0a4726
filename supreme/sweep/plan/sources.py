"""Where the parts of a config came from: the places that Hydra read, and what set a value last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import dropwhile
from string import Template
from typing import Any

from hydra._internal.config_repository import ConfigRepository
from hydra._internal.config_search_path_impl import ConfigSearchPathImpl
from hydra.core.default_element import GroupDefault
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from supreme.core import SupremeError
from supreme.pipeline.cell import COMPONENTS
from supreme.sweep.plan.preset_files import did_you_mean, flat


class Sources:
    """What the configs of one command are composed from."""

    def __init__(self, loader: Any, hydra: DictConfig) -> None:
        """hydra: Hydra's own part of a config of this command."""
        self._loader = loader
        self._config_name = hydra.job.config_name
        self.of_hydra = [word for word in hydra.overrides.hydra if word.startswith("hydra.searchpath=")]
        """The override of Hydra's own part that a cell depends on; others may need the experiment that is with them."""
        search_path = ConfigSearchPathImpl()  # that of the loader lacks what hydra.searchpath adds
        for source in hydra.runtime.config_sources:
            search_path.append(source.provider, f"{source.schema}://{source.path}")
        self.repository = ConfigRepository(search_path)

    def set_above(self, group: str, overrides: Sequence[str]) -> frozenset[str]:
        """The fields of this group's component that something other than its own YAML sets.

        That is a protocol, an experiment or one of these overrides. A field of a field is dotted.
        """
        found = self._loader.compute_defaults_list(self._config_name, [*self.of_hydra, *overrides], RunMode.RUN)
        keys: set[str] = set()
        later = dropwhile(lambda default: not _is_of(group, default), found.defaults)
        for default in later:
            if not _is_of(group, default):
                keys |= set(self._keys_above(group, default))
        for override in found.config_overrides:
            keys |= set(_keys_below(group, {override.key_or_group: override.value()}))
        return frozenset(keys)

    def parts(self, names: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
        """What a config is made of beside its components and Hydra's own part: group and name of each that is there."""
        others = ((group, str(name)) for group, name in names.items() if group not in COMPONENTS)
        return tuple(
            (group, name)
            for group, name in others
            if not group.startswith("hydra/") and self.repository.config_exists(f"{group.partition('@')[0]}/{name}")
        )

    def refuse_unknown_choices(self, names: Mapping[str, Any]) -> None:
        """Raise SupremeError where a name was given that is not there, for a part that Hydra takes for optional.

        Such a part has a name of its own accord, as `${protocol}-${data}`: that one may be missing.
        """
        main = self.repository.load_config(self._config_name)
        for default in (main and main.defaults_list) or ():
            if not isinstance(default, GroupDefault) or not default.optional or default.group == "tuned":
                continue
            group, name = str(default.group), names.get(str(default.group))
            if name in (None, Template(str(default.value)).safe_substitute(names)):
                continue
            if not self.repository.config_exists(f"{group}/{name}"):
                options = self.repository.get_group_options(group)
                hint = did_you_mean(name, options) or "."
                raise SupremeError(f"{group}={name}: there is no such config{hint} There are: {', '.join(options)}")

    def _keys_above(self, group: str, default: Any) -> Iterator[str]:
        package = default.package or ""
        if default.config_path is None or package.partition(".")[0] not in ("", group):
            return
        loaded = self.repository.load_config(default.config_path)
        content: Any = OmegaConf.to_container(loaded.config) if loaded else {}
        if isinstance(content, Mapping):
            yield from _keys_below(group, {package: content} if package else content)


def _is_of(group: str, default: Any) -> bool:
    return str(default.config_path).startswith(f"{group}/")


def _keys_below(group: str, content: Mapping[str, Any]) -> Iterator[str]:
    """Of dotted keys, those of this group, without its name."""
    for key in flat(content):
        first, _, rest = key.partition(".")
        if first == group:
            yield rest
