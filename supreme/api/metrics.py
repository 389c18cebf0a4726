"""Which metrics an evaluation is asked for: by name, with other values, or one's own."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar

from omegaconf import OmegaConf

from supreme.core import Split, SupremeError, Undefined, registry
from supreme.core.evaluation import Evaluation
from supreme.core.suitability import check_split
from supreme.report.catalogue.methods import CONF


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One metric."""

    name: str
    metric: Any
    node: Mapping[str, Any]
    """Its values, as a row has them."""
    changed: Mapping[str, Any] = field(default_factory=dict)
    """Those that are not as its YAML has them."""
    explicit: bool = True
    """Whether somebody chose it, and did not just leave the usual ones."""


@dataclass(frozen=True)
class FunctionMetric:
    """A function from an evaluation to columns, as a metric."""

    name: str
    function: Callable[[Evaluation], Mapping[str, float]]

    needs: ClassVar[frozenset[str]] = frozenset({"logits"})

    def columns(self, evaluation: Evaluation) -> tuple[str, ...]:
        try:
            return tuple(self.function(evaluation))
        except Exception:  # what it lacks here, it has said already
            return (self.name,)

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float | Undefined]:
        return self.function(evaluation)


def asked_metrics(given: Any) -> list[Asked]:
    """The metrics that `metrics=` names; None: those of conf/config.yaml.

    Raises:
        SupremeError: there is no such metric, or a value of it is refused.
    """
    if given is None:
        return [_named(name, {}, explicit=False) for name in usual_names()]
    if isinstance(given, str) or not isinstance(given, Mapping | Sequence):
        given = [given]
    found = list(_each(given))
    if not found:
        raise SupremeError(f"metrics is empty: name some, as in metrics={list(usual_names())[:2]}, or leave it out")
    for place, one in enumerate(found):
        if one.name in {other.name for other in found[:place]}:
            raise SupremeError(f"metrics has {one.name} twice: give it once")
    return found


def fitting(asked: Sequence[Asked], split: Split) -> tuple[list[Asked], list[str]]:
    """Those that can have a value on this split, and why the others of the usual ones cannot.

    Raises:
        SupremeError: one that was asked for cannot.
    """
    kept, told = [], []
    for one in asked:
        try:
            check_split(one.metric, split)
        except SupremeError as reason:
            if one.explicit:
                raise SupremeError(f"metric {one.name}: {reason}") from reason
            told.append(f"{one.name} is left out: {reason}.")
        else:
            kept.append(one)
    return kept, told


@cache
def usual_names() -> tuple[str, ...]:
    """What conf/config.yaml asks for."""
    defaults: Any = OmegaConf.to_container(OmegaConf.load(CONF / "config.yaml"), resolve=False)
    return tuple(next(one["metric"] for one in defaults["defaults"] if isinstance(one, dict) and "metric" in one))


@cache
def metric_names() -> tuple[str, ...]:
    """Of every YAML in conf/metric."""
    return tuple(sorted(path.stem for path in (CONF / "metric").glob("*.yaml")))


def _each(given: Mapping[Any, Any] | Sequence[Any]) -> Iterator[Asked]:
    if isinstance(given, Mapping):
        for name, values in given.items():
            if values is None or isinstance(values, Mapping):
                yield _named(str(name), values or {})
            else:
                yield _own(values, str(name))
        return
    for one in given:
        if isinstance(one, str):
            yield _named(one, {})
        elif isinstance(one, Mapping):
            yield from _each(one)
        else:
            yield _own(one)


def _named(name: str, values: Mapping[str, Any], *, explicit: bool = True) -> Asked:
    if name not in metric_names():
        near = difflib.get_close_matches(name, metric_names(), 1)
        hint = f"did you mean {near[0]}?" if near else f"there is {', '.join(metric_names())}"
        column = f" ({name} is a column: name its metric, {name.partition('/')[0]})" if "/" in name else ""
        raise SupremeError(f"there is no metric {name}{column}; {hint}")
    usual: Any = OmegaConf.to_container(OmegaConf.load(CONF / "metric" / f"{name}.yaml"))
    node = {**usual, **values}
    changed = {f"metric.{name}.{field}": value for field, value in values.items() if usual.get(field) != value}
    return Asked(
        name=name, metric=registry.build(node, f"metric {name}"), node=node, changed=changed, explicit=explicit
    )


def _own(given: Any, name: str = "") -> Asked:
    """A metric of one's own: an object that has `needs` and `columns`, or a function of an evaluation."""
    if isinstance(given, type):
        raise SupremeError(f"metrics has the class {given.__name__}: give a metric, an instance of it with its values")
    if not callable(given):
        raise SupremeError(f"metrics has {given!r:.40}: give names, {{name: {{field: value}}}}, or metrics of your own")
    name = name or _snake(getattr(given, "__name__", type(given).__name__))
    if not re.fullmatch(r"\w+", name):
        raise SupremeError(f'a metric of your own needs a name: give {{"my_metric": {name}}}')
    own: Any = given
    metric = own if hasattr(own, "columns") and hasattr(own, "needs") else FunctionMetric(name, own)
    kind = given if metric is not given else type(given)
    values = {key: repr(value) for key, value in sorted(getattr(given, "__dict__", {}).items())}
    target = f"{getattr(kind, '__module__', '')}.{getattr(kind, '__qualname__', name)}"
    return Asked(name=name, metric=metric, node={"_target_": target, **values})


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
