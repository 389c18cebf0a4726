"""Which preset applies to a cell: by itself where its scope holds, by name, or none."""

from __future__ import annotations

import copy
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from supreme.core import SupremeError
from supreme.sweep.plan.preset_files import RESERVED, Preset, PresetFiles, did_you_mean, flat
from supreme.sweep.plan.scope import ABOUT, typed
from supreme.sweep.plan.sources import Sources

FieldsSet = Callable[[], frozenset[str]]
"""The fields of the method that a protocol, an experiment or the command line sets; asked only where it matters."""


def preset_of(loader: Any, hydra: Any, values: Mapping[str, Any]) -> tuple[Presets, Outcome | None]:
    """What the preset of a single config makes of its method, and the presets with their notes.

    Args:
        loader: Hydra's config loader.
        hydra: Hydra's own part of the config.
        values: the config without that part, resolved.

    Raises:
        SupremeError: what is chosen is not there, or does not hold.
    """
    sources, names = Sources(loader, hydra), dict(hydra.runtime.choices)
    sources.refuse_unknown_choices(names)
    presets = Presets(sources)
    return presets, presets(names, values, lambda: sources.set_above("method", list(hydra.overrides.task)))


class Outcome(NamedTuple):
    """What becomes of a method where a preset is tried on it."""

    fields: dict[str, Any]
    """What the preset sets: all of its fields that nothing else sets."""
    method: Mapping[str, Any]
    """The method with these."""
    told: dict[str, Any]
    """What a row says of its preset, see `Presets`."""
    unmet: dict[str, Any]
    """The conventions that something else sets otherwise: with any, the preset does not apply."""


