"""A cell: one point of the sweep, the keys of what it depends on, and the split it is about. No torch here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any

from supreme.core import Model, Split, SupremeError, registry, seeds
from supreme.core.images import ImageData
from supreme.core.row import SCHEMAS
from supreme.core.split import sealed_split
from supreme.pipeline.activity import Activity
from supreme.pipeline.process_state import untouched
from supreme.store.decoded import cache as data_cache
from supreme.store.files import digest
from supreme.store.fingerprint import Code, codes, identity, named_files
from supreme.store.store import Store

SCHEMA: dict[str, int] = dict.fromkeys(
    ("original", "reference", "unlearned", "predictions", "shared", "history"), 1
) | {"anchors": 2, **SCHEMAS}
"""Raised when a stage computes something else than before: what older versions stored is then left alone."""

COMPONENTS = ("data", "model", "recipe", "scenario", "method")
DRAWS = ("forget", "reference", "unlearn", "evaluate")


@dataclass(frozen=True, kw_only=True)
class Cell:
    """data x model x recipe x scenario x method x seeds, with the metrics that its row is to hold."""

    names: Mapping[str, str]
    """Of each component, the name of its YAML."""
    nodes: Mapping[str, Mapping[str, Any]]
    """Of each component, `_target_` and every value."""
    metrics: Mapping[str, Mapping[str, Any]]
    seed: int
    """The training seed: the unit of replication."""
    seeds: Mapping[str, int]
    """Of the other streams: the number of forget, and the draws reference, unlearn and evaluate inside the seed."""
    deterministic: bool
    threads: int
    """Of one CPU job; other numbers give other last bits."""
    audits: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Of many cells together, so no part of this one's identity or row: see `supreme.pipeline.ensembles`."""
    protocol: str = ""
    """What the protocol that set some of these values is called: a label of the row, and no part of its identity."""
    overrides: Sequence[str] = ()
    """What to type after `python -m supreme` for this cell alone."""
    tuned: Mapping[str, Any] | None = field(default=None, compare=False)
    """Which preset set values of the method (`supreme.sweep.plan.presets`): a label of the row, not of its id."""
    changed: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """Values that are not those of the YAML files, by key (`supreme.sweep.plan.changes`): what the row's names say."""
    data_path: str = ""
    """Where the decoded data lies; this and the two below are filled in by `resolved`."""
    fingerprint: str = ""
    split_digest: str = ""

    @classmethod
    def from_config(cls, config: Mapping[str, Any], names: Mapping[str, str], overrides: Sequence[str] = ()) -> Cell:
        """The cell that a composed and resolved config describes; names are Hydra's choices for each group."""
        for name in COMPONENTS:
            if not isinstance(config.get(name), Mapping):
                raise SupremeError(f"no {name} is chosen; add {name}=... (`python -m supreme --help` lists them)")
        draws = config.get("seeds") or {}
        if unknown := set(draws) - set(DRAWS):
            raise SupremeError(f"unknown seeds.{unknown.pop()}; the streams are {', '.join(DRAWS)}")
        if not config.get("metric"):
            raise SupremeError("no metric is chosen; add metric=[accuracy,membership], say")
        return cls(
            names={name: str(names[name]) for name in COMPONENTS},
            nodes={name: config[name] for name in COMPONENTS},
            metrics=config["metric"],
            seed=_whole("seed", config.get("seed")),
            seeds={name: _whole(f"seeds.{name}", draws.get(name)) for name in DRAWS},
            deterministic=_truth("deterministic", config.get("deterministic", True)),
            threads=_whole("threads", config.get("threads", 1)),
            audits=config.get("audit") or {},
            protocol=str(names.get("protocol", "")),
            overrides=tuple(overrides),
        )

    def build(self, group: str) -> Any:
        """The component of this group."""
        return _built(json.dumps(self.nodes[group]), f"{group} {self.names[group]}")

    def build_model(self, *, untrained: bool) -> Model:
        """The model component; untrained: without the pretrained weights that it may start from."""
        node = self.nodes["model"]
        without = {"pretrained": False, "checkpoint": None}
        changed = {**node, **{name: value for name, value in without.items() if untrained and name in node}}
        return _built(json.dumps(changed), f"model {self.names['model']}")

    def build_metrics(self) -> dict[str, Any]:
        return {name: _built(json.dumps(node), f"metric {name}") for name, node in self.metrics.items()}

    def components(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """What each component is called in messages, and its node."""
        yield from ((f"{group} {self.names[group]}", node) for group, node in self.nodes.items())
        yield from ((f"metric {name}", node) for name, node in self.metrics.items())

    def with_metrics_of(self, row: Mapping[str, Any] | None) -> Cell:
        """The cell with the metrics that its row holds already, so that asking for another one loses none."""
        if not row:
            return self
        kept = row["config"]["metric"].keys() - self.metrics.keys()
        changed = {key: value for key, value in row.get("changed", {}).items() if _metric_of(key) in kept}
        return replace(self, metrics={**row["config"]["metric"], **self.metrics}, changed={**self.changed, **changed})

    def located_like(self, other: Cell) -> Cell:
        """The cell with the data and the split found for another one of the same data, scenario and forget stream."""
        return replace(self, data_path=other.data_path, fingerprint=other.fingerprint, split_digest=other.split_digest)

    def resolved(self, data_directory: Path) -> Cell:
        """The cell with its data decoded, unless it is known where they lie, and its split drawn: all its keys."""
        path = self.data_path or self._prepared(data_directory)
        located = replace(self, data_path=str(path))
        split = located.split()
        return replace(located, fingerprint=split.data.fingerprint, split_digest=split.digest)

    def _prepared(self, data_directory: Path) -> Path:
        source = self.build("data")
        with untouched(f"data {self.names['data']}", source), seeds.scoped_where_loaded(seeds.stream("train", 0)):
            node = identity(self.nodes["data"], files=False)  # its signature looks into them
            return data_cache.prepare(source, node, data_directory)

    def split(self) -> Split:
        """What this cell's scenario draws from its decoded data, or from what it makes of them when it poisons.

        The arrays of each call are its own; the data are shared.
        """
        scenario = json.dumps(self.nodes["scenario"]), f"scenario {self.names['scenario']}"
        split = _drawn(self.data_path, *scenario, self.seeds["forget"])
        return split.mapped(lambda one: replace(one, indices=one.indices.copy(), targets=one.targets.copy()))

    def __getstate__(self) -> dict[str, Any]:
        """Of a pickle: without the keys, since the process that runs a stage looks at its own code for them."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def key(self, stage: str) -> str:
        """The key of what this stage leaves: original, reference or unlearned."""
        if stage not in self._keys:
            self._keys[stage] = self._key(stage)
        return self._keys[stage]

    @cached_property
    def _keys(self) -> dict[str, str]:
        """Those asked for: each is asked for some twenty times, and nothing of a cell changes."""
        return {}

    def _key(self, stage: str) -> str:
        if stage == "unlearned":
            return digest(
                {
                    "schema": SCHEMA["unlearned"],
                    "original": self.key("original"),
                    "split": self.split_digest,
                    "method": self._identity("method"),
                    "stream": [self.seed, self.seeds["unlearn"]],
                }
            )
        training = {
            "stage": stage,
            "schema": SCHEMA[stage],
            "data": self.fingerprint,
            "model": self._identity("model"),
            "recipe": self._identity("recipe"),
            **self.numerics,
        }
        if stage == "original":
            return digest({**training, "stream": [self.seed]})
        stream = [self.seed, self.seeds["reference"]]
        return digest({**training, "split": self.split_digest, "stream": stream})

    @property
    def numerics(self) -> dict[str, Any]:
        """What moves the last bits of a computation on the same device."""
        return {"deterministic": self.deterministic, "threads": self.threads}

    @cached_property
    def metric_keys(self) -> dict[str, str]:
        return {name: digest(_identity(json.dumps(node))) for name, node in self.metrics.items()}

    @cached_property
    def codes(self) -> dict[str, Code]:
        """The code of every class that its components name, by the full name of the class."""
        return codes([*self.nodes.values(), *self.metrics.values()])

    def depends(self) -> dict[str, Any]:
        """What its row depends on beside its values, part by part: for whoever asks later why it was made again."""
        nodes = [node for group, node in self.nodes.items() if group != "data"]
        return {
            "schemas": {stage: number for stage, number in SCHEMA.items() if stage != "audit"},
            "data": self.fingerprint,
            "split": self.split_digest,
            "code": {target: code.digest for target, code in self.codes.items()},
            "files": named_files([*nodes, *self.metrics.values()]),
        }

    @property
    def code_keys(self) -> dict[str, str]:
        """Of each component but the data, whose images have a fingerprint: the same wherever code and values are."""
        return {group: digest(self._identity(group)) for group in COMPONENTS if group != "data"}

    def _identity(self, group: str) -> Any:
        return _identity(json.dumps(self.nodes[group]))

    @cached_property
    def id(self) -> str:
        """16 hexadecimal digits: the name of its row and of its log."""
        asked = [self.names, self._identity("scenario")]  # two ways to ask for the same split are two rows
        parts = [SCHEMA["row"], asked, self.key("unlearned"), self.key("reference"), self.seeds["evaluate"]]
        return digest(parts)[:16]


@dataclass(frozen=True, kw_only=True)
class Workplace:
    """Where stages run. Only the device can move last bits; what else does is part of the cell and of its keys."""

    output_dir: str
    device: str
    """cuda, mps or cpu: the device that this process sees."""
    threads: int = 1
    shared: bool = False
    """Whether other jobs may use the device at the same time."""
    same_versions: bool = False
    """Whether what other versions of the libraries have made is made anew."""
    activity: Activity = field(default_factory=Activity, compare=False, repr=False)
    """What is told how far the work is."""

    @property
    def store(self) -> Store:
        return _store(self.output_dir, self.same_versions)

    def row_path(self, cell: Cell) -> Path:
        return Path(self.output_dir) / "rows" / f"{cell.id}.json"


@cache
def _built(node: str, what: str) -> Any:
    """Components are frozen, so one of each is enough for a process."""
    return registry.build(json.loads(node), what)


@lru_cache(maxsize=10_000)
def _identity(node: str) -> Any:
    """Many cells have the same nodes."""
    return identity(json.loads(node))


@cache
def _store(output_dir: str, same_versions: bool) -> Store:
    """One for each process, which checks an artefact's digest once."""
    return Store(Path(output_dir) / "store", same_versions=same_versions)


@cache
def open_data(path: str) -> ImageData:
    """The decoded data, memory-mapped; once per process."""
    return data_cache.open(Path(path))


@lru_cache(maxsize=2)
def _drawn(path: str, scenario: str, what: str, forget: int) -> Split:
    """Only the last ones are kept: what a scenario adds to the data differs from one forget stream to the next."""
    component, data = _built(scenario, what), open_data(path)
    with untouched(what, component):
        split = seeds.called(
            seeds.stream("forget", forget), lambda: component(data, seeds.numpy_generator("forget", forget))
        )
    return split if split.data is data else sealed_split(split)


def _metric_of(key: str) -> str:
    """`js_divergence` of `metric.js_divergence.base`."""
    first, _, rest = key.partition(".")
    return rest.partition(".")[0] if first == "metric" else ""


def _truth(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise SupremeError(f"{name}={value} is not allowed: give true or false")
    return value


def _whole(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise SupremeError(f"{name}={value} is not allowed: give a whole number from 0, for example {name}=0")
    return value
