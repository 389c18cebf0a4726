"""`supreme.sweep`: what the command line does, from Python."""

from __future__ import annotations

import doctest
import importlib
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra.core.global_hydra import GlobalHydra

import supreme
from supreme.core import SupremeError
from supreme.core.registry import as_component, build
from tests.api.own_components import Boom, Shrink, TinyNet, confidence, nothing, same_answers, shrunk

SMALL: dict[str, Any] = {"model": {"widths": (4, 8)}, "recipe": {"epochs": 1}, "devices": "cpu", "tuned": "none"}


def pair(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 3, 8, 8), generator=rng, dtype=torch.uint8), torch.arange(count) % 3


@pytest.mark.slow
def test_data_a_network_and_methods_of_ones_own_run_and_the_frame_has_their_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")  # a worker imports for seconds
    given: dict[str, Any] = {"data": (pair(60, 1), pair(30, 2)), "model": TinyNet, "recipe": {"epochs": 1}}
    metrics = ["accuracy", partial(confidence, name="retain"), same_answers]
    plain = partial(shrunk, factor=0.5)
    chosen: dict[str, Any] = {**given, "metric": metrics, "method": [Shrink(factor=0.5), plain], "seed": range(2)}
    first = supreme.sweep(**chosen, output_dir=tmp_path)
    assert set(first["seed"]) == {0, 1}
    assert {"accuracy/forget", "accuracy/test", "confidence/retain", "same_answers"} <= set(first["metric"])
    values = {name: list(own["value"]) for name, own in first.dropna(subset="value").groupby("method")}
    assert values.pop("shrunk") == values.pop("Shrink"), "a function does what a dataclass does"
    assert not values
    with pytest.raises(supreme.SweepFailedError, match="boom") as caught:
        supreme.sweep("metric=[accuracy]", **given, method=[Shrink(factor=0.5), Boom()], seed=0, output_dir=tmp_path)
    assert set(caught.value.frame["seed"]) == {0}, "of these cells alone"
    assert len(set(caught.value.frame["cell"])) == 1
    assert not GlobalHydra.instance().is_initialized()
    again = supreme.sweep(**chosen, output_dir=tmp_path, dry_run=True)
    assert sorted(set(again["cell"])) == sorted(set(first["cell"])), "the same data, network and method are found again"


class Local(TinyNet):
    __qualname__ = "made.<locals>.Local"


REFUSED: dict[str, tuple[tuple[str, ...], dict[str, Any], str]] = {
    "a lambda": ((), {"model": lambda num_classes: TinyNet(num_classes)}, "a lambda has no name"),
    "a local class": ((), {"model": Local}, "defined inside a function"),
    "a word without =": (("method",), {}, "give words such as 'method=scrub'"),
    "an option": (("-m=1",), {}, "options of the command line"),
    "given twice": (("seed=0",), {"seed": 1}, "seed is given twice"),
    "a slip": (("method=srcub",), {}, "there is no method srcub; did you mean scrub"),
    "a value with a slip": ((), {"recipe": {"epoch": 1}}, "epoch"),
    "no config_dir": ((), {"config_dir": "/nowhere"}, "there is no such folder"),
    "another sweeper": (("hydra/sweeper=basic",), {}, "hydra/sweeper is not allowed here"),
    "a function without what a method takes": ((), {"method": same_answers}, r"write def same_answers\(model, split"),
    "a function with a slip": ((), {"method": partial(shrunk, factr=2)}, "unexpected keyword argument 'factr'"),
    "a metric of two arguments": ((), {"metric": [pair]}, "cannot be called as a metric .*missing .*'seed'"),
    "an object": ((), {"timeout": object()}, "a object is not allowed"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_swept_is_refused_before_anything_runs(tmp_path: Path, case: str) -> None:
    words, values, sentence = REFUSED[case]
    with pytest.raises(SupremeError, match=sentence):
        supreme.sweep(*words, **{**SMALL, "output_dir": tmp_path / "o", **values})
    assert not (tmp_path / "o" / "rows").exists()
    assert not GlobalHydra.instance().is_initialized()


def test_a_function_that_returns_no_model_is_named() -> None:
    method = build(as_component({"_target_": f"{nothing.__module__}.nothing"}, "method"), "method nothing")
    with pytest.raises(SupremeError, match="nothing returns nothing: let it end with return model"):
        method(TinyNet(2), None, None)


def test_a_function_says_which_sets_it_reads_by_an_attribute(monkeypatch: pytest.MonkeyPatch) -> None:
    node = {"_target_": f"{shrunk.__module__}.shrunk"}
    assert build(as_component(node, "method")).needs == {"forget", "retain"}
    monkeypatch.setattr(shrunk, "needs", {"validation"}, raising=False)
    assert build(as_component(node, "method")).needs == {"validation"}


@pytest.mark.slow
def test_the_examples_of_its_docstring_run_and_the_dry_run_among_them_starts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    failed, run = doctest.testmod(importlib.import_module("supreme.api.sweep"))
    assert run > 2
    assert not failed
    assert not list(tmp_path.glob("trial/rows/*"))
