"""What stages share within a task lies in a `Prepared`, and what tasks share in the process cache, with bounds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from supreme.pipeline.cell import Cell
from supreme.pipeline.prepared import Prepared
from supreme.pipeline.process_cache import PROCESS_CACHE, Kept, ProcessCache, node_key
from supreme.pipeline.workplace import Workplace

CONF = Path(__file__).parents[2] / "conf"
NAMES = {"data": "digits", "model": "small_cnn", "recipe": "digits-small_cnn", "method": "scrub"}


def prepared(folder: Path, scenario: str = "random", forget: int = 0) -> Prepared:
    overrides = [f"scenario={scenario}", f"seeds.forget={forget}", "metric=[accuracy,cost]"]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config: Any = OmegaConf.to_container(compose("config", overrides), resolve=True)
    cell = Cell.from_config(config, {**NAMES, "scenario": scenario}).resolved(folder / "data")
    return Prepared(cell, Workplace(output_dir=str(folder), device="cpu"))


def test_of_a_bounded_collection_the_values_used_last_are_kept() -> None:
    kept: Kept[str] = Kept(2)
    made: list[str] = []

    def get(key: str) -> str:
        return kept.get(key, lambda: made.append(key) or key.upper())

    assert [get(key) for key in "abaca"] == list("ABACA")
    assert made == ["a", "b", "c"]
    get("b")
    assert made == ["a", "b", "c", "b"]


def test_a_value_that_is_none_is_made_once_and_one_that_could_not_be_made_is_made_again() -> None:
    kept: Kept[None] = Kept()
    calls: list[int] = []

    def make() -> None:
        calls.append(1)
        if len(calls) == 1:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        kept.get("x", make)
    kept.get("x", make)
    kept.get("x", make)
    assert len(calls) == 2


def test_a_process_keeps_two_splits_and_one_poisoned_data_set_on_a_device() -> None:
    limits = {name: kept._limit for name, kept in vars(ProcessCache()).items()}
    assert {name: limit for name, limit in limits.items() if limit} == {
        "identities": 10_000,
        "twin_counts": 1000,
        "splits": 2,
        "poisoned_on_device": 1,
    }


def test_nodes_whose_values_are_equal_in_python_alone_have_different_keys() -> None:
    assert len({node_key({"lr": value}) for value in (1, 1.0, True)}) == 3


def test_parts_of_a_prepared_cell_are_made_once_and_data_are_shared_by_all_cells(tmp_path: Path) -> None:
    one, other = prepared(tmp_path), prepared(tmp_path, forget=1)
    assert one.split is one.split
    assert one.split.digest != other.split.digest
    assert one.data is other.data is one.split.data
    assert (one.recipe, one.method) == (other.recipe, other.method)
    assert one.method is other.method
    assert list(one.metrics) == ["accuracy", "cost"]
    assert one.store is other.store


def test_of_poisoned_data_a_device_holds_the_last_set(tmp_path: Path) -> None:
    first, second = prepared(tmp_path, "backdoor"), prepared(tmp_path, "backdoor", forget=1)
    assert first.data is prepared(tmp_path, "backdoor").data
    assert second.data is not first.data
    assert [key[0] for key in PROCESS_CACHE.poisoned_on_device._values] == [second.data]  # type: ignore[index]
