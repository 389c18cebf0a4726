"""From overrides to cells: Hydra composes, everything that can be wrong is collected, nothing runs yet."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from types import SimpleNamespace
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from supreme.core import SupremeError
from supreme.pipeline.cell import COMPONENTS, Cell
from supreme.sweep.plan.changes import LABELLED, SETTING, changes, plain_choices
from supreme.sweep.plan.globs import without_what_lacks_values
from supreme.sweep.plan.grids import with_grids
from supreme.sweep.plan.intensities import with_intensities
from supreme.sweep.plan.presets import Outcome, Presets
from supreme.sweep.plan.search_spaces import SearchSpaces
from supreme.sweep.plan.settings import Settings
from supreme.sweep.plan.sources import Sources

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


class Composer:
    """Composes many cells fast, and lets them share what they have in common.

    Composing costs Hydra 60 ms and more: what components are chosen goes through it once, plain values are set on a
    copy, of which `_Draft` resolves only what they can reach.
    """

    def __init__(self, hydra_context: Any, config: DictConfig, found: bool = True) -> None:
        """found: see `Presets`."""
        self._loader = hydra_context.config_loader
        self._config = config
        self._sources = Sources(self._loader, config.hydra)
        self.presets = Presets(self._sources, found)
        self.search_spaces = SearchSpaces(self._sources.repository)
        self._groups = {*self._loader.list_groups(""), "hydra"}
        self._parser = OverridesParser.create(config_loader=self._loader)
        self._composed: dict[tuple[str, ...], tuple[DictConfig, dict[str, str]]] = {}
        self._drafts: dict[tuple[str, ...], _Draft] = {}
        self._parsed: dict[str, tuple[str, Any]] = {}
        self._set_above: dict[tuple[str, ...], frozenset[str]] = {}
        self._set_by: dict[Any, frozenset[str]] = {}
        self._shared: dict[str, Any] = {}
        self._dependent: dict[tuple[str, ...], bool] = {}  # whether components hold what is said elsewhere

    def __call__(self, overrides: Sequence[str]) -> tuple[Cell, Settings]:
        """The cell of these overrides, and what it says of where to run.

        Raises:
            HydraException: Hydra refuses an override.
            SupremeError: the config is no cell.
        """
        plain = [override for override in overrides if self._is_plain_value(override)]
        choices = tuple(override for override in overrides if override not in plain)
        settings = [self._parse(override) for override in plain]
        try:
            base, names = self._base(choices)
            values = self._values(choices, base, settings)
        except OmegaConfBaseException:
            base, names = self._through_hydra(tuple(overrides))  # says in its own words what is wrong
            values = plain_values(base)
        taken = partial(self._fields_set, choices, plain, names)
        cell = cell_with(self.presets(names, values, taken), values, names, overrides)
        changed = self._changes(choices, names, settings, {**values, "method": cell.nodes["method"]})
        return replace(cell, changed=changed), Settings.from_config(values)

    def _fields_set(self, choices: tuple[str, ...], plain: Sequence[str], names: Mapping[str, str]) -> frozenset[str]:
        """The fields of the method that something else than its YAML sets."""
        if choices not in self._set_above:
            others = tuple(override for override in choices if override.partition("=")[0] not in COMPONENTS)
            parts = others, self._sources.parts(names)  # of which other components are chosen, this knows nothing
            if parts not in self._set_by:
                self._set_by[parts] = self._sources.set_above("method", choices)
            self._set_above[choices] = self._set_by[parts]
        keys = [override.partition("=")[0].partition(".") for override in plain if override.startswith("method.")]
        return self._set_above[choices] | {field for _, _, field in keys} if keys else self._set_above[choices]

    def changes(self, overrides: Sequence[str]) -> Mapping[str, Any]:
        """What these overrides make otherwise than the YAML files of what they choose; see `Cell.changed`."""
        return self(overrides)[0].changed

    def _changes(
        self, choices: tuple[str, ...], names: Mapping[str, str], settings: Sequence[tuple[str, Any]], values: Any
    ) -> Mapping[str, Any]:
        named = plain_choices(choices, names, values)
        elsewhere = [(key, value) for key, value in settings if key.partition(".")[0] not in SETTING]
        if named == choices and len(elsewhere) == len(settings):
            return changes({}, {}, names, choices)  # as most cells of most sweeps: nothing to compare
        base = self._base(named)[0]
        if named not in self._dependent:
            raw: Any = OmegaConf.to_container(base, resolve=False)
            self._dependent[named] = any("${" in repr(raw.get(part)) for part in LABELLED)
        plain = self._values(named, base, elsewhere if self._dependent[named] else [])
        as_here = {**values, "method": plain["method"]}  # what else is changed may be outside of a preset's scope
        usual = self.presets.usual(names, as_here, lambda: self._fields_set(named, (), names))
        return self._one(changes(values, {**plain, "method": usual}, names, choices))

    def _values(self, choices: tuple[str, ...], base: DictConfig, settings: Sequence[tuple[str, Any]]) -> Any:
        """The config with these values at these keys, resolved."""
        kind = (*choices, *(key for key, _ in settings))
        draft = self._drafts.pop(kind, None)  # one in which a change fails does not come back
        if draft is None or not draft.change(settings):
            draft = _Draft(base, settings, self._one)
        self._drafts[kind] = draft
        return draft.values

    def _one(self, value: Any) -> Any:
        """The first value that was like this one, so that each is in memory once."""
        return self._shared.setdefault(repr(value), value)

    def _parse(self, override: str) -> tuple[str, Any]:
        """The key and the value."""
        if override not in self._parsed:
            parsed = self._parser.parse_overrides([override])[0]
            self._parsed[override] = parsed.key_or_group, parsed.value()
        return self._parsed[override]

    def _is_plain_value(self, override: str) -> bool:
        key = override.partition("=")[0]
        first, dot, _ = key.partition(".")
        may_choose = first == "hydra" if dot else key in self._groups  # the name of a group, or Hydra's own
        return key.replace(".", "").replace("_", "").isalnum() and not may_choose

    def _base(self, choices: tuple[str, ...]) -> tuple[DictConfig, dict[str, str]]:
        if choices not in self._composed:
            self._composed[choices] = self._through_hydra(choices)
        return self._composed[choices]

    def _through_hydra(self, overrides: tuple[str, ...]) -> tuple[DictConfig, dict[str, str]]:
        """The config without Hydra's part, and what of each group is chosen."""
        name = self._config.hydra.job.config_name  # load_sweep_config of 1.4 wants the sweep's own experiment in each
        config = self._loader.load_configuration(name, [*self._sources.of_hydra, *overrides], RunMode.RUN)
        OmegaConf.copy_cache(from_config=self._config, to_config=config)
        names = dict(config.hydra.runtime.choices)
        self._sources.refuse_unknown_choices(names)
        return _without_hydra(config), self._one(names)


