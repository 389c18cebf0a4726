"""`supreme.unlearn`: one method on somebody's network, in this process."""

from __future__ import annotations

import doctest
import importlib
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from torch import Tensor, nn

import supreme
from supreme.core import SupremeError
from supreme.pipeline.cell import Cell
from supreme.pipeline.prepared import Prepared
from supreme.pipeline.stages import model_of
from supreme.pipeline.workplace import Workplace
from tests.api.own_components import Shrink, TinyNet

CONF = Path(__file__).parents[2] / "conf"


def network(seed: int = 0) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        layers = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten()
        return nn.Sequential(*layers, nn.Linear(16, 5)).eval()


def images(count: int, seed: int) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(seed)
    return torch.rand(count, 3, 8, 8, generator=rng), torch.arange(count) % 5


SETS: dict[str, Any] = {"forget": images(10, 1), "retain": images(40, 2)}


def same(one: nn.Module, other: nn.Module) -> bool:
    weights = other.state_dict()
    return all(torch.equal(value, weights[name]) for name, value in one.state_dict().items())


def test_the_examples_of_its_docstring_run() -> None:
    failed, run = doctest.testmod(importlib.import_module("supreme.api.unlearn"))
    assert run > 4
    assert not failed


@pytest.mark.parametrize("method", ["finetune", "neggrad", "salun", "bad_teacher"])
def test_the_network_that_comes_back_is_of_its_own_type_and_the_given_one_as_it_was(method: str) -> None:
    given, before = network(), network()
    more = {"fresh": network} if method == "bad_teacher" else {}
    recipe = {"epochs": 1, "batch_size": 16}
    found = supreme.unlearn(given, method, **SETS, recipe=recipe, **more)
    assert type(found) is nn.Sequential
    assert [name for name, _ in found.named_parameters()] == [name for name, _ in given.named_parameters()]
    assert same(given, before)
    assert not same(found, before)
    assert same(found, supreme.unlearn(given, method, **SETS, recipe=recipe, **more)), "the same seed, the same bits"


def test_generators_and_settings_are_as_they_were_found() -> None:
    torch.manual_seed(1)
    np.random.seed(1)
    random.seed(1)
    states = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()  # type: ignore[index]
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    supreme.unlearn(network(), "neggrad", **SETS, recipe={"epochs": 1}, seed=3)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert np.random.get_state()[1].tolist() == states[1]  # type: ignore[index]
    assert random.getstate() == states[2]
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == (threads, deterministic)


@pytest.mark.parametrize(("method", "values"), [("neggrad", {}), ("ssd", {"alpha": 2.0}), ("finetune", {})])
def test_a_sweep_gives_the_same_bits(tmp_path: Path, method: str, values: dict[str, Any]) -> None:
    names = {
        "data": "digits",
        "model": "small_cnn",
        "recipe": "digits-small_cnn",
        "scenario": "random",
        "method": method,
    }
    chosen = [f"method={method}", "seed=3", "recipe.epochs=1", "tuned=none"]
    chosen += [f"method.{name}={value}" for name, value in values.items()]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config: Any = OmegaConf.to_container(compose("config", chosen), resolve=True)
    place = Workplace(output_dir=str(tmp_path), device="cpu")
    place.store.prepare()
    cell = Prepared(Cell.from_config(config, names).resolved(tmp_path / "data"), place)
    swept, original = model_of(cell, "unlearned"), model_of(cell, "original")
    assert not same(swept, original)
    sets: dict[str, Any] = {name: cell.split.sets[name] for name in ("forget", "retain", "validation")}
    recipe = {name: value for name, value in config["recipe"].items() if name != "_target_"}
    found = supreme.unlearn(original, method, **sets, seed=3, recipe=recipe, threads=1, **values)
    assert same(found, swept)


def test_a_method_of_ones_own_is_a_function_or_a_dataclass() -> None:
    given = network()

    def halve(model: nn.Module, split: Any, context: Any) -> nn.Module:
        assert len(split.forget) == 10
        with torch.no_grad():
            for weight in model.parameters():
                weight *= 0.5
        return model

    found = supreme.unlearn(given, halve, **SETS)
    assert torch.equal(found[0].weight, given[0].weight * 0.5)  # type: ignore[index, operator]
    assert same(found, supreme.unlearn(given, Shrink(factor=0.5), **SETS))
    assert same(found, supreme.unlearn(given, Shrink, **SETS, factor=0.5))


def test_a_network_whose_head_has_no_name_of_the_usual_ones_is_taken_apart() -> None:
    assert type(supreme.unlearn(TinyNet(5), "salun", **SETS, recipe={"epochs": 1})) is TinyNet


def test_the_list_of_methods_says_what_each_asks_for() -> None:
    methods = supreme.list_methods()
    assert methods.loc["amnesiac", "history"]
    assert methods.loc["unsir", "whole_classes"]
    assert not methods.loc["neggrad", ["history", "fresh", "features", "whole_classes"]].any()
    assert "given" not in methods.index, "it needs a path of yours"


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a name with a slip": ({"method": "scrubb"}, "there is no method scrubb; did you mean scrub?"),
    "a value with a slip": ({"method": "ssd", "alfa": 1.0}, "alfa.*did you mean alpha"),
    "a value out of bounds": ({"method": "neggrad", "lr": -1.0}, "lr=-1.0 is not allowed"),
    "history": ({"method": "amnesiac"}, "reads the history of the network's training, which only a sweep has"),
    "fresh missing": ({"method": "bad_teacher"}, "starts from a new network of the same kind"),
    "fresh is a network": ({"method": "bad_teacher", "fresh": network()}, "fresh: a Sequential makes no network"),
    "class": ({"method": "unsir"}, "forget"),
    "no network": ({"model": "resnet18"}, "a str is no network"),
    "an array": ({"model": np.zeros(3)}, "a ndarray is no network"),
    "head": ({"head": "fc"}, "has no such layer"),
    "seed": ({"seed": -1}, "seed=-1 is not allowed"),
    "seed true": ({"seed": True}, "seed=True is not allowed"),
    "draw": ({"draw": 1.5}, "draw=1.5 is not allowed"),
    "recipe": ({"recipe": "sdg"}, "there is no recipe sdg; did you mean sgd?"),
    "recipe number": ({"recipe": 3}, "recipe=3 is not allowed"),
    "recipe value": ({"recipe": {"epochs": -1}}, "epochs=-1 is not allowed"),
    "tuned": ({"method": "scrub", "tuned": "smal"}, "tuned=smal: method scrub has no such preset"),
    "labels": ({"forget": (images(4, 1)[0], torch.tensor([0, 1, 2, 9]))}, "9"),
    "lengths": ({"forget": (images(4, 1)[0], torch.tensor([0, 1]))}, "4"),
    "empty": ({"forget": (torch.zeros(0, 3, 8, 8), torch.zeros(0, dtype=torch.int64))}, "forget"),
    "nan": ({"retain": (torch.full((4, 3, 8, 8), float("nan")), torch.arange(4))}, "retain"),
    "lambda of two": ({"method": lambda model, split: model}, "three, \\(model, split, context\\)"),
    "a number": ({"method": 3}, "is no method"),
    "config_dir": ({"config_dir": "/nowhere"}, "/nowhere"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused_in_one_sentence(case: str) -> None:
    given, sentence = REFUSED[case]
    call: dict[str, Any] = {"model": network(), "method": "neggrad", **SETS, "recipe": {"epochs": 1}, **given}
    with pytest.raises(SupremeError, match=sentence) as caught:
        supreme.unlearn(call.pop("model"), call.pop("method"), **call)
    assert "\n" not in str(caught.value)
