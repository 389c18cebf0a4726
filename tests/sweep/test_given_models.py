"""Models that were trained elsewhere, in sweeps: their numbers are theirs, and what cannot be them is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import hydra
import numpy as np
import pytest
import torch
from conftest import Run
from hydra.core.global_hydra import GlobalHydra
from torch import nn

from supreme.cli import CONF
from supreme.core import SupremeError, seeds
from supreme.core.images import ImageData
from supreme.pipeline.cell import Cell
from supreme.pipeline.workplace import Workplace
from supreme.report import load
from supreme.sweep.plan.compose import Composer, Problems, compose_all
from supreme.sweep.plan.plan import Plan, make_plan, resolve
from tests.functional.test_given_weights import Foreign

SMALL = ("model.widths=[4,8]", "recipe.epochs=2", "metric=[accuracy,cost]")


@pytest.fixture(scope="module")
def composer() -> Iterator[Composer]:
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        config = hydra.compose("config", return_hydra_config=True)
        yield Composer(SimpleNamespace(config_loader=GlobalHydra.instance().config_loader()), config)


def cells_of(composer: Composer, folder: Path, overrides: Sequence[str], count: int) -> list[Cell]:
    problems = Problems()
    jobs = [[*SMALL, "method=original", *overrides, f"seed={seed}"] for seed in range(count)]
    cells = resolve(compose_all(composer, jobs, problems)[0], folder, problems)
    problems.refuse()
    return cells


def planned(composer: Composer, folder: Path, *overrides: str, count: int = 3) -> Plan:
    problems = Problems()
    jobs = [[*SMALL, "method=original", *overrides, f"seed={seed}"] for seed in range(count)]
    cells = resolve(compose_all(composer, jobs, problems)[0], folder, problems)
    return make_plan(cells, Workplace(output_dir=str(folder), device=""), problems)


def trained(data: ImageData, seed: int, without: Any = ()) -> nn.Module:
    """A training loop of somebody else, on all training images but these."""
    with seeds.scoped(seed), torch.device("cpu"):
        network, places = Foreign(classes=10).train(), np.setdiff1d(data.train, without)
        mean, std = (torch.tensor(one).view(3, 1, 1) for one in (data.mean, data.std))
        x = (torch.from_numpy(np.array(data.pixels[places])).float() / 255 - mean) / std
        y = torch.from_numpy(np.array(data.labels[places]))
        optimizer = torch.optim.Adam(network.parameters(), 0.01)
        for _ in range(30):
            for batch in torch.randperm(len(y)).split(32):
                optimizer.zero_grad()
                nn.functional.cross_entropy(network(x[batch]), y[batch]).backward()
                optimizer.step()
    return network.eval()


@pytest.fixture(scope="module")
def models(composer: Composer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`original-0.pt` to `original-2.pt` and two models that never saw the forget set of their seed."""
    folder = tmp_path_factory.mktemp("models")
    for cell in cells_of(composer, folder / "out", [], 3):
        forget = cell.split().forget.indices
        for name, left_out in (("original", ()), ("reference", forget), ("unlearned", forget)):
            state = trained(cell.decoded, cell.seed + 10 * len(name), left_out).state_dict()
            torch.save({"epoch": 30, "state_dict": state}, folder / f"{name}-{cell.seed}.pt")
    return folder


def rows_of(folder: Path) -> dict[tuple[str, int], dict[str, Any]]:
    rows = [json.loads(path.read_text()) for path in folder.glob("rows/*.json")]
    return {(row["method"], row["seed"]): row for row in rows}


def test_a_sweep_of_given_models_trains_nothing_and_says_where_they_come_from(
    supreme: Run, models: Path, tmp_path: Path
) -> None:
    asked = [f"original={models}/original-{{seed}}.pt", f"reference={models}/reference-{{seed}}.pt", *SMALL]
    first = supreme("-m", *asked, "method=original,neggrad", "seed=range(3)")
    assert first.returncode == 0, first.stderr
    assert "models to train: 0 original and 0 reference; given models to read: 6" in first.stderr
    own = ("method=given", f"method.path={models}/unlearned-{{seed}}.pt", "method.label=alice")
    second = supreme("-m", *asked, *own, "seed=range(3)")
    assert second.returncode == 0, second.stderr
    rows = rows_of(tmp_path / "outputs")
    assert len(rows) == 9
    row = rows["given", 1]
    assert row["given"]["original"]["file"] == "original-1.pt"
    assert {stage: len(one["sha256"]) for stage, one in row["given"].items()} == dict.fromkeys(row["given"], 64)
    assert row["provenance"]["stages"]["original"]["given"]["by_order"]
    assert row["original"]["accuracy/forget"] > row["original"]["accuracy/test"] > 0.5
    assert row["metrics"]["accuracy/test"] > 0.5
    for part in ("metrics", "reference", "original"):
        assert row[part]["cost/seconds"] is None
        assert "was not made here, so its cost is unknown" in row["reasons"][part]["cost/seconds"]
    assert rows["neggrad", 1]["metrics"]["cost/seconds"] > 0
    assert "reference model was not made here" in rows["neggrad", 1]["reasons"]["metrics"]["cost/speedup"]
    told = " ".join(second.stdout.split())
    assert "Original given (file original-0.pt, SHA-256 " in told
    assert "given (label=alice): unlearned models given (file unlearned-0.pt" in told
    frame = load(tmp_path / "outputs")
    assert set(frame.loc[frame["method"] == "given", "variant"]) == {"label=alice"}
    assert frame["setting"].nunique() == 1

    elsewhere = shutil.copytree(models, tmp_path / "elsewhere", ignore=lambda *_: ["out"])
    asked[0] = f"original={elsewhere}/original-{{seed}}.pt"
    again = supreme("-m", *asked, "method=original", "seed=range(3)")
    assert "found: 3, to run: 0" in again.stderr, again.stderr  # the same models


