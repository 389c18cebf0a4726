"""A cell: one point of the sweep, its data and its split. Its keys are in `supreme.pipeline.keys`. No torch here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from supreme.core import Split, SupremeError, seeds
from supreme.core.endpoints import Endpoints
from supreme.core.images import ImageData
from supreme.core.patterns import filled_node
from supreme.core.registry import as_component
from supreme.core.split import sealed_split
from supreme.pipeline import given_files, judged, keys, twins
from supreme.pipeline.process_cache import PROCESS_CACHE, built, node_key
from supreme.pipeline.process_state import untouched
from supreme.store.decoded import cache as data_cache
from supreme.store.files import digest
from supreme.store.fingerprint import Code, codes, identity

COMPONENTS = ("data", "model", "recipe", "scenario", "method")
DRAWS = ("forget", "reference", "unlearn", "evaluate")


@dataclass(frozen=True, kw_only=True)
class Cell:
    """data x model x recipe x scenario x method x seeds, with the metrics that its row is to hold."""

    names: Mapping[str, str]
    """Names of the components' YAML files, by group."""
    nodes: Mapping[str, Mapping[str, Any]]
    """Nodes of the components, by group: `_target_` and every value."""
    metrics: Mapping[str, Mapping[str, Any]]
    """Nodes of the metrics, by name."""
    seed: int
    """Training seed: the unit of replication."""
    seeds: Mapping[str, int]
    """Numbers of the other streams: the seed of forget, and the draws reference, unlearn and evaluate inside `seed`."""
    deterministic: bool
    """Whether only deterministic algorithms are allowed."""
    threads: int
    """Number of threads of one CPU job; another number gives other last bits."""
    audits: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Nodes of the audits, by name. They compare many cells: no part of this cell's id or row."""
    protocol: str = ""
    """Name of the protocol that set some of these values: a label of the row, and no part of its id."""
    overrides: Sequence[str] = ()
    """Words to type after `python -m supreme` for this cell alone."""
    tuned: Mapping[str, Any] | None = field(default=None, compare=False)
    """Preset that set values of the method (`supreme.sweep.plan.presets`): a label of the row, no part of its id."""
    declared: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """Endpoints that claims are to be made of, with their margins: a label of the row, no part of its id."""
    samples: bool = field(default=True, compare=False)
    """Whether reports may show images that it forgets: a label of the row, no part of its id."""
    changed: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """Values that differ from those of the YAML files, by dotted name (`supreme.sweep.plan.changes`)."""
    given: Mapping[str, str] = field(default_factory=dict)
    """Paths of the models that are not trained here, by stage: original, reference; see `pipeline.given_files`."""
    data_path: str = ""
    """Folder of the decoded data; `resolved` fills in this and the two below."""
    fingerprint: str = ""
    """Fingerprint of the data, with what the scenario made of them when it poisons."""
    split_digest: str = ""
    """SHA-256 of the split that the scenario drew."""

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
            nodes={name: as_component(config[name], name) for name in COMPONENTS} | {"data": _data(config)},
            metrics=_metrics(config["metric"]),
            seed=_whole("seed", config.get("seed")),
            seeds={name: _whole(f"seeds.{name}", draws.get(name)) for name in DRAWS},
            deterministic=_truth("deterministic", config.get("deterministic", True)),
            threads=_whole("threads", config.get("threads", 1)),
            audits=config.get("audit") or {},
            protocol=str(names.get("protocol", "")),
            overrides=tuple(overrides),
            declared=_declared(config.get("report"), config.get("seed")),
            samples=_samples(config.get("report")),
            given=given_files.patterns_in(config),
        )

    def build(self, group: str) -> Any:
        """The component of this group."""
        return built(self._components()[group], f"{group} {self.names[group]}")

    def components(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """What each component is called in messages, and its node."""
        yield from ((f"{group} {self.names[group]}", node) for group, node in self._components().items())
        yield from ((f"metric {name}", node) for name, node in self.metrics.items())

    def _components(self) -> Mapping[str, Mapping[str, Any]]:
        replaced = {"data": _source(self.nodes["data"]), "scenario": self.scenario, "method": self.method_node}
        return {**self.nodes, **replaced}

    @cached_property
    def scenario(self) -> Mapping[str, Any]:
        """The node of its scenario with this cell's own path in place of a pattern, where {seed} is the forget seed.

        The rows of all seeds keep the pattern, and so are rows of one and the same config.
        """
        return filled_node(self.nodes["scenario"], {**self.pattern_values, "seed": self.seeds["forget"]}, "scenario")

    @cached_property
    def method_node(self) -> Mapping[str, Any]:
        """The node of the method, with this cell's own path in place of a pattern of paths."""
        return filled_node(self.nodes["method"], self.pattern_values, "method")

    @property
    def pattern_values(self) -> dict[str, Any]:
        """What the fields of a pattern of paths stand for here; see `supreme.core.patterns`."""
        return {"seed": self.seed, **self.seeds, "class": self.nodes["scenario"].get("target")}

    def given_files(self, unlearned: bool) -> dict[str, dict[str, str]]:
        """What its row says of the files of models that were made elsewhere, by stage.

        Args:
            unlearned: whether the path of the method is one of these, too.
        """
        found = given_files.told_of(self.given, self.pattern_values)
        node = self.nodes["method"]
        if unlearned:
            found["unlearned"] = given_files.told(str(node["path"]), Path(self.method_node["path"]), "method.path")
        return found

    def given_path(self, stage: str) -> Path | None:
        """The file that the model of this stage is taken from; None where it is trained here."""
        return given_files.path_of(self.given, stage, self.pattern_values)

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
        path = self.data_path or self._decode(data_directory)
        located = replace(self, data_path=str(path))
        split = located.split()
        located.judging_split()  # which may be refused
        return replace(located, fingerprint=split.data.fingerprint, split_digest=split.digest)

    def _decode(self, data_directory: Path) -> Path:
        source = self.build("data")
        with untouched(f"data {self.names['data']}", source), seeds.scoped_where_loaded(seeds.stream("train", 0)):
            node = identity(self._components()["data"], files=False)  # its signature looks into them
            return data_cache.prepare(source, node, data_directory)

    @property
    def decoded(self) -> ImageData:
        """Its data as decoded, before a scenario poisons them: memory-mapped, once for each process."""
        return PROCESS_CACHE.decoded.get(self.data_path, lambda: data_cache.open(Path(self.data_path)))

    def split(self) -> Split:
        """What its scenario draws from its decoded data, or from what it makes of them when it poisons.

        The arrays of each call are its own; the data are shared.
        """
        return self._kept_split("training", lambda: self._split_of(self.decoded))

    def judging_split(self) -> Split:
        """The split whose test images metrics look at: with data.evaluate_on=validation, the validation images.

        Raises:
            SupremeError: there are none, or the scenario's forget set depends on which images test.
        """
        if not judged.on_validation(self.nodes["data"]):
            return self.split()

        def made() -> Split:
            other = self._split_of(judged.tested_on_validation(self.decoded, self.names["data"]))
            return judged.with_tests_of(self.split(), other, f"scenario {self.names['scenario']}")

        return self._kept_split("judging", made)

    def _split_of(self, data: ImageData) -> Split:
        what, source = f"scenario {self.names['scenario']}", self.nodes["data"]
        drawn = _drawn(self.build("scenario"), what, data, self.seeds["forget"])
        return twins.drawn(drawn, source, self.data_path, self.decoded)

    def _kept_split(self, purpose: str, make: Callable[[], Split]) -> Split:
        key = self.data_path, twins.are_together(self.nodes["data"]), node_key(self.scenario), self.names["scenario"]
        split = PROCESS_CACHE.splits.get((purpose, *key, self.seeds["forget"]), make)
        return split.mapped(lambda one: replace(one, indices=one.indices.copy(), targets=one.targets.copy()))

    def __getstate__(self) -> dict[str, Any]:
        """Of a pickle: without the keys, since the process that runs a stage looks at its own code for them."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def key(self, stage: str) -> str:
        """The key of what this stage leaves: original, reference or unlearned."""
        if stage not in self._keys:
            self._keys[stage] = keys.stage_key(self, stage)
        return self._keys[stage]

    @cached_property
    def _keys(self) -> dict[str, str]:
        """Keys asked for so far: each is asked for some twenty times, and nothing of a cell changes."""
        return {}

    @cached_property
    def id(self) -> str:
        """16 hexadecimal digits: the name of its row and of its log."""
        return keys.row_key(self)

    @cached_property
    def metric_keys(self) -> dict[str, str]:
        """Of each metric, the digest of its values and code."""
        return {name: digest(keys.node_identity(node)) for name, node in self.metrics.items()}

    @cached_property
    def codes(self) -> dict[str, Code]:
        """The code of every class that its components name, by the full name of the class."""
        return codes([*self.nodes.values(), *self.metrics.values()])

    @property
    def numerics(self) -> dict[str, Any]:
        """What moves the last bits of a computation on the same device."""
        return {"deterministic": self.deterministic, "threads": self.threads}


def _data(config: Mapping[str, Any]) -> Mapping[str, Any]:
    node = judged.checked(twins.checked(config["data"]))
    if judged.on_validation(node) and config.get("audit"):
        raise SupremeError(
            f"audits judge by test images: leave data.{judged.OPTION}={judged.VALIDATION} out, or type audit=[]"
        )
    return node


def _source(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """The node of the data source alone."""
    return judged.source(twins.source(node))


def _drawn(component: Any, what: str, data: ImageData, forget: int) -> Split:
    """What this scenario draws from these data with this forget stream; nobody can write to what it adds to them."""
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


def _declared(node: object, seed: object) -> Mapping[str, Any]:
    """The `report` node of a config, checked, also against the training seed; nothing where there is none."""
    if node is None:
        return {}
    if not isinstance(node, Mapping) or not set(_REPORT) >= set(node) >= {"margins"}:
        given = ", ".join(map(str, node)) if isinstance(node, Mapping) else node
        more = ", ".join(_REPORT[1:])
        raise SupremeError(f"report has {given}: it has margins, and may have {more}, and nothing else")
    text = json.dumps({name: value for name, value in node.items() if name != "samples"})
    if isinstance(seed, int):
        _endpoints(text).refuse_pilot([seed])
    return _record(text)  # which all cells share


def _metrics(nodes: Mapping[str, Any]) -> Mapping[str, Any]:
    """The nodes of metrics, a plain function among them as a component; where there is none, the very same mapping."""
    found = {name: as_component(node, "metric") for name, node in nodes.items()}
    return nodes if all(found[name] is node for name, node in nodes.items()) else found


def _samples(node: object) -> bool:
    """`report.samples` of a config; true where it is not said."""
    return _truth("report.samples", node.get("samples", True)) if isinstance(node, Mapping) else True


_REPORT = ("margins", "most_left", "pilot_seeds", "samples")


@cache
def _endpoints(node: str) -> Endpoints:
    return Endpoints.of(**json.loads(node))


@cache
def _record(node: str) -> Mapping[str, Any]:
    return _endpoints(node).record()


def _whole(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        todo = f"for example {name}=0"
        if isinstance(value, list) and len(value) > 1:
            todo = f"to sweep over several type -m {name}={','.join(map(str, value))}"
        raise SupremeError(f"{name}={value} is not allowed: give a whole number from 0, {todo}")
    return value
