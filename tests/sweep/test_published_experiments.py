"""Experiments that repeat published tables: their values are the authors', and every published line has its column."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import hydra
import numpy as np
import pytest
from conftest import command_line
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra

from supreme.cli import CONF
from supreme.command_line.read_once import config_files_read_once
from supreme.core.registry import build
from supreme.pipeline.cell import Cell
from supreme.sweep.plan.compose import Composer, expand
from supreme.sweep.plan.planned_columns import planned_columns
from supreme.testing import tiny_data
from tests.data.cifar_archives import write_cifar10
from tests.sweep.published_values import METHODS, RANGES, TRAINING

PUBLISHED = CONF.parent / "supreme" / "report" / "published"
SHARED = "there one optimizer has two learning rates, and ours has one"
ADAM = "there with Adam, and ours takes SGD"
NO_METHOD = "we have no such method"
ABSENT: Mapping[str, Mapping[str, str]] = {
    "dualoptim_cifar10_10": {"salun": SHARED},
    "dualoptim_cifar10_50": {"scrub": SHARED, "salun": SHARED},
    "dualoptim_cifar100": {"random_label": SHARED, "scrub": SHARED, "salun": SHARED},
    "dualoptim_svhn": {"random_label": SHARED, "scrub": SHARED, "salun": SHARED},
    "dualoptim_tinyimagenet_swin": {"random_label": SHARED, "neggrad": ADAM, "salun": ADAM, "sfron": ADAM},
    "coun_cifar10": {"coun": NO_METHOD, "contrastive_unlearning": NO_METHOD},
    **{f"coun_{rest}": {"coun": NO_METHOD} for rest in ("cifar100", "cifar100_vgg16", "cifar100_vit", "tinyimagenet")},
}
"""Of a published table, the methods that the experiment leaves out, and why."""
OF_ANOTHER_NAME = {"swin_t": "timm", "vit": "timm"}
NO_EXPERIMENT = {
    "cmf_vit_s16": "none was built",
    "class_cards_advneggrad": "its AdvNegGrad is descent and ascent in one step, and not the method of Cha et al.",
}


@cache
def jobs_and_cells(name: str) -> tuple[list[list[str]], list[tuple[dict[str, str], Cell]]]:
    """The overrides of every cell, and of some of the first training seed what is chosen and the cell.

    Of many classes, every method at the first one and the first method at every one are composed.
    """
    unlabelled = mock.patch.object(
        Composer, "_changes", return_value={}
    )  # how a table calls a cell takes as long again
    with unlabelled, config_files_read_once(), hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        config = hydra.compose("config", [f"experiment={name}"], return_hydra_config=True)
        context = SimpleNamespace(config_loader=GlobalHydra.instance().config_loader())
        sweeper = SimpleNamespace(
            params=config.hydra.sweeper.params,
            config=config,
            hydra_context=context,
            split_arguments=BasicSweeper.split_arguments,
        )
        composer = Composer(context, config)
        jobs = expand(sweeper, [f"experiment={name}", "data_dir=x"], composer)
        found, seen, first_seed = [], set(), jobs[0][0]
        for job in (job for job in jobs if job[0] == first_seed):
            chosen = dict(override.split("=", 1) for override in job)
            method, part = (chosen["scenario"], chosen["method"]), (chosen["scenario"], setting(chosen))
            if "scenario.fraction" in chosen or not {method, part} <= seen:
                found.append((chosen, composer(job)[0]))
            seen |= {method, part}
        return jobs, found


def cells(name: str) -> list[tuple[dict[str, str], Cell]]:
    return jobs_and_cells(name)[1]


def setting(chosen: Mapping[str, str]) -> float:
    """What tells the parts of a table apart: the fraction, or the number of the class."""
    return float(chosen.get("scenario.fraction", chosen.get("scenario.target", "nan")))


def has(cell: Cell, key: str) -> Any:
    group, *path = key.split(".")
    found: Any = cell.metrics if group == "metric" else cell.nodes[group]
    for part in path:
        found = found[part]
    return found


@pytest.mark.parametrize("name", TRAINING)
def test_every_cell_of_a_published_experiment_trains_as_its_authors_say(name: str) -> None:
    for chosen, cell in cells(name):
        assert {key: has(cell, key) for key in TRAINING[name]} == TRAINING[name], chosen
        assert cell.nodes["recipe"]["label_smoothing"] == 0


@pytest.mark.parametrize(("name", "part"), METHODS)
def test_the_methods_of_a_published_experiment_have_the_values_of_its_authors(name: str, part: float) -> None:
    found = {chosen["method"]: cell.nodes["method"] for chosen, cell in cells(name) if setting(chosen) == part}
    for method, values in METHODS[name, part].items():
        assert {field: found[method][field] for field in values} == values, method


@pytest.mark.parametrize("name", [name for name in TRAINING if name.startswith("coun")])
def test_what_coun_searched_and_does_not_print_is_inside_its_ranges_and_not_told_as_published(name: str) -> None:
    for chosen, cell in cells(name):
        for field, (low, high) in RANGES.get(chosen["method"], {}).items():
            assert low <= cell.nodes["method"][field] <= high, (chosen, field)
        if cell.tuned is not None and cell.tuned["preset"].endswith("/coun"):
            assert cell.tuned["source"] == "reasoned"


def test_a_preset_of_a_table_is_told_as_published_where_the_table_prints_the_values() -> None:
    for name, part in METHODS:
        if name.startswith("dualoptim"):
            told = {chosen["method"]: cell.tuned for chosen, cell in cells(name) if setting(chosen) == part}
            for method in METHODS[name, part]:
                assert (told[method] or {})["source"] == "published", (name, method)


# Published lines.


def lines() -> Iterator[dict[str, str]]:
    for path in sorted(PUBLISHED.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            yield from (line for line in csv.DictReader(file) if path.stem != "supreme_paper")


def experiment_of(line: Mapping[str, str]) -> str:
    recipe, data = line["recipe"], line["data"]
    of_data = {"cifar10": "coun_cifar10", "cifar100": "coun_cifar100", "tiny_imagenet": "coun_tinyimagenet"}
    others = {"coun_vgg16": "coun_cifar100_vgg16", "coun_vit": "coun_cifar100_vit"}
    others |= {"optml": "salun_main", "optml_lr6e-3": "salun_main"}  # the latter with method.lr=0.006
    return of_data[data] if recipe == "coun" else others.get(recipe, recipe)


LINES = list(lines())


@pytest.mark.parametrize("recipe", sorted({line["recipe"] for line in LINES}))
def test_every_published_line_finds_a_cell_and_a_column_or_is_declared_absent(recipe: str) -> None:
    if recipe in NO_EXPERIMENT:
        assert recipe not in TRAINING
        return
    for line in (line for line in LINES if line["recipe"] == recipe):
        name = experiment_of(line)
        told = line["fraction"] or line["targets"]
        at = float("nan" if " " in told else told)  # an original's line is of all classes at once
        here = [cell for chosen, cell in cells(name) if setting(chosen) == at or at != at]
        assert here, line
        for group in ("data", "model", "scenario"):
            assert {cell.names[group] for cell in here} == {OF_ANOTHER_NAME.get(line[group], line[group])}, line
        if line["method"] in ABSENT.get(name, {}):
            assert line["method"] not in {cell.names["method"] for cell in here}, line
            continue
        assert line["method"] in {"reference", *(cell.names["method"] for cell in here)}, line
        assert line["metric"] in columns(here[0]), line


def columns(cell: Cell) -> Any:
    """Planned on data that is here in place of the cell's own, of which class 0 or a share is forgotten."""
    return _columns(cell.names["scenario"], json.dumps(cell.nodes["scenario"]), json.dumps(cell.metrics))