class Presets:
    """Chooses the preset of one cell after the other, and remembers which ones did not apply though they are near.

    What a row says of its preset: its name, its source (with `found` the columns whose closeness to the reference
    chose the values, and the training seeds), `kept`, the preset's fields whose values the method has, and
    `overridden`, those that the command line, a protocol or an experiment set to something else. Without a preset,
    and where the values of the method's own YAML are for something else: "" as the name, and `values_for`, what for.
    """

    def __init__(self, sources: Sources, found: bool = True) -> None:
        """found: whether presets whose values results chose apply by themselves, too."""
        self._with_found = found
        self._files = PresetFiles(sources.repository)
        self._outcomes: dict[tuple[int, str, frozenset[str]], tuple[Mapping[str, Any], Outcome]] = {}
        self._found: dict[tuple[Any, ...], list[Preset]] = {}
        self._passed_over: Counter[tuple[str, str, str, str]] = Counter()
        self._strangers: dict[tuple[str, str], set[str]] = defaultdict(set)
        """The methods with the values of their own YAML, by what these are for and what there is instead."""

    def __call__(self, names: Mapping[str, Any], values: Mapping[str, Any], fields_set: FieldsSet) -> Outcome | None:
        """What the cell's preset makes of its method; None where none applies, or with tuned=none.

        Args:
            names: Hydra's choice for each group.
            values: the resolved config, without any preset.
            fields_set: says which fields of the method a preset must leave alone.

        Raises:
            SupremeError: `tuned` names a preset that there is not, or one whose scope does not hold; two apply.
        """
        asked = _asked(names)
        method = names.get("method")
        if not isinstance(values.get("method"), Mapping):
            return None
        if asked == "none":
            return self._elsewhere(names, values)
        presets = self._about(names) if asked == "auto" else [_named(asked, str(method), self._files.of(str(method)))]
        tried = [(preset, *self._try(preset, names, values, fields_set)) for preset in presets]
        fitting = {preset.label: outcome for preset, unmet, outcome in tried if not unmet}
        if asked != "auto" and not fitting:
            self._refuse(presets[0], tried[0][1], names, values, fields_set)
        chosen = _narrowest([preset for preset, unmet, _ in tried if not unmet]) if fitting else None
        near = [one for one in tried if one[1] and _conditions(one[0]) > (_conditions(chosen) if chosen else 0)]
        if near:
            preset, unmet, _ = min(near, key=lambda one: len(one[1]))
            self._pass_over(preset, unmet, names)
        return fitting[chosen.label] if chosen else self._elsewhere(names, values)

    def usual(self, names: Mapping[str, Any], values: Mapping[str, Any], fields_set: FieldsSet) -> Mapping[str, Any]:
        """What the method would be with tuned=auto."""
        if not isinstance(values.get("method"), Mapping):
            return {}
        about = sorted(self._about(names), key=_conditions, reverse=True)
        tried = (self._try(preset, names, values, fields_set) for preset in about)
        return next((outcome.method for unmet, outcome in tried if outcome and not unmet), values["method"])

    def forget_notes(self) -> None:
        """Leave out of `notes` the cells so far, which were composed to find something out and come again."""
        self._passed_over.clear()
        self._strangers.clear()

    def conventions_of(self, label: str) -> Mapping[str, Any]:
        """Of the preset that rows call so, the fields of the method that are part of its scope."""
        presets = self._files.of(label.partition("/")[0])
        return next((preset.scope.conventions for preset in presets if preset.label == label), {})

    def notes(self) -> list[str]:
        """One line for the presets that did not apply for the same reason, with the number of cells."""
        alike: dict[tuple[str, str, str], list[tuple[str, int]]] = defaultdict(list)
        for (method, *reason), count in self._passed_over.items():
            alike[tuple(reason)].append((method, count))  # type: ignore[index]
        lines = [
            f"{', '.join(sorted(methods))}: values for {asks}, and here is {has}"
            for (asks, has), methods in self._strangers.items()
        ]
        for (about, asks, has), members in alike.items():
            methods, count = ", ".join(sorted(method for method, _ in members)), sum(count for _, count in members)
            preset = (
                "the preset for {} with {} does not apply"
                if len(members) == 1
                else ("the presets for {} with {} do not apply")
            )
            cells = f" ({count} cells)" if count > 1 else ""
            lines.append(f"{methods}: {preset.format(about, asks)}: {has}{cells}")
        return lines

    def _about(self, names: Mapping[str, Any]) -> list[Preset]:
        """The presets of the method that are about this data, model and scenario: others do not matter."""
        key = tuple(names.get(group) for group in ("method", *ABOUT))
        if key not in self._found:
            presets = [
                preset
                for preset in self._files.of(str(names["method"]))
                if self._with_found or preset.chosen["source"] != "found"
            ]
            self._found[key] = [preset for preset in presets if preset.scope.is_about(names)]
        return self._found[key]

    def _try(
        self, preset: Preset, names: Mapping[str, Any], values: Mapping[str, Any], fields_set: FieldsSet
    ) -> tuple[dict[str, Any], Outcome | None]:
        """What keeps the preset from applying; and what becomes of the method, unless it is about something else."""
        if unmet := preset.scope.unmet(names, values):
            return unmet, None
        taken, method = fields_set(), values["method"]
        key = id(method), preset.label, taken  # the method is kept beside the outcome, so its id remains its own
        if key not in self._outcomes:
            self._outcomes[key] = method, _outcome(preset, method, taken)
        outcome = self._outcomes[key][1]
        return outcome.unmet, outcome

    def _elsewhere(self, names: Mapping[str, Any], values: Mapping[str, Any]) -> Outcome | None:
        """The method as it is, and what its YAML's values are for; None where that is this cell, or nothing says it."""
        method = str(names.get("method"))
        default = self._files.default_of(method)
        if default is None or not (unmet := default.scope.unmet(names, values)):
            return None
        asks = ", ".join(default.scope.asks(key, names) for key in unmet)
        self._strangers[asks, ", ".join(typed(key, value) for key, value in unmet.items())].add(method)
        told = {"preset": "", "source": default.chosen["source"], "kept": [], "overridden": [], "values_for": asks}
        return Outcome(fields={}, method=values["method"], told=told, unmet={})

    def _pass_over(self, preset: Preset, unmet: Mapping[str, Any], names: Mapping[str, Any]) -> None:
        about = ", ".join(str(names[group]) for group in ABOUT)
        asks = ", ".join(preset.scope.asks(key, names) for key in unmet)
        has = ", ".join(typed(key, value) for key, value in unmet.items())
        self._passed_over[preset.method, about, asks, has] += 1

    def _refuse(
        self,
        preset: Preset,
        unmet: Mapping[str, Any],
        names: Mapping[str, Any],
        values: Mapping[str, Any],
        fields_set: FieldsSet,
    ) -> None:
        asks = ", ".join(preset.scope.asks(key, names) for key in unmet)
        has = ", ".join(typed(key, value) for key, value in unmet.items())
        others = self._files.of(preset.method)
        fits = [one.name for one in others if not self._try(one, names, values, fields_set)[0]]
        instead = f"tuned={fits[0]} fits, as tuned=auto finds by itself" if fits else "tuned=none leaves presets out"
        raise SupremeError(f"tuned={names['tuned']} is for {asks}, and here is {has}: type what it is for; {instead}")


