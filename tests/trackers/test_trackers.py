"""Trackers are told what is stored, by their own readers' account; none can change or cost a result."""

from __future__ import annotations

import csv
import hashlib
import importlib
import json
import math
import shutil
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from conftest import Run, command_line, start_command_line
from processes import wait_for

from supreme.core import Epoch, SupremeError, Tracker, registry
from supreme.core import Run as TrackedRun
from supreme.pipeline.stages import _points
from supreme.store.files import plain

SMALL = ("model.widths=[4,8]", "recipe.epochs=3", "method=finetune,neggrad")
NEEDS = {"csv": ("csv",), "tensorboard": ("tensorboard",), "wandb": ("wandb",), "mlflow": ("mlflow", "sqlalchemy")}
INSTALLED = [name for name, modules in NEEDS.items() if all(map(find_spec, modules))]
ALL = f"tracker=[{','.join(INSTALLED)}]"
EPOCH = ("loss", "accuracy", "lr", "seconds")


def needs(name: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(name not in INSTALLED, reason=f"needs pip install -e '.[{name}]'")


def command(cwd: Path, *arguments: str, workers: int = 1) -> subprocess.CompletedProcess[str]:
    done = command_line(*arguments, cwd=cwd, workers=workers)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def plain_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cell without a tracker: the folder that it ran in."""
    directory = tmp_path_factory.mktemp("plain")
    command(directory, *SMALL[:2], "method=finetune")
    return directory


@pytest.fixture(scope="module")
def tracked_sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same cell and three others on two slots, told to every tracker that is installed."""
    directory = tmp_path_factory.mktemp("tracked")
    done = command(directory, "-m", *SMALL, "seed=range(2)", ALL, workers=2)
    assert "tracker" not in done.stderr.replace("waiting for the tracker", "")
    return directory


def found_untold(tracked_sweep: Path, directory: Path) -> None:
    """Have all that a sweep left there, but what trackers have."""
    shutil.copytree(tracked_sweep / "outputs", directory / "outputs", ignore=shutil.ignore_patterns("tracking*"))


def tracking(directory: Path, name: str) -> Path:
    return directory / "outputs" / "tracking" / name


def rows(directory: Path) -> dict[str, dict[str, Any]]:
    return {path.stem: json.loads(path.read_text()) for path in (directory / "outputs" / "rows").glob("*.json")}


def curves(directory: Path) -> dict[str, list[dict[str, float]]]:
    """Stage and id of each model -> the curve that the store has of it."""
    found = {}
    for row in rows(directory).values():
        for stage, key in row["provenance"]["keys"].items():
            record = directory / "outputs" / "store" / stage / key[:2] / key / "record.json"
            found[f"{stage}-{row['cell'] if stage == 'unlearned' else key[:16]}"] = json.loads(record.read_text())[
                "curve"
            ]
    return found


def columns(row: dict[str, Any]) -> dict[str, float]:
    parts = {"metrics": "", "reference": "reference/", "original": "original/"}
    named = {prefix + name: value for part, prefix in parts.items() for name, value in row[part].items()}
    return {name: value for name, value in named.items() if value is not None}


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


# What is stored.


def test_tracking_changes_no_key_and_no_bit(plain_run: Path, tracked_sweep: Path) -> None:
    def digests(directory: Path) -> dict[Path, str]:
        store = directory / "outputs" / "store"
        files = [*store.rglob("*.safetensors"), *store.rglob("*.npy")]
        return {path.relative_to(store): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    without, within = digests(plain_run), digests(tracked_sweep)
    assert len([path for path in without if path.suffix == ".safetensors"]) == 3
    assert without.items() <= within.items()
    assert rows(plain_run).keys() < rows(tracked_sweep).keys()


def test_every_model_that_is_trained_by_epochs_keeps_its_curve(tracked_sweep: Path) -> None:
    found = curves(tracked_sweep)
    by_method = {row["method"]: (found[f"unlearned-{cell}"], row) for cell, row in rows(tracked_sweep).items()}
    curve, row = by_method["finetune"]
    assert len(curve) == row["config"]["method"]["epochs"]
    assert by_method["neggrad"][0] == []  # it has a loop of its own
    for name, curve in found.items():
        assert [point["epoch"] for point in curve] == list(range(1, len(curve) + 1))
        assert all(point.keys() == {"epoch", *EPOCH} for point in curve)
        if not name.startswith("unlearned"):
            assert len(curve) == 3
            assert curve[0]["loss"] == pytest.approx(math.log(10), abs=0.3)  # ten classes, hardly trained


def test_a_training_that_diverges_has_a_curve_with_gaps() -> None:
    epochs = [
        Epoch(loss=math.nan, accuracy=0.1, lr=1e9, seconds=1.0),
        Epoch(loss=math.inf, accuracy=0, lr=1, seconds=1),
    ]
    points = plain(_points(epochs))
    assert [point["loss"] for point in points] == [None, None]
    run = TrackedRun(id="0" * 16, stage="original", name="", config={}, curve=points, columns={})
    assert [
        epoch for epoch, values in run.steps() if values.keys() == {"train/accuracy", "train/lr", "train/seconds"}
    ] == [1, 2]


# What each tracker has.


def test_csv_holds_every_curve_and_every_row(tracked_sweep: Path) -> None:
    folder = tracking(tracked_sweep, "csv")
    expected = {name: curve for name, curve in curves(tracked_sweep).items() if curve}
    assert {path.stem for path in (folder / "curves").iterdir()} == expected.keys()
    for name, curve in expected.items():
        lines = read_csv(folder / "curves" / f"{name}.csv")
        assert [{column: float(value) for column, value in line.items()} for line in lines] == curve
    assert {path.stem for path in (folder / "rows").iterdir()} == rows(tracked_sweep).keys()
    for cell, row in rows(tracked_sweep).items():
        (line,) = read_csv(folder / "rows" / f"{cell}.csv")
        assert {name: float(line[name]) for name in columns(row)} == columns(row)
        assert (line["cell"], line["method"], line["seed"]) == (cell, row["method"], str(row["seed"]))
        assert line["seeds.unlearn"] == "0"
        assert line["method.epochs"] == str(row["config"]["method"]["epochs"])
        assert line["recipe.epochs"] == "3"
        for stage, key in row["provenance"]["keys"].items():
            assert line[f"provenance.keys.{stage}"] == key


@needs("tensorboard")
def test_tensorboard_reads_every_curve_and_every_row(tracked_sweep: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    found = {}
    for folder in tracking(tracked_sweep, "tensorboard").glob("[!.]*"):
        found[folder.name] = EventAccumulator(str(folder)).Reload()
    assert found.keys() == curves(tracked_sweep).keys()
    for name, curve in curves(tracked_sweep).items():
        if curve:
            for column in EPOCH:
                events = found[name].Scalars(f"train/{column}")
                assert [event.step for event in events] == [point["epoch"] for point in curve]
                assert [event.value for event in events] == [np.float32(point[column]) for point in curve]
    for cell, row in rows(tracked_sweep).items():
        run = found[f"unlearned-{cell}"]
        assert {name: run.Scalars(name)[0].value for name in columns(row)} == {
            name: np.float32(value) for name, value in columns(row).items()
        }
        content = run.PluginTagToContent("hparams")["_hparams_/session_start_info"]
        config = HParamsPluginData.FromString(content).session_start_info.hparams
        assert config["method"].string_value == row["method"]
        assert config["method.lr"].number_value == row["config"]["method"]["lr"]


def wandb_records(path: Path) -> Iterator[Any]:
    """The records of a .wandb file: 7 bytes, then LevelDB's log format in blocks of 32 KiB."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, at, whole = path.read_bytes(), 7, b""
    assert data[:4] == b":W&B"
    while at + 7 <= len(data):
        if 32768 - at % 32768 < 7:
            at += 32768 - at % 32768
            continue
        length, kind = struct.unpack_from("<HB", data, at + 4)
        whole += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # the whole, or the last part of a record
            yield Record.FromString(whole)
            whole = b""


def of_wandb(directory: Path) -> dict[str, dict[str, Any]]:
    """By id, what the offline run holds: the run itself, its history, its summary and its config."""
    found: dict[str, dict[str, Any]] = {}
    for path in tracking(directory, "wandb").glob("wandb/offline-run-*/*.wandb"):
        held: dict[str, Any] = {"history": [], "summary": {}, "config": {}}
        for record in wandb_records(path):
            match record.WhichOneof("record_type"):
                case "run":
                    held["run"] = record.run
                    held["config"] |= _decoded(record.run.config.update)
                case "config":
                    held["config"] |= _decoded(record.config.update)
                case "history":
                    held["history"].append(_decoded(record.history.item))
                case "summary":
                    held["summary"] |= _decoded(record.summary.update)
        assert held["run"].run_id not in found, "two runs of one id"
        found[held["run"].run_id] = held
    return found


def _decoded(items: Any) -> dict[str, Any]:
    return {item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in items}


@needs("wandb")
def test_wandb_keeps_every_curve_and_every_row_offline(tracked_sweep: Path) -> None:
    found = of_wandb(tracked_sweep)
    assert found.keys() == {name.split("-")[1] for name in curves(tracked_sweep)}
    for name, curve in curves(tracked_sweep).items():
        stage, known_as = name.split("-")
        run, history = found[known_as]["run"], found[known_as]["history"]
        assert (run.project, run.run_group, run.job_type) == ("supreme", "outputs", stage)
        assert [
            {column: point[f"train/{column}"] for column in EPOCH} | {"epoch": point["_step"]} for point in history
        ] == curve
    for cell, row in rows(tracked_sweep).items():
        assert columns(row).items() <= found[cell]["summary"].items()
        assert found[cell]["config"]["method.lr"] == row["config"]["method"]["lr"]
        assert found[cell]["config"]["provenance.keys.original"] == row["provenance"]["keys"]["original"]


def of_mlflow(directory: Path) -> tuple[Any, dict[str, Any]]:
    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"sqlite:///{tracking(directory, 'mlflow')}/mlflow.db")
    (experiment,) = [one for one in client.search_experiments() if one.name == "supreme"]
    runs = client.search_runs([experiment.experiment_id])
    found = {run.data.tags["supreme.id"]: run for run in runs}
    assert len(found) == len(runs), "two runs of one id"
    return client, found


@needs("mlflow")
def test_mlflow_finds_every_curve_and_every_row(tracked_sweep: Path) -> None:
    client, found = of_mlflow(tracked_sweep)
    assert found.keys() == {name.split("-")[1] for name in curves(tracked_sweep)}
    for name, curve in curves(tracked_sweep).items():
        stage, known_as = name.split("-")
        assert (found[known_as].data.tags["stage"], found[known_as].info.status) == (stage, "FINISHED")
        for column in EPOCH if curve else ():
            history = client.get_metric_history(found[known_as].info.run_id, f"train/{column}")
            assert [metric.value for metric in history] == [point[column] for point in curve]
    for cell, row in rows(tracked_sweep).items():
        assert columns(row).items() <= found[cell].data.metrics.items()
        assert found[cell].data.params["method.lr"] == str(row["config"]["method"]["lr"])


# Again, and later.


@pytest.mark.usefixtures("second_chance")  # the service of wandb is a process of its own
def test_a_row_made_again_takes_the_place_of_the_one_before(tracked_sweep: Path, tmp_path: Path) -> None:
    shutil.copytree(tracked_sweep / "outputs", tmp_path / "outputs")
    before = {path: path.stat().st_mtime_ns for path in tracking(tmp_path, "csv").rglob("*.csv")}
    command(tmp_path, *SMALL[:2], "method=neggrad", ALL, "metric=[membership]", "metric.membership.fpr=0.25")
    (cell,) = [cell for cell, row in rows(tmp_path).items() if "membership/tpr_at_0.25" in row["metrics"]]
    after = {path: path.stat().st_mtime_ns for path in tracking(tmp_path, "csv").rglob("*.csv")}
    changed = {path.relative_to(tracking(tmp_path, "csv")) for path in after if after[path] != before.get(path)}
    assert changed == {Path("rows", f"{cell}.csv")}  # nothing else is logged again
    assert "membership/tpr_at_0.25" in read_csv(tracking(tmp_path, "csv") / "rows" / f"{cell}.csv")[0]
    if "tensorboard" in INSTALLED:
        (file,) = (tracking(tmp_path, "tensorboard") / f"unlearned-{cell}").iterdir()
        assert b"membership/tpr_at_0.25" in file.read_bytes()
    if "wandb" in INSTALLED:
        found = of_wandb(tmp_path)
        assert len(found) == 8
        assert "membership/tpr_at_0.25" in found[cell]["summary"]
        assert "membership/tpr_at_0.01" not in found[cell]["summary"]
    if "mlflow" in INSTALLED:
        _, runs = of_mlflow(tmp_path)
        assert len(runs) == 8
        assert "membership/tpr_at_0.25" in runs[cell].data.metrics


def test_a_finished_sweep_can_be_told_later(tracked_sweep: Path, tmp_path: Path) -> None:
    found_untold(tracked_sweep, tmp_path)
    done = command(tmp_path, "-m", *SMALL, "seed=range(2)", "tracker=csv")
    assert "to run: 0" in done.stderr
    assert len(list(tracking(tmp_path, "csv").glob("rows/*.csv"))) == 4
    names = {path.stem for path in tracking(tmp_path, "csv").glob("curves/*.csv")}
    assert names == {name for name, curve in curves(tmp_path).items() if curve}


# Trackers that cannot.


@pytest.fixture
def broken(tmp_path: Path) -> str:
    """`--config-dir` with trackers that misbehave."""
    folder = tmp_path / "conf" / "tracker"
    folder.mkdir(parents=True)
    for how in ("raises", "dies", "hangs"):
        text = f"# @package tracker.{how}\n_target_: broken_trackers.BrokenTracker\nhow: {how}\n"
        (folder / f"{how}.yaml").write_text(text)
    (folder / "unpacked.yaml").write_text("_target_: broken_trackers.BrokenTracker\nhow: raises\n")
    return str(folder.parent)


@pytest.mark.usefixtures("second_chance")
def test_a_tracker_that_misbehaves_costs_no_cell_and_no_other_tracker(
    broken: str, tracked_sweep: Path, tmp_path: Path
) -> None:
    found_untold(tracked_sweep, tmp_path)
    impatient = (
        "import supreme.sweep.tracking.tracking as t; t.PATIENCE_SECONDS = 6.0; import supreme.cli as c; c.main()"
    )
    arguments = [
        "--config-dir",
        broken,
        "-m",
        *SMALL[:2],
        "method=original,finetune,neggrad",
        "tracker=[raises,dies,hangs,csv]",
    ]
    process = start_command_line(*arguments, cwd=tmp_path, code=impatient)
    _, told = process.communicate()
    assert process.returncode == 0, told
    assert len(rows(tmp_path)) == 5
    assert len(list(tracking(tmp_path, "csv").glob("rows/*.csv"))) == 3
    for how, reason in {
        "raises": "ValueError: this tracker does not work",
        "dies": "its process died: SIGSEGV(-11)",
        "hangs": "no answer after 6 s",
    }.items():
        assert told.count(f"tracker {how} failed: {reason}") == 1
        assert f"tracker {how}: runs not logged: 5 ({reason}); see outputs/logs/tracking.log" in told
    tries = {how: len(list(tracking(tmp_path, how).iterdir())) for how in ("raises", "dies", "hangs")}
    assert tries == {"raises": 3, "dies": 3, "hangs": 1}
    assert "this tracker does not work" in (tmp_path / "outputs" / "logs" / "tracking.log").read_text()


@pytest.mark.usefixtures("second_chance")
def test_ctrl_c_does_not_wait_for_a_tracker_that_hangs(broken: str, tracked_sweep: Path, tmp_path: Path) -> None:
    found_untold(tracked_sweep, tmp_path)
    said = tmp_path / "said"
    with said.open("w") as out, (tmp_path / "told").open("w") as err:
        command = ("--config-dir", broken, "-m", *SMALL, "tracker=hangs")
        process = start_command_line(*command, cwd=tmp_path, stdout=out, stderr=err)
    (mark, *_) = wait_for(lambda: list(tracking(tmp_path, "hangs").glob("[0-9]*")))
    wait_for(lambda: "Every row of outputs" in said.read_text())  # the table's last line; it waits for the tracker
    process.send_signal(signal.SIGINT)
    assert process.wait() == 130
    told = (tmp_path / "told").read_text()
    assert told.splitlines()[-1] == "supreme: stopped; the same command goes on from here"
    assert not psutil.pid_exists(int(mark.name.split("-")[0]))


def test_a_tracker_without_its_package_is_refused_with_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, cls, values in (
        ("tensorboard", "TensorBoard", {}),
        ("wandb", "WandB", {"project": "p", "entity": None, "group": "g", "mode": "offline"}),
        ("mlflow", "MLflow", {"uri": "sqlite:///x.db", "experiment": "e"}),
    ):
        module = importlib.import_module(f"supreme.trackers.{name}")
        node = {"_target_": f"{module.__name__}.{cls}", **values}
        if name in INSTALLED:
            assert isinstance(registry.build(node, f"tracker {name}"), Tracker)
        monkeypatch.setitem(sys.modules, name, None)  # as if it were not installed
        sentence = rf"^tracker {name}: the package {name} is missing; type pip install -e '\.\[{name}\]' in the clone$"
        with pytest.raises(SupremeError, match=sentence):
            registry.build(node, f"tracker {name}")


def test_values_of_a_tracker_are_checked() -> None:
    wandb = {"_target_": "supreme.trackers.wandb.WandB", "project": "p", "entity": None, "group": "g", "mode": "live"}
    with pytest.raises(
        SupremeError,
        match=r"^tracker wandb: mode='live' .* give offline or online, as in tracker\.wandb\.mode=offline$",
    ):
        registry.build(wandb, "tracker wandb")


@pytest.mark.parametrize(
    ("arguments", "sentences"),
    [
        (
            "-m tracker=csv,raises +tracker.csv.path=x",
            [
                "tracker csv: there is no field path",
                "tracker says where a sweep runs and cannot be swept; give one value",
            ],
        ),
        ("tracker=unpacked", ["the YAML of a tracker must begin with `# @package tracker.<name>`"]),
    ],
)
def test_a_tracker_that_makes_no_sense_is_refused_before_anything_runs(
    arguments: str, sentences: list[str], broken: str, tracked_sweep: Path, supreme: Run, tmp_path: Path
) -> None:
    shutil.copytree(tracked_sweep / "outputs" / "store" / "data", tmp_path / "outputs" / "store" / "data")
    done = supreme("--config-dir", broken, *arguments.split())
    assert done.returncode == 1
    assert [sentence for sentence in sentences if sentence not in done.stderr] == []
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "outputs" / "store" / "original").exists()
