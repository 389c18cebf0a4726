"""From overrides to cells: Hydra composes, everything that can be wrong is collected, nothing runs yet."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from supreme.cell import Cell
from supreme.core import SupremeError
from supreme.sweep.devices import Slot, find_slots
from supreme.sweep.room import Rules, parse_memory

DEVICES = ("devices", "jobs_per_device", "min_free_memory", "wait_for_devices")


@dataclass
class Problems:
    """What is wrong, each sentence once, with the number of cells it holds for."""

    counts: dict[str, int] = field(default_factory=dict)

    def add(self, problem: object) -> None:
        self.counts[str(problem)] = self.counts.get(str(problem), 0) + 1

    def refuse(self) -> None:
        """Raise them all as one SupremeError; return if there are none."""
        if self.counts:
            lines = [f"{problem} ({count} cells)" if count > 1 else problem for problem, count in self.counts.items()]
            raise SupremeError("\n".join(lines))


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where and on what a sweep runs: one for all its cells."""

    output_dir: Path
    devices: str | tuple[int | str, ...]
    jobs_per_device: int | str
    threads: int
    timeout: float | None
    """Seconds that a job may take."""
    tracker: Mapping[str, Mapping[str, Any]]
    """`_target_` and every value of each, by name."""
    min_free_memory: float | None = None
    """See `supreme.sweep.room.Rules`."""
    wait_for_devices: bool = True

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Settings:
        """Raises SupremeError when a value has the wrong type."""
        allowed: dict[str, tuple[tuple[type, ...], str]] = {
            "output_dir": ((str,), "the path of a folder"),
            "devices": ((str, int, list), "auto, cpu, mps, or a list of device numbers such as [0,1]"),
            "jobs_per_device": ((int, str), "a whole number from 1, or auto"),
            "threads": ((int,), "a whole number from 1"),
            "timeout": ((int, float, type(None)), "seconds above 0, or null for no limit"),
            "tracker": ((dict,), "none, or some of those that --help lists, as in tracker=csv"),
        }
        for name, (types, rule) in allowed.items():
            if not isinstance(config[name], types) or isinstance(config[name], bool):
                raise SupremeError(f"{name}={config[name]} is not allowed: give {rule}")
        if not isinstance(config["wait_for_devices"], bool):
            raise SupremeError(f"wait_for_devices={config['wait_for_devices']} is not allowed: give true or false")
        if not all(isinstance(node, dict) for node in config["tracker"].values()):
            raise SupremeError("the YAML of a tracker must begin with `# @package tracker.<name>`")
        devices = [config["devices"]] if isinstance(config["devices"], int) else config["devices"]
        return cls(
            output_dir=Path(config["output_dir"]),
            devices=devices if isinstance(devices, str) else tuple(devices),
            jobs_per_device=config["jobs_per_device"],
            threads=config["threads"],
            timeout=config["timeout"],
            tracker=config["tracker"],
            min_free_memory=parse_memory(config["min_free_memory"]),
            wait_for_devices=config["wait_for_devices"],
        )

    def slots(self) -> list[Slot]:
        return find_slots(self.devices, self.jobs_per_device, self.threads)

    def rules(self) -> Rules:
        return Rules(min_free_memory=self.min_free_memory, wait=self.wait_for_devices)


class Composer:
    """Composes many cells fast: what components are chosen goes through Hydra once, plain values are set on a copy.

    Composing costs Hydra 60 ms and more; setting a value, a few.
    """

    def __init__(self, hydra_context: Any, config: DictConfig) -> None:
        self._loader = hydra_context.config_loader
        self._config = config
        self._groups = set(self._loader.list_groups(""))
        self._parser = OverridesParser.create(config_loader=self._loader)
        self._composed: dict[tuple[str, ...], DictConfig] = {}

    def __call__(self, overrides: Sequence[str]) -> tuple[Cell, Settings]:
        """The cell of these overrides, and what it says of where to run.

        Raises:
            HydraException: Hydra refuses an override.
            SupremeError: the config is no cell.
        """
        plain = [override for override in overrides if self._is_plain_value(override)]
        choices = tuple(override for override in overrides if override not in plain)
        try:
            config = copy.deepcopy(self._base(choices))
            for override in self._parser.parse_overrides(plain):
                OmegaConf.update(config, override.key_or_group, override.value(), merge=True)
        except OmegaConfBaseException:
            config = self._through_hydra(tuple(overrides))  # says in its own words what is wrong
        names = config.hydra.runtime.choices
        values = plain_values(config)
        return Cell.from_config(values, names, overrides), Settings.from_config(values)

    def _is_plain_value(self, override: str) -> bool:
        key = override.partition("=")[0]
        return key.replace(".", "").replace("_", "").isalnum() and key.split(".")[0] not in self._groups_and_hydra(key)

    def _groups_and_hydra(self, key: str) -> set[str]:
        """What a key may not begin with: hydra, and a group where the key is the group's own name."""
        return {"hydra"} if "." in key else self._groups | {"hydra"}

    def _base(self, choices: tuple[str, ...]) -> DictConfig:
        if choices not in self._composed:
            self._composed[choices] = self._through_hydra(choices)
        return self._composed[choices]

    def _through_hydra(self, overrides: tuple[str, ...]) -> DictConfig:
        return self._loader.load_sweep_config(self._config, list(overrides))


def plain_values(config: DictConfig) -> Mapping[str, Any]:
    """The config without Hydra's part, resolved to plain values."""
    config = config.copy()
    if "hydra" in config:
        with open_dict(config):
            del config["hydra"]
    try:
        return OmegaConf.to_container(config, resolve=True)  # type: ignore[return-value]
    except OmegaConfBaseException as error:
        raise SupremeError(f"the config cannot be resolved: {str(error).splitlines()[0]}") from error


def expand(sweeper: Any, arguments: Sequence[str]) -> list[list[str]]:
    """The overrides of each cell: the product of what the YAML's params and the command line list."""
    params = [f"{key}={value}" for key, value in sweeper.params.items()]
    parser = OverridesParser.create(config_loader=sweeper.hydra_context.config_loader)
    jobs = sweeper.split_arguments(parser.parse_overrides([*params, *arguments]), None)[0]
    if not jobs:
        raise SupremeError("the sweep spans no cell: one of its lists is empty, as in seed=range(0)")
    return jobs


def compose_all(
    composer: Composer, jobs: Sequence[Sequence[str]], problems: Problems
) -> tuple[list[Cell], Settings | None]:
    """The cells of these jobs, and the settings they agree on; what is wrong with others goes to the problems."""
    cells: list[Cell] = []
    settings: list[Settings] = []
    for overrides in jobs:
        try:
            cell, own = composer(overrides)
        except SupremeError as error:
            problems.add(error)
            continue
        cells.append(cell)
        settings.append(own)
    for name in ("output_dir", *DEVICES, "threads", "timeout", "tracker"):
        if len({repr(getattr(own, name)) for own in settings}) > 1:
            problems.add(f"{name} says where a sweep runs and cannot be swept; give one value")
    return cells, settings[0] if settings else None