def test_the_key_is_that_of_the_content(composer: Composer, models: Path, tmp_path: Path) -> None:
    def keys(folder: Path, stage: str) -> list[str]:
        cells = cells_of(composer, tmp_path, [f'{stage}="{folder}/{stage}-{{seed}}.pt"'], 2)
        return [cell.key(stage) for cell in cells]

    trained_here = [cell.key("original") for cell in cells_of(composer, tmp_path, [], 2)]
    copied = shutil.copytree(models, tmp_path / "copied", ignore=lambda *_: ["out"])
    assert keys(models, "original") == keys(copied, "original")
    assert not set(keys(models, "original")) & set(trained_here)
    (copied / "original-1.pt").write_bytes((models / "original-2.pt").read_bytes())
    before, after = keys(models, "original"), keys(copied, "original")
    assert (before[0] == after[0], before[1] == after[1]) == (True, False)


REFUSED = {
    "a seed without a file": (
        ["original={m}/original-{{seed}}.pt"],
        5,
        "has no file for seeds 3, 4 ({m}/original-3.pt",
    ),
    "no file": (["original={m}/nothing.pt"], 1, "is no file; {m} has copy-0.pt, copy-1.pt, evil.pt"),
    "no folder": (
        ["reference={m}/x/{{seed}}.pt"],
        2,
        "has no file for seeds 0, 1 ({m}/x/0.pt, ...); there is",
    ),
    "a folder": (["original={m}"], 1, "is a folder; give the file of weights in it"),
    "another field": (["original={m}/{{sed}}.pt"], 1, "has {{sed}}, and a path may hold {{seed}}, {{forget}}"),
    "a lone brace": (["original={m}/{{seed.pt"], 1, "has a brace without its other half"),
    "no class": (["original={m}/{{class}}.pt"], 1, "has {{class}}, and this scenario forgets no class"),
    "a number": (["original=3"], 1, "original=3 is not allowed: give the path of a file of weights"),
    "one for all seeds": (["original={m}/original-0.pt"], 3, "gives seeds 0, 1, 2 the same model"),
    "one copied": (["original={m}/copy-{{seed}}.pt"], 2, "gives seeds 0, 1 the same model"),
    "the original twice": (
        ["original={m}/original-{{seed}}.pt", "reference={m}/original-{{seed}}.pt"],
        2,
        "hold the same model at seed=0",
    ),
    "a web page": (["original={m}/page.pt"], 1, "page.pt is a web page and no file of weights"),
    "an evil pickle": (
        ["original={m}/evil.pt"],
        1,
        "evil.pt would run code when opened (builtins.eval)",
    ),
    "other classes": (["original={m}/seven.pt"], 1, "it should be 10 x 8, and there is fc of 7 x 8"),
    "another architecture": (["original={m}/original-0.pt", "model.widths=[4,9]"], 1, "does not fit this model: "),
    "its history": (["original={m}/original-0.pt", "method=amnesiac"], 1, "of a given original there is none"),
    "no path": (["method=given"], 1, "method given: no value for path"),
    "an unlearned page": (["method=given", "method.path={m}/page.pt"], 1, "method.path={m}/page.pt is a web page"),
    "a seed without one": (
        ["method=given", "method.path={m}/unlearned-{{seed}}.pt"],
        4,
        "has no file for seed 3 ({m}/",
    ),
    "best of none": (["recipe.original_keeps=best_on_validation", "data.validation_per_class=0"], 1, "has none: type"),
    "no epochs": (["recipe.epochs=0"], 1, "original=/models/{{seed}}.pt"),
}


class _Evil:
    def __reduce__(self) -> Any:
        return (eval, ("1 / 0",))


@pytest.fixture(scope="module")
def bad(models: Path) -> Path:
    (models / "page.pt").write_bytes(b"<html>Sign in</html>")
    torch.save({"state_dict": Foreign(classes=7).state_dict()}, models / "seven.pt")
    torch.save({"state_dict": Foreign(classes=10).state_dict(), "x": _Evil()}, models / "evil.pt")
    for seed in range(2):
        shutil.copy(models / "original-0.pt", models / f"copy-{seed}.pt")
    return models


@pytest.mark.parametrize(("asked", "count", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_refused_before_anything_runs(
    asked: Sequence[str], count: int, sentence: str, composer: Composer, bad: Path, tmp_path: Path
) -> None:
    from supreme.core.patterns import quoted

    words = [quoted(word.format(m=bad)) if "{{seed.pt" not in word else f'original="{bad}/{{seed.pt"' for word in asked]
    with pytest.raises(SupremeError) as caught:
        planned(composer, tmp_path, *words, count=count)
    assert sentence.format(m=bad) in str(caught.value), str(caught.value)
    assert len(str(caught.value).splitlines()) <= 2


def test_a_model_of_other_data_and_a_reference_that_saw_the_forget_set_are_told_of(
    supreme: Run, models: Path, tmp_path: Path
) -> None:
    with seeds.scoped(1):
        torch.save(Foreign(classes=10).state_dict(), models / "random.pt")
    done = supreme("-m", f"original={models}/random.pt", "method=original", *SMALL)
    assert done.returncode == 1
    assert "of 200 training images right, no better than chance (10.0%)" in " ".join(done.stderr.split())
    saw = [f"original={models}/original-0.pt", f"reference={models}/original-1.pt", "scenario=full_class"]
    done = supreme("-m", *saw, "method=original", *SMALL, "output_dir=saw")
    assert done.returncode == 0, done.stderr
    ((note,),) = (row["notes"][1:] for row in rows_of(tmp_path / "saw").values())
    assert "it may have been trained on it" in note
