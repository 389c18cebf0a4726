"""What of a sweep could not succeed, found before anything is trained: values, models, and splits that do not suit."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache, partial
from typing import Any

from supreme.core import Split, SupremeError, registry
from supreme.core.components import version_of
from supreme.core.images import ImageData
from supreme.core.suitability import check_split
from supreme.pipeline.cell import Cell
from supreme.pipeline.ensembles import AuditJob
from supreme.pipeline.judged import on_validation
from supreme.pipeline.method_suitability import check_method
from supreme.store.files import digest
from supreme.sweep.plan.compose import Problems
from supreme.sweep.plan.endpoints import undeclared, unknown_endpoints

FEW = 5
"""Methods that are named one by one where others are to be left out."""


def check_components(cells: Iterable[Cell], problems: Problems) -> None:
    """Build every component once, so that a wrong value is refused before any device spins."""
    flaws: dict[str, str] = {}
    endpoints: dict[str, list[str]] = {}
    for cell in cells:
        for what, node in cell.components():
            key = digest([what, node])
            if key not in flaws:
                flaws[key] = flaw(what, node)
            if flaws[key]:
                problems.add(flaws[key])
        if asked := undeclared(cell):
            key = digest([asked, cell.metrics, cell.nodes["data"], cell.scenario, cell.seeds["forget"]])
            if key not in endpoints:
                endpoints[key] = unknown_endpoints(cell)
            for sentence in endpoints[key]:
                problems.add(sentence)
        data = cell.decoded
        key = digest([cell.nodes["model"], data.num_classes, data.image_size])
        if key not in flaws:
            flaws[key] = misfit(cell, data)
        if flaws[key]:
            problems.add(flaws[key])
        if cell.nodes["recipe"].get("original_keeps") == "best_on_validation" and not len(data.validation):
            problems.add(
                f"recipe.original_keeps=best_on_validation chooses an epoch on validation images, and data "
                f"{cell.names['data']} has none: type data.validation_fraction=0.1, say, or recipe.original_keeps=last"
            )


def flaw(what: str, node: Mapping[str, Any]) -> str:
    """Why this component cannot be used; empty when it can."""
    try:
        built = registry.build(node, what)
        if what.startswith(("scenario ", "metric ")):
            version_of(built)
    except SupremeError as error:
        return str(error)
    return ""


def misfit(cell: Cell, data: ImageData) -> str:
    """Why its model cannot be built for these data, where the model can tell and can be chosen; else empty."""
    what = f"model {cell.names['model']}"
    if flaw(what, cell.nodes["model"]) or not hasattr(model := cell.build("model"), "check"):
        return ""
    told = _why(lambda: model.check(data.num_classes, data.image_size, data.mean, data.std))
    return f"{what}: {told}" if told else ""


def check_splits(cells: Sequence[Cell], todo: Iterable[Cell], problems: Problems) -> None:
    """Ask the method and the metrics of every cell about its split, which is drawn once for all cells that share it.

    A metric is refused where it could give no value in any cell that asks for it; elsewhere a row says why it has none.

    Args:
        cells: all of them; those that have a row are looked at only where a metric suits no other cell.
        todo: those without one, each with the metrics that are asked for.
    """
    methods: dict[str, bool] = {}
    metrics: dict[str, list[str]] = defaultdict(list)
    suited = set[str]()
    for same in _by_split(todo):
        split = same[0].split()
        for cell, why in _asked_methods(same, split):
            name = cell.names["method"]
            methods[name] = methods.get(name, False) or bool(why)
            if why:
                problems.add(f"method {name} with {_where(cell)}: {why}")
        for cell, name, key, why in _asked_metrics(same, same[0].judging_split()):
            if why:
                metrics[key].append(f"metric {name} with {_where(cell)}: {why}, or leave it out of metric=[...]")
            else:
                suited.add(key)
    if metrics.keys() - suited:
        others = (one for same in _by_split(cells) for one in _asked_metrics(same, same[0].judging_split()))
        suited |= {key for _, _, key, why in others if not why}
    for key in [key for key in metrics if key not in suited]:
        for sentence in metrics[key]:
            problems.add(sentence)
    refused = sorted(name for name, is_refused in methods.items() if is_refused)
    if refused and (rest := sorted(methods.keys() - set(refused))):
        without = ",".join(rest) if len(rest) <= FEW else f"glob(*,exclude=[{','.join(refused)}])"
        problems.add(f"the other methods can run without {' and '.join(refused)}: type 'method={without}'")


def check_audits(jobs: Iterable[AuditJob], problems: Problems) -> None:
    """Refuse an audit that could give no value for the forget set of its models."""
    for job in jobs:
        if why := _why(partial(check_split, job.build(), job.cells[0].split())):
            problems.add(f"audit {job.name} with {_where(job.cells[0])}: {why}")


def _asked_methods(same: Iterable[Cell], split: Split) -> Iterator[tuple[Cell, str]]:
    """Of each of these cells why its method could not do its work; empty where it could."""
    asked: dict[str, str] = {}
    for cell in same:
        nodes = [json.dumps(node) for node in (cell.method_node, cell.nodes["model"], cell.nodes["recipe"])]
        if (key := f"{nodes} {cell.deterministic} {'original' in cell.given}") not in asked:
            wrong = None in map(_built, nodes)  # which is refused already
            asked[key] = "" if wrong else _why(partial(check_method, cell, split))
        yield cell, asked[key]


def _asked_metrics(same: Iterable[Cell], split: Split) -> Iterator[tuple[Cell, str, str, str]]:
    """Of each metric of these cells its name, its values, and why it could give no value here, "" where it could.

    Those that cannot be built, which is refused already, are left out.
    """
    asked: dict[str, str] = {}
    for cell in same:
        for name, node in cell.metrics.items():
            values = json.dumps(node)
            if (metric := _built(values)) is None:
                continue
            if values not in asked:
                asked[values] = _why(partial(check_split, metric, split))
            yield cell, name, values, asked[values]


@cache
def _built(node: str) -> Any:
    """The component that this node describes; None where it cannot be built."""
    with suppress(SupremeError):
        return registry.build(json.loads(node), "")
    return None


def _why(ask: Callable[[], None]) -> str:
    """What is said where something is refused; empty where it is not."""
    try:
        ask()
    except SupremeError as error:
        return str(error)
    except Exception as error:  # a third party's own check
        return f"{type(error).__name__}: {error}"
    return ""


def _by_split(cells: Iterable[Cell]) -> Iterable[Sequence[Cell]]:
    """The cells of each data and split together, so that it is drawn once."""
    groups: dict[tuple[str, str, bool], list[Cell]] = defaultdict(list)
    for cell in cells:
        groups[cell.data_path, cell.split_digest, on_validation(cell.nodes["data"])].append(cell)
    return groups.values()


def _where(cell: Cell) -> str:
    return f"data={cell.names['data']} scenario={cell.names['scenario']}"