@cache
def _columns(scenario: str, node: str, metrics: str) -> Any:
    drawn = {**json.loads(node), **({"target": 0} if scenario == "full_class" else {})}
    split = build(drawn)(tiny_data(), np.random.default_rng(0))
    stand_in: Any = SimpleNamespace(judging_split=lambda: split, metrics=json.loads(metrics))
    found = planned_columns(stand_in)
    assert found is not None
    return found


@pytest.mark.parametrize("name", ABSENT)
def test_what_an_experiment_leaves_out_is_in_its_table_and_not_in_its_grid(name: str) -> None:
    of_table = {line["method"] for line in LINES if experiment_of(line) == name}
    assert ABSENT[name].keys() <= of_table
    assert of_table - {"reference"} == ABSENT[name].keys() | {
        cell.names["method"] for _, cell in cells(name) if cell.names["method"] not in ("original", "retrain")
    }


# What it costs.


def test_the_readme_counts_the_trainings_of_each_experiment() -> None:
    """Each has an original of each seed, and a reference and a second retrained model of each seed and forget set."""
    readme = (CONF / "experiment" / "README.md").read_text(encoding="utf-8")
    told = {name: (int(trainings), int(epochs)) for name, trainings, epochs in TOLD.findall(readme)}
    assert told.keys() == TRAINING.keys()
    for name in TRAINING:
        jobs, firsts = jobs_and_cells(name)
        seeds = len({override for job in jobs for override in job if override.startswith("seed=")})
        forget_sets = {(chosen["scenario"], setting(chosen)) for chosen, _ in firsts}
        assert told[name] == (seeds * (1 + 2 * len(forget_sets)), firsts[0][1].nodes["recipe"]["epochs"]), name