def _narrowest(presets: Sequence[Preset]) -> Preset:
    """Of presets that all hold, the one with the most conditions.

    Raises SupremeError where two have as many, or one is somebody else's, who may not know of ours. Whoever adds one
    that asks for all that ours asks for, and for more, does.
    """
    first, *others = sorted(presets, key=_conditions, reverse=True)
    rivals = [
        one
        for one in others
        if one.scope.conditions == first.scope.conditions
        or (one.file != first.file and not (one.place < first.place and one.scope.is_wider(first.scope)))
    ]
    if rivals:
        labels = f"{first.label} and {rivals[0].label}"
        raise SupremeError(f"presets {labels} both hold: choose one, as in tuned={first.name}")
    return first


def _conditions(preset: Preset) -> int:
    return preset.scope.conditions


def with_fields(node: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of the node with these values at these dotted keys."""
    changed: dict[str, Any] = copy.deepcopy(dict(node))
    for key, value in fields.items():
        *parents, last = key.split(".")
        place = changed
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return changed


def _outcome(preset: Preset, method: Mapping[str, Any], taken: frozenset[str]) -> Outcome:
    fields = {field: value for field, value in preset.fields.items() if not any(_same(field, one) for one in taken)}
    changed = with_fields(method, fields)
    has = flat(changed)
    kept = [field for field, value in preset.fields.items() if field in has and has[field] == value]
    overridden = [field for field in preset.fields if field not in kept]
    told = {"preset": preset.label, **preset.chosen, "kept": kept, "overridden": overridden}
    return Outcome(fields=fields, method=changed, told=told, unmet=preset.scope.unmet_conventions(has))


def _same(field: str, other: str) -> bool:
    """Whether one of the two keys is the other, or lies in it."""
    return f"{field}.".startswith(f"{other}.") or f"{other}.".startswith(f"{field}.")


def _asked(names: Mapping[str, Any]) -> str:
    asked = names.get("tuned")
    if not isinstance(asked, str):
        raise SupremeError("tuned takes one name: auto, none, or that of a preset; tuned=none leaves presets out")
    return asked


def _named(asked: str, method: str, presets: list[Preset]) -> Preset:
    """The preset with this name, or with this label."""
    found = [preset for preset in presets if asked in (preset.name, preset.label)]
    if found:
        return found[0]
    names = [preset.name for preset in presets]
    hint = did_you_mean(asked.rpartition("/")[2], [*names, *RESERVED]) or ";"
    rest = f" there are {', '.join(names)}; auto takes the one that fits, none leaves presets out"
    raise SupremeError(
        f"tuned={asked}: method {method} has no such preset{hint}{rest}"
        if names
        else f"tuned={asked}: method {method} has no presets; type tuned=auto or tuned=none"
    )
