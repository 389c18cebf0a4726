"""What a sweep plans, and what a dry run tells of it: real sweeps, and nothing started."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from conftest import Run, environment

from supreme import __version__

SMALL = ("model.widths=[4,8]", "recipe.epochs=2")


def files(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def lines(text: str) -> dict[str, list[str]]:
    """The cells of each line of the table, by stage."""
    words = [line.split("  ") for line in text.splitlines()]
    found = [[word.strip() for word in line if word.strip()] for line in words]
    return {line[0]: line[1:] for line in found if line and line[0] in ("original", "reference", "cell", "audit")}


# Dry runs.


def test_a_dry_run_of_a_fresh_sweep_tells_the_plan_and_starts_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "supreme", "-m", "method=scrub,neggrad", "seed=range(12)", *SMALL, "dry_run=true"]
    locks = tmp_path / "locks"
    with (tmp_path / "told").open("w") as told:
        process = subprocess.Popen(
            command, cwd=tmp_path, env=environment(SUPREME_LOCK_DIR=str(locks)), stdout=told, stderr=told
        )
        children = set()
        while process.poll() is None:
            children |= {child.pid for child in psutil.Process(process.pid).children(recursive=True)}
            time.sleep(0.02)
    text = (tmp_path / "told").read_text()
    assert process.returncode == 0, text
    assert children == set()
    assert not locks.exists()
    assert {path.name for path in (tmp_path / "outputs").iterdir()} == {"store"}
    assert {path.name for path in (tmp_path / "outputs" / "store").iterdir()} == {"data"}
    assert lines(text) == {
        "original": ["0", "12", "0", "n/a", "n/a"],
        "reference": ["0", "12", "0", "n/a", "n/a"],
        "cell": ["0", "24", "0", "n/a", "n/a"],
    }
    assert "No stored cost yet: original digits small_cnn (12), reference digits small_cnn random (12)" in text
    assert "Disk: unknown, for no model of this data and model is stored yet" in text
    assert "Data were decoded to draw the splits: they are kept in outputs/store/data" in text
    assert "  neggrad digits small_cnn random seed=7\n  ... and 4 more\n" in text
    assert "neggrad digits small_cnn random seed=8" not in text


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of a real sweep: scrub, of the seeds 0 and 1; each cell took 100 s, and its evaluation 20 s."""
    directory = tmp_path_factory.mktemp("half")
    command = [sys.executable, "-m", "supreme", "-m", "method=scrub", "seed=range(2)", *SMALL]
    done = subprocess.run(command, cwd=directory, env=environment(), capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    for path in (directory / "outputs" / "rows").glob("*.json"):
        row = json.loads(path.read_text())
        assert 0 < row["provenance"]["evaluation_seconds"] < 60
        row["cost"]["seconds"], row["provenance"]["evaluation_seconds"] = 100.0, 20.0
        path.write_text(json.dumps(row))
    return directory


def test_a_dry_run_of_a_sweep_that_is_half_done_estimates_the_rest_and_changes_no_file(
    half: Path, supreme: Run
) -> None:
    before = files(half / "outputs")
    done = supreme("-m", "method=scrub,ssd", "seed=range(3)", *SMALL, "dry_run=true", "devices=cpu", cwd=half)
    assert done.returncode == 0, done.stderr
    assert files(half / "outputs") == before
    table = lines(done.stdout)
    assert table["original"][:3] == ["2", "1", "1"]
    assert table["reference"][:3] == ["2", "1", "1"]
    assert table["cell"] == ["2", "4", "1", "120", "2 min 00 s"]
    assert "Time: at least 2 min 00 s on " in done.stdout  # one cell after its models, however many slots there are
    assert "No stored cost yet: ssd digits small_cnn random (3)." in done.stdout
    assert "decoded" not in done.stdout
    shown = done.stdout.split("Cells to run:\n")[1].splitlines()
    assert shown == [
        "  scrub digits small_cnn random seed=2",
        *(f"  ssd digits small_cnn random seed={seed}" for seed in range(3)),
    ]


def test_a_dry_run_of_a_finished_single_run_has_nothing_to_compute(half: Path, supreme: Run) -> None:
    before = files(half / "outputs")
    done = supreme("method=scrub", "seed=1", *SMALL, "dry_run=true", cwd=half)
    assert done.returncode == 0, done.stderr
    assert lines(done.stdout) == {"original": ["1", "0", "0"], "reference": ["1", "0", "0"], "cell": ["1", "0", "0"]}
    assert "Time: nothing is to compute." in done.stdout
    assert files(half / "outputs") == before


def test_an_experiment_with_a_launcher_and_a_sweeper_of_hydra_can_be_told_without_starting_it(
    supreme: Run, tmp_path: Path
) -> None:
    words = ("experiment=quickstart", "dry_run=true", "hydra/sweeper=basic")
    done = supreme("-m", *words, *SMALL, "method=ssd", "seed=0,1")
    assert done.returncode == 0, done.stderr
    assert lines(done.stdout)["cell"] == ["0", "2", "0", "n/a", "n/a"]
    assert {path.name for path in (tmp_path / "outputs").rglob("*")} & {"rows", "logs", "tmp", "claims"} == set()


def test_dry_run_takes_true_or_false_alone(supreme: Run, tmp_path: Path) -> None:
    done = supreme("dry_run=2")
    assert done.returncode == 1
    assert "dry_run=2 is not allowed: give true or false" in done.stderr
    assert not (tmp_path / "outputs").exists()


# What refused sweeps leave, and the version.


def test_a_refused_sweep_leaves_no_store(supreme: Run, tmp_path: Path) -> None:
    done = supreme("-m", "data=pins", "model=resnet18", "seed=range(2)")
    assert done.returncode == 1
    assert "there is no folder outputs/data/pins" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_version_is_ours(supreme: Run) -> None:
    assert supreme("--version").stdout == f"supreme {__version__}\n"
