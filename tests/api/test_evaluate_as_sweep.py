"""The models of a sweep's cell, given to `supreme.evaluate`, get the numbers of its row to the bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

import supreme
from supreme.core import seeds
from supreme.functional.classifier import Classifier
from supreme.pipeline.cell import Cell
from supreme.pipeline.prepared import Prepared
from supreme.pipeline.rows import UNTRAINED_MODELS, evaluate
from supreme.pipeline.stages import model_of
from supreme.pipeline.workplace import Workplace

CONF = Path(__file__).parents[2] / "conf"
NAMES = {"data": "digits", "model": "small_cnn", "recipe": "digits-small_cnn", "method": "neggrad"}
STAGES = ("unlearned", "reference", "original")


@pytest.fixture(scope="module", params=["random", "full_class"])
def cell(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder, scenario = tmp_path_factory.mktemp("cell"), request.param
    chosen = [f"scenario={scenario}", "method=neggrad", "seed=3", "recipe.epochs=1"]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config: Any = OmegaConf.to_container(compose("config", chosen), resolve=True)
    place = Workplace(output_dir=str(folder), device="cpu")
    place.store.prepare()
    return Prepared(Cell.from_config(config, {**NAMES, "scenario": scenario}).resolved(folder / "data"), place)


@pytest.fixture(scope="module")
def row(cell: Prepared) -> dict[str, Any]:
    return evaluate(cell)


@pytest.fixture(scope="module")
def models(cell: Prepared, row: dict[str, Any]) -> dict[str, Classifier]:
    return {stage: model_of(cell, stage) for stage in STAGES}


def given(cell: Prepared) -> dict[str, Any]:
    return {name: cell.split.sets[name] for name in ("forget", "retain", "test", "validation")}


def without_cost(columns: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in columns.items() if not name.startswith("cost/")}


def test_every_column_and_reason_of_a_row_comes_out_alike(
    cell: Prepared, row: dict[str, Any], models: dict[str, Classifier]
) -> None:
    streams = [seeds.stream("untrained", 0, number) for number in range(UNTRAINED_MODELS)]
    fresh = [cell.fresh(stream, untrained=True) for stream in streams]
    (own,) = supreme.evaluate(**models, **given(cell), untrained=fresh, seeds=[3]).rows
    for part in ("metrics", "reference", "original"):
        assert own[part] == without_cost(row[part]), part
        assert own["reasons"][part] == without_cost(row["reasons"][part]), part
    assert {name: size for name, size in own["sets"].items() if size} == row["sets"]
    assert own["declared"] == row["declared"]
    assert "zrf/forget" in own["metrics"]


def test_pixels_and_labels_in_the_hands_of_somebody_else_get_the_same_accuracies(
    cell: Prepared, row: dict[str, Any], models: dict[str, Classifier]
) -> None:
    pairs: dict[str, Any] = {
        name: (torch.cat([x for x, _ in images.batches(100)]), images.labels) for name, images in given(cell).items()
    }
    result = supreme.evaluate(**models, **pairs, metrics=["accuracy", "membership"])
    expected = {name: row["metrics"][name] for name in result.rows[0]["metrics"]}
    assert result.rows[0]["metrics"] == pytest.approx(expected, abs=1e-6)


def test_logits_alone_get_what_the_models_get(
    cell: Prepared, row: dict[str, Any], models: dict[str, Classifier]
) -> None:
    logits: dict[str, Any] = {}
    for stage, model in models.items():
        model.eval()
        with torch.inference_mode():
            answers = {name: [model(x) for x, _ in images.batches(256)] for name, images in given(cell).items()}
        logits[stage] = {name: torch.cat(parts) for name, parts in answers.items()}
    labels: dict[str, Any] = {name: images.labels for name, images in given(cell).items()}
    result = supreme.evaluate(**logits, **labels, seeds=[3])
    found = result.rows[0]["metrics"]
    undefined = {name for name, value in found.items() if value is None}
    assert undefined == {name for name in found if row["metrics"][name] is None}
    expected = {name: row["metrics"][name] for name in found.keys() - undefined}
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-4, abs=1e-5)
    told = " ".join(result.notes)
    assert "weight_distance" in told
    assert "zrf" in told
