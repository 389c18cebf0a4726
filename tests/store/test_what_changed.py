"""What a plan says of results that are there: why a cell runs again, who made what is found, what cannot be seen."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import command_line
from PIL import Image

from supreme.core.row import sealed_row

METHOD = """
from dataclasses import dataclass
from typing import ClassVar
import torch
from .helper import scale

@dataclass(frozen=True, kw_only=True)
class Noise:
    needs: ClassVar[frozenset[str]] = frozenset({"forget"})

    def __call__(self, model, split, context):
        with torch.no_grad():
            for weight in model.parameters():
                weight.mul_(scale(1.0))
        return model
"""
HELPER = "def scale(x):\n    return x * 0.9\n"
SWEEP = (
    *("--config-dir", "conf", "-m", "method=noise,neggrad", "seed=0", "metric=[accuracy]", "recipe=sgd"),
    *("recipe.epochs=1", "model.widths=[4,8]", "data=image_folder", "data.root=photos", "data.image_size=8"),
)

Sweep = Callable[..., str]


def run(folder: Path, *more: str, status: int = 0) -> str:
    """What the sweep says on standard output and standard error."""
    done = command_line(*SWEEP, *more, cwd=folder)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder in which the sweep has run."""
    folder = tmp_path_factory.mktemp("user")
    for name in ("lab", "conf/method"):
        (folder / name).mkdir(parents=True)
    (folder / "lab" / "__init__.py").touch()
    (folder / "lab" / "m.py").write_text(METHOD)
    (folder / "lab" / "helper.py").write_text(HELPER)
    (folder / "conf" / "method" / "noise.yaml").write_text("_target_: lab.m.Noise\n")
    rng = np.random.default_rng(0)
    for kind in ("a", "b"):
        (folder / "photos" / kind).mkdir(parents=True)
        for number in range(15):
            pixels = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / "photos" / kind / f"{number}.png")
    run(folder)
    return folder


@pytest.fixture
def folder(swept: Path, tmp_path: Path) -> Path:
    """A copy of it, to change."""
    return shutil.copytree(swept, tmp_path / "user", copy_function=shutil.copy2)


def rows_of(folder: Path) -> dict[str, Path]:
    """By method."""
    return {json.loads(path.read_text())["method"]: path for path in (folder / "outputs" / "rows").glob("*.json")}


def test_nothing_changed_and_nothing_runs_though_the_folder_was_copied(folder: Path) -> None:
    assert "found: 2, to run: 0" in run(folder, "dry_run=true")


def test_an_edited_helper_is_named_and_only_its_method_runs_again(folder: Path) -> None:
    (folder / "lab" / "helper.py").write_text(HELPER.replace("0.9", "0.1"))
    told = run(folder, "dry_run=true")
    assert "found: 1, to run: 1; models to train: 0 original and 0 reference" in told
    assert "runs again: noise image_folder small_cnn random seed=0: lab.helper.scale changed" in told


def test_a_helper_that_moves_changes_nothing(folder: Path) -> None:
    os.rename(folder / "lab" / "helper.py", folder / "lab" / "far.py")
    (folder / "lab" / "m.py").write_text(METHOD.replace("from .helper", "from lab.far"))
    assert "found: 2, to run: 0" in run(folder, "dry_run=true")


def test_a_photograph_changed_with_its_size_and_time_kept_is_counted(folder: Path) -> None:
    path = folder / "photos" / "a" / "0.png"
    size, times = path.stat().st_size, path.stat()
    for value in range(256):  # one of them compresses to the same number of bytes
        Image.fromarray(np.random.default_rng(1000 + value).integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(path)
        if path.stat().st_size == size:
            break
    assert path.stat().st_size == size
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    told = run(folder, "dry_run=true")
    assert "found: 0, to run: 2; models to train: 1 original and 1 reference" in told
    assert "data: 1 of 30 images changed" in told


def test_a_metric_that_is_added_is_the_reason(folder: Path) -> None:
    told = run(folder, "metric=[accuracy,agreement]", "dry_run=true")
    assert "runs again: noise image_folder small_cnn random seed=0 and 1 more: metric agreement is new" in told


def test_what_other_versions_made_is_used_and_told_or_refused(folder: Path) -> None:
    path = rows_of(folder)["neggrad"]
    row = json.loads(path.read_text())
    row["provenance"]["versions"]["torch"] = "2.11.0"
    path.write_text(json.dumps(sealed_row(row)))
    manifest = next((folder / "outputs" / "store" / "original").glob("*/*/manifest.json"))
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"versions": {"torch": "2.12.0"}}))

    told = run(folder, "dry_run=true")
    assert "found: 2, to run: 0" in told
    assert "1 cell found that torch 2.11.0 made; this is torch" in told
    told = run(folder, "dry_run=true", "versions=refuse")
    assert "found: 1, to run: 1; models to train: 1 original and 0 reference" in told
    assert "runs again: neggrad image_folder small_cnn random seed=0: torch 2.11.0 made it" in told
    assert "versions=some is not allowed: use" in run(folder, "dry_run=true", "versions=some", status=1)


def test_what_cannot_be_followed_is_told_by_the_plan_and_by_the_row(folder: Path) -> None:
    (folder / "lab" / "helper.py").write_text("def scale(x):\n    return eval(chr(48) + '.5')\n")
    told = run(folder)
    warning = "a change of what helper.py runs by eval would go unnoticed"
    assert f"Noise: {warning}" in told
    rows = [json.loads(path.read_text()) for path in (folder / "outputs" / "rows").glob("*.json")]
    assert sorted(row["notes"] for row in rows if row["method"] == "noise")[-1] == [warning]


def test_code_that_is_edited_while_the_sweep_runs_ends_its_cell_in_a_sentence(folder: Path) -> None:
    """The process dies after the edit, and the next one has other code than the plan."""
    edit = "import os, pathlib\n        p = pathlib.Path(__import__('lab.helper').helper.__file__)\n"
    edit += "        p.write_text('def scale(x):\\n    return x * 0.5\\n')\n        os._exit(1)\n        with torch"
    (folder / "lab" / "m.py").write_text(METHOD.replace("with torch", edit, 1))
    told = run(folder, status=1)
    assert "the code or a file that this depends on is not what it was when the sweep was planned" in told
    assert len(list((folder / "outputs" / "rows").glob("*.json"))) == 2


def test_explain_names_each_definition_and_what_became_of_it(folder: Path) -> None:
    def store(*arguments: str, status: int = 0) -> str:
        done = command_line("store", *arguments, cwd=folder)
        assert done.returncode == status, done.stderr
        return done.stdout + done.stderr

    assert "2 rows checked, all by this code" in store("verify", "--code")
    (folder / "lab" / "helper.py").write_text(HELPER.replace("0.9", "0.1"))
    assert "noise seed=0: Noise: lab.helper.scale changed" in store("verify", "--code", status=1)
    cell = rows_of(folder)["noise"].stem
    lines = store("explain", cell[:8]).splitlines()
    assert lines[0] == f"cell {cell}: noise image_folder small_cnn random seed=0"
    found = {words[1]: words[2:] for words in map(str.split, lines) if len(words) > 2}
    assert found["lab.helper.scale"] == ["changed", f"lab{os.sep}helper.py:1"]
    assert found["lab.m.Noise"][0] == "same"
    assert json.loads(store("explain", cell, "--json"))["code"]["lab.m.Noise"]["state"] == "lab.helper.scale changed"
    assert "there is no row zzz" in store("explain", "zzz", status=1)
    assert "2 rows in" in store("explain", "", status=1)
