"""Real sweeps of small cells: real processes, real kills, real files."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import hydra_callbacks
import psutil
import pytest
from conftest import Run, command_line, environment, start_command_line

from supreme.core.failure import StoredFailure, read_failure
from supreme.core.text import MESSAGE_CHARACTERS

SMALL = ("model.widths=[4,8]", "recipe.epochs=2")
"""Cells that cost a fraction of a second."""


def rows(directory: Path) -> dict[str, dict[str, Any]]:
    """What must not depend on when, where and how often a sweep ran, by cell."""
    found = {path.stem: json.loads(path.read_text()) for path in (directory / "rows").glob("*.json")}
    names = ("metrics", "reference", "original")
    return {
        cell: {name: {column: row[name][column] for column in row[name] if "cost/" not in column} for name in names}
        for cell, row in found.items()
    }


def count(directory: Path, stage: str) -> int:
    return len(list((directory / "store" / stage).glob("*/*/manifest.json")))


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """An uninterrupted sweep: two methods, two seeds."""
    directory = tmp_path_factory.mktemp("clean")
    done = command_line("-m", "method=scrub,neggrad", "seed=range(2)", *SMALL, cwd=directory, workers=2)
    return directory / "outputs", done


def test_a_sweep_ends_with_its_table_and_trains_shared_models_once(clean: Any) -> None:
    outputs, done = clean
    assert done.returncode == 0, done.stderr
    assert len(rows(outputs)) == 4
    assert (count(outputs, "original"), count(outputs, "reference"), count(outputs, "unlearned")) == (2, 2, 4)
    for method in ("reference", "original", "scrub", "neggrad"):
        assert method in done.stdout
    assert "cells: 4, found: 0, to run: 4; models to train: 2 original and 2 reference" in done.stderr
    assert (outputs / "reports" / "results.csv").exists()


def test_the_same_command_again_computes_nothing_and_prints_the_same_table(clean: Any, supreme: Run) -> None:
    outputs, done = clean
    before = {path: path.stat().st_mtime_ns for path in outputs.glob("rows/*.json")}
    again = supreme("-m", "method=scrub,neggrad", "seed=range(2)", *SMALL, cwd=outputs.parent)
    assert again.returncode == 0
    assert again.stdout == done.stdout
    assert "cells: 4, found: 4, to run: 0" in again.stderr
    assert {path: path.stat().st_mtime_ns for path in outputs.glob("rows/*.json")} == before


def test_report_prints_the_table_of_the_sweep(clean: Any, supreme: Run) -> None:
    outputs, done = clean
    again = supreme("report", cwd=outputs.parent)
    assert again.returncode == 0
    table = [line for line in done.stdout.splitlines() if "±" in line]
    assert table
    assert [line for line in again.stdout.splitlines() if "±" in line] == table


def test_results_do_not_depend_on_the_number_of_slots_or_the_order(clean: Any, supreme: Run, tmp_path: Path) -> None:
    outputs, done_on_two = clean
    assert "cpu:1" in done_on_two.stderr
    done = supreme("-m", "seed=1,0", "method=neggrad,scrub", *SMALL, workers=1)
    assert done.returncode == 0, done.stderr
    assert "cpu:1" not in done.stderr
    assert rows(tmp_path / "outputs") == rows(outputs)


def test_a_single_run_gives_the_same_row_as_the_sweep(clean: Any, supreme: Run, tmp_path: Path) -> None:
    outputs, _ = clean
    done = supreme("method=scrub", "seed=1", *SMALL)
    assert done.returncode == 0, done.stderr
    (cell, row), *others = rows(tmp_path / "outputs").items()
    assert not others
    assert row == rows(outputs)[cell]


def test_a_sweeper_that_is_not_ours_gets_the_same_rows_from_our_launcher(
    clean: Any, supreme: Run, tmp_path: Path
) -> None:
    outputs, _ = clean
    done = supreme("-m", "hydra/sweeper=basic", "method=scrub", "seed=0,1", *SMALL)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("planned in") == 1
    made = rows(tmp_path / "outputs")
    assert len(made) == 2
    assert all(row == rows(outputs)[cell] for cell, row in made.items())
    assert any(line.startswith("scrub ") for line in done.stdout.splitlines())


def test_a_new_metric_evaluates_again_and_keeps_the_old_columns(clean: Any, supreme: Run, tmp_path: Path) -> None:
    outputs, _ = clean
    shutil.copytree(outputs, tmp_path / "outputs")
    path = _row(tmp_path, "scrub", 0)
    before = json.loads(path.read_text())
    done = supreme("method=scrub", "seed=0", *SMALL, "metric=[membership]", "metric.membership.fpr=0.05")
    assert done.returncode == 0, done.stderr
    after = json.loads(path.read_text())
    assert "membership/tpr_at_0.05" in after["metrics"]
    assert "membership/tpr_at_0.01" not in after["metrics"]
    assert after["metrics"]["accuracy/test"] == before["metrics"]["accuracy/test"]
    assert after["cost"] == before["cost"]
    assert count(tmp_path / "outputs", "unlearned") == 4


def test_a_row_says_which_of_its_values_come_from_few_images_and_holds_the_curves(clean: Any) -> None:
    row = json.loads(_row(clean[0].parent, "scrub", 0).read_text())
    assert row["warnings"]["membership/auc"] == "fewer than 100 images in forget"
    assert all(row["metrics"][column] is not None for column in row["warnings"])
    of_every_model = {"accuracy/by_class", "membership/roc", "confusion/test", "samples/probability"}
    assert set(row["series"]["metrics"]) == of_every_model | {"weight_distance/by_layer", "samples/label"}
    assert set(row["series"]["reference"]) == of_every_model


def _row(directory: Path, method: str, seed: int) -> Path:
    for path in (directory / "outputs" / "rows").glob("*.json"):
        row = json.loads(path.read_text())
        if (row["method"], row["seed"]) == (method, seed):
            return path
    raise AssertionError(f"no row of {method} with seed {seed}")


def test_a_truncated_artefact_is_set_aside_and_made_again(clean: Any, supreme: Run, tmp_path: Path) -> None:
    outputs, _ = clean
    shutil.copytree(outputs, tmp_path / "outputs")
    path = _row(tmp_path, "scrub", 0)
    keys = json.loads(path.read_text())["provenance"]["keys"]
    for stage in ("original", "unlearned"):
        weights = tmp_path / "outputs" / "store" / stage / keys[stage][:2] / keys[stage] / "weights.safetensors"
        weights.write_bytes(weights.read_bytes()[:100])
    for predictions in (tmp_path / "outputs" / "store" / "predictions").glob("*/*/logits.npy"):
        content = bytearray(predictions.read_bytes())
        content[-1] ^= 1  # the size stays: only the digest can tell
        predictions.write_bytes(bytes(content))
    path.unlink()
    done = supreme("method=scrub", "seed=0", *SMALL)
    assert done.returncode == 0, done.stderr
    assert "corrupt" in done.stderr
    assert rows(tmp_path / "outputs")[path.stem] == rows(outputs)[path.stem]


def failures(directory: Path) -> list[StoredFailure]:
    return [read_failure(path) for path in sorted((directory / "failures").glob("*.json"))]


@pytest.fixture
def broken(tmp_path: Path) -> str:
    """`--config-dir` with methods that misbehave."""
    folder = tmp_path / "conf" / "method"
    folder.mkdir(parents=True)
    ways = "floods raises not_finite other_architecture returns_nothing reads_test reads_test_in_secret unchanged"
    for how in ways.split():
        (folder / f"{how}.yaml").write_text(f"_target_: broken.Broken\nhow: {how}\n")
    (folder / "once.yaml").write_text(f"_target_: broken.FailsForSeed\nseed: 1\nmark: {tmp_path}/marks/healed*\n")
    (folder / "slow.yaml").write_text(f"_target_: broken.Slow\nmarks: {tmp_path}/marks/*\nseconds: 1.5\n")
    (tmp_path / "marks").mkdir()
    return str(folder.parent)


@pytest.mark.slow
def test_a_method_that_misbehaves_costs_only_its_own_cell(broken: str, supreme: Run, tmp_path: Path) -> None:
    failing = {
        "floods": r"\x1b]52;c;aGk=\x07 \x1b[2J \x9b2J [red]tag[/red] \u202egnp.exe +-",
        "raises": "this method does not work",
        "not_finite": "weights that are not finite",
        "other_architecture": "another architecture",
        "returns_nothing": "returned NoneType",
        "reads_test": "method reads_test read split.test.to, and no method may read test images",
        "reads_test_in_secret": "method reads_test_in_secret read split.test.to, and no method may read test images",
    }
    methods = ",".join([*failing, "unchanged", "neggrad"])
    done = supreme("--config-dir", broken, "-m", f"method={methods}", *SMALL, PYTHONIOENCODING="ascii")
    assert done.returncode == 1
    assert (done.stdout + done.stderr).isascii()
    assert "\x1b" not in done.stdout + done.stderr
    assert len(done.stdout + done.stderr) < 20_000
    found = {json.loads(path.read_text())["method"] for path in (tmp_path / "outputs" / "rows").glob("*.json")}
    assert found == {"unchanged", "neggrad"}
    told = done.stderr.split("7 of 9 cells failed")[1].splitlines()
    for method, reason in failing.items():
        at = next(number for number, line in enumerate(told) if line.startswith(f"{method} digits"))
        assert reason in told[at + 1]
        assert (tmp_path / told[at + 2].split()[1]).is_file()
        assert f"python -m supreme --config-dir {broken} method={method} " in told[at + 3]
    assert "neggrad" in done.stdout
    failed = failures(tmp_path / "outputs")
    assert {one["method"] for one in failed} == failing.keys()
    for one in failed:
        assert failing[one["method"]].replace("+-", "±") in one["error"]
        assert len(one["error"]) < 2 * MESSAGE_CHARACTERS
        assert (tmp_path / "outputs" / "logs" / one["log"]).is_file()
        line = next(line for line in done.stdout.splitlines() if line.startswith(f"{one['method']} "))
        assert line.split(maxsplit=1)[1] == "failed (1 of 1)"
    assert "no method lacks a run" not in done.stdout
    log = next(path for path in (tmp_path / "outputs" / "logs").glob("*.log") if "does not work" in path.read_text())
    assert "Traceback" in log.read_text()
    sizes = [path.stat().st_size for path in (tmp_path / "outputs" / "logs").glob("*.log")]
    assert max(sizes) > 9_000_000, "the log keeps what a method says"
    assert max(path.stat().st_size for path in (tmp_path / "outputs" / "sweeps").glob("*.json")) < 20_000
    assert (tmp_path / "outputs" / "reports" / "report.html").stat().st_size < 2_000_000


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["local", "basic"])
def test_a_failure_is_recorded_by_whatever_runs_the_cells_and_forgotten_with_the_row(
    broken: str, supreme: Run, tmp_path: Path, launcher: str
) -> None:
    command = ("--config-dir", broken, "-m", "method=once", "seed=range(2)", *SMALL, f"hydra/launcher={launcher}")
    assert supreme(*command, "dry_run=true").returncode == 0
    assert not failures(tmp_path / "outputs")
    done = supreme(*command)
    assert done.returncode == 1
    (found,) = failures(tmp_path / "outputs")
    assert (found["method"], found["seed"]) == ("once", 1)
    assert "not with this seed" in found["error"]
    assert "incomplete (1 of 2 failed)" in supreme("report").stdout
    (tmp_path / "marks" / "healed").touch()
    done = supreme(*command)
    assert done.returncode == 0, done.stderr
    assert not failures(tmp_path / "outputs")
    assert "failed" not in done.stdout


@pytest.mark.slow
def test_a_run_of_one_cell_leaves_a_record_too_and_a_table_where_all_failed(
    broken: str, supreme: Run, tmp_path: Path
) -> None:
    assert supreme("--config-dir", broken, "method=raises", *SMALL).returncode == 1
    (found,) = failures(tmp_path / "outputs")
    assert found["error"] == "RuntimeError: this method does not work"
    raising = (*hydra_callbacks.WORDS, "+hydra.callbacks.notes.raises=true")
    done = supreme("--config-dir", broken, "-m", "method=raises", *SMALL, *raising)
    assert done.returncode == 1
    assert "failed (1 of 1)" in done.stdout
    events = [["multirun start"], ["job start", 0, 0], ["job end", 0, "FAILED", ""], ["multirun end"]]
    assert hydra_callbacks.told(tmp_path) == events
    assert "Callback Notes.on_job_end raised RuntimeError: this callback does not work" in done.stderr
    assert "failed (1 of 1)" in supreme("report").stdout
    assert supreme("store", "verify").returncode == 0


def test_a_method_that_returns_the_reference_is_noted_and_a_second_retraining_is_not(
    supreme: Run, tmp_path: Path
) -> None:
    folder = tmp_path / "conf" / "method"
    folder.mkdir(parents=True)
    weights = "outputs/store/reference/*/*/weights.safetensors"
    (folder / "copy.yaml").write_text(f"_target_: broken.ReturnsReference\nfound: {weights}\n")
    done = supreme("--config-dir", str(folder.parent), "-m", "method=copy,retrain,original,neggrad", *SMALL)
    assert done.returncode == 0, done.stderr
    found = [json.loads(path.read_text()) for path in (tmp_path / "outputs" / "rows").glob("*.json")]
    notes = {row["method"]: row["notes"] for row in found}
    identical = ["identical to the reference"]
    assert notes == {"copy": identical, "retrain": [], "original": ["unchanged"], "neggrad": []}
    assert "copy: identical to the reference in seed 0." in " ".join(done.stdout.split())


NAMES_ITS_OUTPUT = """
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