TOLD = re.compile(r"^\| `(\w+)` \|.*\| (\d+) \S (\d+) \|$", re.MULTILINE)


# On noise in the shape of CIFAR-10.

TINY = ("data.verify_md5=false", "data_dir=data", "model.width=4", "devices=cpu", "seed=0", "recipe.epochs=1")


def rows_of(folder: Path, *arguments: str) -> list[Any]:
    """The rows of a sweep on 100 images, with four channels in the first layer and one epoch of training."""
    write_cifar10(folder / "data")
    done = command_line(*TINY, *arguments, cwd=folder, workers=2)
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(path.read_text()) for path in (folder / "outputs" / "rows").glob("*.json")]


SOME: Mapping[str, tuple[tuple[str, ...], set[str]]] = {
    "dualoptim_cifar10_10": (
        (),
        {"retrain", "neggrad", "random_label", "dualoptim_scrub", "dualoptim_salun"},
    ),
    "dualoptim_cifar10_50": (("method.steps=10",), {"sfron"}),
    "salun_main": (("scenario.fraction=0.1",), {"finetune", "neggrad", "salun"}),
    "coun_cifar10": (("scenario=full_class",), {"neggrad_plus", "weight_negation"}),
    "class_cards": (("scenario.target=3",), {"original", "retrain"}),
}
"""Of an experiment, what is given beside its methods, and these: one of each kind."""
EXHAUSTIVE = [name for name in SOME if name != "dualoptim_cifar10_10"]


@pytest.mark.parametrize(
    "name", ["dualoptim_cifar10_10", *(pytest.param(name, marks=pytest.mark.exhaustive) for name in EXHAUSTIVE)]
)
def test_a_tiny_run_of_an_experiment_fills_every_published_column(name: str, tmp_path: Path) -> None:
    more, methods = SOME[name]
    rows = rows_of(tmp_path, f"experiment={name}", f"method={','.join(sorted(methods))}", *more)
    assert {row["method"] for row in rows} == methods
    for row in rows:
        here = {line["metric"] for line in LINES if (experiment_of(line), line["scenario"]) == (name, row["scenario"])}
        values = [row[part][column] for part in ("metrics", "reference") for column in here]
        assert values
        assert all(0 <= value <= 1 for value in values), (here, values)
        assert row["recipe"] == {"coun_cifar10": "coun", "salun_main": "optml"}.get(name, name.partition("_cifar10")[0])