def changes_here(hydra: Any) -> Mapping[str, Any]:
    """`Cell.changed` of the cell that Hydra, of which this is the config, has composed for this process."""
    context = SimpleNamespace(config_loader=GlobalHydra.instance().config_loader())
    return Composer(context, OmegaConf.create({"hydra": hydra})).changes(list(hydra.overrides.task))


class _Draft:
    """A config on which the values of one cell after the other are set.

    Copying and resolving a config takes 15 ms. Where only numbers and words change these are changed in place, and
    resolved again is what they lie in and what holds an interpolation: nothing else of the top level can depend on
    them.
    """

    def __init__(self, base: DictConfig, settings: Sequence[tuple[str, Any]], one: Callable[[Any], Any]) -> None:
        self._config = copy.deepcopy(base)
        self._settings = settings
        self._one = one
        for key, value in settings:
            OmegaConf.update(self._config, key, value, merge=True)
        raw: Any = OmegaConf.to_container(self._config, resolve=False)
        self._interpolated = {name for name in raw if "${" in repr(raw[name])}
        self.values: Mapping[str, Any] = {}
        self._resolve(raw)

    def change(self, settings: Sequence[tuple[str, Any]]) -> bool:
        """Set other values at the same keys; False where that takes a new draft."""
        pairs = [
            (key, value, old)
            for (key, value), (_, old) in zip(settings, self._settings, strict=True)
            if repr(value) != repr(old)
        ]
        keys = [key for key, _ in settings]
        overlapping = any(f"{key}.".startswith(f"{other}.") for key, other in itertools.permutations(keys, 2))
        if overlapping or not all(_is_scalar(value) and _is_scalar(old) for _, value, old in pairs):
            return False
        for key, value, _ in pairs:
            OmegaConf.update(self._config, key, value, merge=True)
        self._settings = settings
        if pairs:
            self._resolve(self._interpolated | {key.partition(".")[0] for key, _, _ in pairs})
        return True

    def _resolve(self, names: Iterable[str]) -> None:
        """Resolve these parts of the top level again; the values handed out before stay as they are."""
        found = {name: self._config[name] for name in names}
        plain = {
            name: OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
            for name, value in found.items()
        }
        self.values = {**self.values, **{name: self._one(value) for name, value in plain.items()}}