RESULTS = "outputs"
SETTINGS = (Path(__file__).parent / "settings.txt").read_text()


@dataclass(frozen=True, kw_only=True)
class Reader:
    needs: ClassVar[frozenset[str]] = frozenset()
    beside: str

    def __call__(self, model, split, context):
        print(RESULTS, SETTINGS, self.beside)
        return model
"""


@pytest.mark.slow
def test_a_method_that_names_the_folder_of_its_own_sweep_runs_and_is_found_again(supreme: Run, tmp_path: Path) -> None:
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "reader.py").write_text(NAMES_ITS_OUTPUT)
    (tmp_path / "lab" / "settings.txt").write_text("1")
    (tmp_path / "conf" / "method").mkdir(parents=True)
    (tmp_path / "conf" / "method" / "reader.yaml").write_text("_target_: lab.reader.Reader\nbeside: outputs\n")
    (tmp_path / "outputs").mkdir()
    (tmp_path / "outputs" / "README.md").write_text("What lands here.")
    path = os.pathsep.join([str(tmp_path), environment()["PYTHONPATH"]])
    given = ("--config-dir", str(tmp_path / "conf"), "-m", "method=reader", "seed=0,1", *SMALL)
    for _ in range(2):
        done = supreme(*given, PYTHONPATH=path)
        assert done.returncode == 0, done.stderr
    assert "found: 2, to run: 0;" in done.stderr, done.stderr
    assert len(rows(tmp_path / "outputs")) == 2
    (tmp_path / "lab" / "settings.txt").write_text("2")
    done = supreme(*given, PYTHONPATH=path)
    assert done.returncode == 0, done.stderr
    assert len(rows(tmp_path / "outputs")) == 4


def _start(arguments: list[str], cwd: Path) -> Any:
    with (cwd / "first.log").open("w") as log:
        return start_command_line(*arguments, cwd=cwd, stdout=log, stderr=log)


def _marks(tmp_path: Path, many: int, process: Any) -> list[int]:
    """Wait for this many beginnings; the pids of the workers that began."""
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline:
        marks = sorted((tmp_path / "marks").iterdir(), key=lambda mark: mark.stat().st_mtime_ns)
        if len(marks) >= many:
            return [int(mark.name.split("-")[0]) for mark in marks]
        assert process.poll() is None, (tmp_path / "first.log").read_text()
        time.sleep(0.05)
    raise AssertionError("the sweep did not come that far")


@pytest.mark.slow
@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, marks=pytest.mark.exhaustive), signal.SIGTERM])
@pytest.mark.usefixtures("second_chance")
def test_an_interrupted_sweep_leaves_no_process_and_says_how_to_go_on(
    broken: str, tmp_path: Path, number: signal.Signals
) -> None:
    process = _start(["--config-dir", broken, "-m", "method=slow", "seed=range(4)", *SMALL], tmp_path)
    pids = _marks(tmp_path, 1, process)
    process.send_signal(number)
    assert process.wait() == 128 + number
    assert "the same command goes on from here" in (tmp_path / "first.log").read_text()
    assert not failures(tmp_path / "outputs")
    assert not any(psutil.pid_exists(pid) for pid in pids)


@pytest.mark.slow
@pytest.mark.exhaustive
def test_two_sweeps_at_once_in_one_directory_share_the_work(broken: str, tmp_path: Path) -> None:
    arguments = ["--config-dir", broken, "-m", "method=slow", "seed=range(3)", *SMALL]
    processes = [_start(arguments, tmp_path) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0], (tmp_path / "first.log").read_text()
    assert len(rows(tmp_path / "outputs")) == 3
    assert len(list((tmp_path / "marks").iterdir())) == 3


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["basic", pytest.param("joblib", marks=pytest.mark.exhaustive)])
def test_other_launchers_of_hydra_run_the_same_cells(clean: Any, supreme: Run, tmp_path: Path, launcher: str) -> None:
    outputs, _ = clean
    more = ["hydra.launcher.n_jobs=2"] if launcher == "joblib" else []
    more += ["tracker=csv"]
    done = supreme("-m", "method=neggrad", "seed=range(2)", *SMALL, f"hydra/launcher={launcher}", *more)
    assert done.returncode == 0, done.stderr
    found = rows(tmp_path / "outputs")
    assert len(found) == 2
    assert found == {cell: row for cell, row in rows(outputs).items() if cell in found}
    told = tmp_path / "outputs" / "tracking" / "csv"
    assert {path.stem for path in told.glob("rows/*")} == found.keys()
    assert len(list(told.glob("curves/*"))) == 4


@pytest.mark.slow
@pytest.mark.exhaustive
def test_an_installed_package_can_add_a_method(supreme: Run, tmp_path: Path) -> None:
    package = tmp_path / "site" / "toy"
    (package / "conf" / "method").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "conf" / "__init__.py").write_text("")
    (package / "conf" / "method" / "toy.yaml").write_text("_target_: broken.Broken\nhow: unchanged\n")
    info = tmp_path / "site" / "toy-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[supreme.conf]\ntoy = toy.conf\n")
    path = os.pathsep.join([str(tmp_path / "site"), environment()["PYTHONPATH"]])
    done = supreme("method=toy", *SMALL, PYTHONPATH=path)
    assert done.returncode == 0, done.stderr
    assert "toy" in done.stdout
    assert "toy" in supreme("--help", PYTHONPATH=path).stdout


@pytest.mark.slow
def test_devices_that_are_not_there_are_refused_before_anything_is_planned(
    broken: str, supreme: Run, tmp_path: Path
) -> None:
    done = supreme("-m", "method=neggrad", *SMALL, "devices=[0,1]")
    assert done.returncode == 1
    _, told = done.stderr.split("\n", 1)  # after the line that says what was understood
    assert told == "supreme: devices=0,1 is not possible: there is no CUDA device here; type devices=auto\n"
    assert not (tmp_path / "outputs").exists()