def _is_scalar(value: Any) -> bool:
    """Whether setting this value can neither merge nor bring an interpolation."""
    return value is None or isinstance(value, int | float) or (isinstance(value, str) and "${" not in value)


def cell_with(
    preset: Outcome | None, values: Mapping[str, Any], names: Mapping[str, str], overrides: Sequence[str]
) -> Cell:
    """The cell of a resolved config, with what its preset makes of the method."""
    if preset is None:
        return Cell.from_config(values, names, overrides)
    _refuse_seeds_of(preset.told, values.get("seed"))
    return replace(Cell.from_config({**values, "method": preset.method}, names, overrides), tuned=preset.told)


def _refuse_seeds_of(told: Mapping[str, Any], seed: object) -> None:
    """A preset is not reported on training seeds that chose its values: raises SupremeError."""
    if told["source"] == "found" and told["kept"] and seed in told["seeds"]:
        seeds = told["seeds"]
        raise SupremeError(
            f"preset {told['preset']} was found on training seeds {', '.join(map(str, seeds))}, whose results flatter "
            f"it: take others, as in seed={max(seeds) + 1}..{max(seeds) + 10}, or type tuned=none"
        )


def plain_values(config: DictConfig) -> Mapping[str, Any]:
    """The config without Hydra's part, resolved to plain values."""
    try:
        return OmegaConf.to_container(_without_hydra(config), resolve=True)  # type: ignore[return-value]
    except OmegaConfBaseException as error:
        raise SupremeError(f"the config cannot be resolved: {str(error).splitlines()[0]}") from error


def _without_hydra(config: DictConfig) -> DictConfig:
    config = config.copy()
    if "hydra" in config:
        with open_dict(config):
            del config["hydra"]
    return config


def expand(sweeper: Any, arguments: Sequence[str], composer: Composer) -> list[list[str]]:
    """The overrides of each cell: the product of what the params, each grid and the command line list.

    Where `sweep_intensity` asks for it, times the values of the intensity of each one's method.
    """
    params = [f"{key}={value}" for key, value in sweeper.params.items()]
    parser = OverridesParser.create(config_loader=sweeper.hydra_context.config_loader)
    jobs: list[list[str]] = []
    for given in with_grids(sweeper.config, parser.parse_overrides(list(arguments))):
        parsed = parser.parse_overrides([*params, *given])
        jobs += without_what_lacks_values(sweeper.split_arguments(parsed, None)[0], parsed, sweeper.hydra_context)
    if not jobs:
        raise SupremeError(
            "the sweep spans no cell: one of its lists is empty, as seed=range(0) is, or a pattern fits no name, as in "
            "method=glob(xyz*)"
        )
    if sweeper.config.get("sweep_intensity") is not True:  # another value is no cell's
        return jobs
    return with_intensities(jobs, composer.search_spaces, lambda overrides: composer(overrides)[0])


def compose_all(
    composer: Composer, jobs: Sequence[Sequence[str]], problems: Problems
) -> tuple[list[Cell], Settings | None]:
    """The cells of these jobs, and the settings they agree on; what is wrong with others goes to the problems."""
    cells: list[Cell] = []
    settings: dict[str, Settings] = {}
    for overrides in jobs:
        try:
            cell, own = composer(overrides)
        except SupremeError as error:
            problems.add(error)
            continue
        cells.append(cell)
        settings.setdefault(repr(own), own)
    for name in ("output_dir", *DEVICES, "threads", "timeout", "tracker", "dry_run"):
        if len({repr(getattr(own, name)) for own in settings.values()}) > 1:
            problems.add(f"{name} says where a sweep runs and cannot be swept; give one value")
    if len({own.objectives for own in settings.values()}) > 1:
        problems.add("objective is one for all runs and cannot be swept; several at once are a list: objective=[...]")
    if len({own.sweep_intensity for own in settings.values()}) > 1:
        problems.add("sweep_intensity is one for all runs and cannot be swept; give true or false")
    return cells, next(iter(settings.values()), None)
