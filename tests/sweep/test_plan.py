"""What a sweep plans, and what a dry run tells of it: real sweeps, and nothing started."""

from __future__ import annotations

import json
import pickle
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import hydra
import psutil
import pytest
from conftest import Run, command_line, environment
from hydra.core.global_hydra import GlobalHydra

from supreme import __version__
from supreme.cli import CONF
from supreme.core import SupremeError
from supreme.core.row import sealed_row
from supreme.methods.scrub import SCRUB
from supreme.pipeline.workplace import Workplace
from supreme.sweep.devices.slots import find_slots
from supreme.sweep.display import plan_summary
from supreme.sweep.plan import plan as plan_module
from supreme.sweep.plan.compose import Composer, Problems, cell_with, compose_all, plain_values
from supreme.sweep.plan.estimate import expected_seconds
from supreme.sweep.plan.plan import Plan, make_plan, resolve
from supreme.sweep.plan.presets import preset_of
from supreme.sweep.plan.settings import Settings

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
            with suppress(psutil.NoSuchProcess):  # it has ended meanwhile
                started = psutil.Process(process.pid).children(recursive=True)
                children |= {child.name() for child in started} - {"ldconfig"}  # that importing torch asks
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
    done = command_line("-m", "method=scrub", "seed=range(2)", *SMALL, cwd=directory)
    assert done.returncode == 0, done.stderr
    for path in (directory / "outputs" / "rows").glob("*.json"):
        row = json.loads(path.read_text())
        assert 0 < row["provenance"]["evaluation_seconds"] < 300
        row["cost"]["seconds"], row["provenance"]["evaluation_seconds"] = 100.0, 20.0
        path.write_text(json.dumps(sealed_row(row)))
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
    assert re.search(
        r"Time: at least 2 min 0\d s on ", done.stdout
    )  # one cell after its models, however many slots there are
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


# Estimates.


@pytest.fixture
def composer() -> Iterator[Composer]:
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        config = hydra.compose("config", return_hydra_config=True)
        yield Composer(SimpleNamespace(config_loader=GlobalHydra.instance().config_loader()), config)


def planned(composer: Composer, output_dir: Path, jobs: Sequence[Sequence[str]]) -> Plan:
    problems = Problems()
    cells, _ = compose_all(composer, [[*SMALL, *job] for job in jobs], problems)
    return make_plan(resolve(cells, output_dir, problems), Workplace(output_dir=str(output_dir), device=""), problems)


def refusal(composer: Composer, output_dir: Path, jobs: Sequence[Sequence[str]]) -> list[str]:
    with pytest.raises(SupremeError) as caught:
        planned(composer, output_dir, jobs)
    return str(caught.value).splitlines()


def test_a_grid_with_impossible_cells_is_refused_with_all_of_them_and_with_what_to_type_to_go_on(
    composer: Composer, tmp_path: Path
) -> None:
    some = ["scrub", "unsir", "mask_class", "ssd"]
    jobs = [[f"method={name}", f"seed={seed}"] for name in some for seed in (0, 1)]
    told = refusal(composer, tmp_path, jobs)
    assert sorted(line.partition(":")[0] for line in told) == [
        "method mask_class with data=digits scenario=random",
        "method unsir with data=digits scenario=random",
        "the other methods can run without mask_class and unsir",
    ]
    assert all("type scenario=full_class (or subclass)" in line for line in told[:2])
    assert all(line.endswith("(2 cells)") for line in told[:2])
    assert told[2].endswith("type 'method=scrub,ssd'")
    more = ["amnesiac", "finetune", "neggrad", "delete"]
    told = refusal(composer, tmp_path, [[f"method={name}"] for name in (*some, *more)])
    assert told[-1].endswith("type 'method=glob(*,exclude=[mask_class,unsir])'")
    full = [[f"method={name}", "scenario=full_class"] for name in some]
    assert len(planned(composer, tmp_path, full).todo) == len(some)
    assert len(refusal(composer, tmp_path, [*full, ["method=unsir"]])) == 2  # each scenario is judged by itself


def test_a_metric_is_refused_where_no_cell_of_the_sweep_could_give_it_a_value(
    composer: Composer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random, poisoned = (["metric=[accuracy,backdoor]", f"scenario={name}"] for name in ("random", "backdoor"))
    (told,) = refusal(composer, tmp_path, [random, [*random, "seed=1"]])
    assert told.startswith("metric backdoor with data=digits scenario=random: this scenario plants no trigger: type")
    assert told.endswith("(2 cells)")
    assert len(planned(composer, tmp_path, [random, poisoned]).todo) == 2
    monkeypatch.setattr(plan_module, "holds", lambda row, cell, at: cell.names["scenario"] == "backdoor")
    assert len(planned(composer, tmp_path, [random, poisoned]).todo) == 1  # the same command resumes
    refusal(composer, tmp_path, [random])


def test_a_check_of_a_third_party_that_breaks_is_told_as_a_refusal(
    composer: Composer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check_split(self: object, split: object) -> None:
        raise KeyError("oops")

    monkeypatch.setattr(SCRUB, "check_split", check_split, raising=False)
    (told,) = refusal(composer, tmp_path, [["method=scrub"]])
    assert told == "method scrub with data=digits scenario=random: KeyError: 'oops'"


def test_a_task_is_expected_to_take_what_alike_ones_took_and_nothing_is_said_of_others(
    half: Path, composer: Composer
) -> None:
    jobs = [["method=scrub", "seed=2"], ["method=scrub", "method.lr=0.02", "seed=0"], ["method=ssd", "seed=0"]]
    plan = planned(composer, half / "outputs", jobs)
    seconds = expected_seconds(plan.tasks, plan.at)
    told = {task.label: seconds.get(task.key) for task in plan.tasks}
    assert told["scrub digits small_cnn random seed=2"] == 120
    assert told["scrub digits small_cnn random seed=0 method.lr=0.02"] == 120  # of other values, for want of the same
    assert told["ssd digits small_cnn random seed=0"] is None
    records = [
        json.loads(path.read_text()) for path in (half / "outputs" / "store" / "original").glob("*/*/record.json")
    ]
    mean = sum(record["cost"]["seconds"] for record in records) / 2
    assert told["original digits small_cnn random seed=2"] == pytest.approx(mean)


def test_a_cell_that_is_only_evaluated_again_is_expected_to_take_its_evaluation(half: Path, composer: Composer) -> None:
    plan = planned(
        composer,
        half / "outputs",
        [["method=scrub", "seed=0", "metric=[accuracy,membership]", "metric.membership.fpr=0.05"]],
    )
    (task,) = plan.tasks
    assert expected_seconds(plan.tasks, plan.at) == {task.key: 20}


def test_rows_that_cannot_be_read_say_nothing_of_times(half: Path, composer: Composer, tmp_path: Path) -> None:
    (tmp_path / "rows").mkdir()
    for name, text in {"a": "{", "b": "[]", "c": '{"config": {"metric": 3}}', "d": "null"}.items():
        (tmp_path / "rows" / f"{name}.json").write_text(text)
    plan = planned(composer, tmp_path, [["method=scrub", "seed=0"]])
    assert expected_seconds(plan.tasks, plan.at) == {}


def test_the_disk_that_is_needed_is_that_of_alike_models_and_a_full_one_is_warned_of(
    half: Path, composer: Composer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = planned(composer, half / "outputs", [["method=scrub", f"seed={seed}"] for seed in (2, 3)])
    store = half / "outputs" / "store"
    trained = [path for stage in ("original", "reference") for path in store.glob(f"{stage}/*/*/*")]
    weights = sum(path.stat().st_size for path in trained) / 4
    predictions = list(store.glob("predictions/*/*/*"))
    beside = sum(path.stat().st_size for path in predictions) / 6  # two models and one unlearned one of each seed
    row = sum(path.stat().st_size for path in (half / "outputs" / "rows").glob("*.json")) / 2
    monkeypatch.setattr(plan_summary, "free_bytes", lambda folder: 1000)
    need = 6 * (weights + beside) + 2 * row
    plan_summary.print_plan(plan, find_slots("cpu", 1, 1, cores=2))
    told = capsys.readouterr().out
    assert f"Disk: about {plan_summary.size(need)}; 1 kB are free in" in told
    assert f"Warning: this does not fit, {plan_summary.size(need - 1000)} are missing" in told


@pytest.mark.parametrize(
    ("count", "told"), [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (3_450_000, "3.45 MB"), (2e13, "20 TB")]
)
def test_sizes_are_told_in_powers_of_a_thousand(count: float, told: str) -> None:
    assert plan_summary.size(count) == told


# Composing.


def test_cells_are_the_same_whatever_was_composed_before_them(composer: Composer) -> None:
    jobs = [
        ["seed=0", "seeds.unlearn=0"],
        ["seed=1", "seeds.unlearn=0"],
        ["seed=1", "seeds.unlearn=2", "seeds.forget=7"],
        ["seed=3", "method.lr=1"],
        ["seed=3", "method.lr=1.0"],
        ["seed=3", "method.lr=${recipe.lr}"],
        ["seed=3", "method.lr=1"],
        ["seed=4", "recipe.lr=0.5", "method.lr=${recipe.lr}"],
        ["seed=4", "recipe.lr=0.25", "method.lr=${recipe.lr}"],
        ["seed=5", "seeds={forget:3}", "seeds.forget=4"],
        ["seed=5", "seeds={forget:3}", "seeds.forget=5"],
        ["seed=5", "seeds.forget=5", "seeds={forget:3}"],
        ["seed=5", "seeds.forget=6", "seeds={forget:3}"],
        ["model.widths=[2,4]", "seed=6"],
        ["model.widths=[4]", "seed=6"],
        ["model.widths=[4]", "seed=7"],
        ["deterministic=true", "threads=1"],
        ["deterministic=false", "threads=1"],
        ["data_dir=${output_dir}/x", "output_dir=a"],
        ["data_dir=${output_dir}/x", "output_dir=b"],
        ["scenario=full_class", "scenario.target=3", "seed=0"],
        ["scenario=full_class", "scenario.target=[3,4]", "seed=0"],
        ["scenario=full_class", "scenario.target=null", "seed=0"],
        ["method=ssd", "+method.extra=1"],
        ["method=retrain", "seed=1"],
    ]
    truth = []
    for job in jobs:  # the slow way: Hydra composes each
        config = composer._loader.load_sweep_config(composer._config, job)
        values, names = plain_values(config), config.hydra.runtime.choices
        _, preset = preset_of(composer._loader, config.hydra, values)
        truth.append((cell_with(preset, values, names, job), Settings.from_config(values)))
    assert [composer(job) for job in jobs] == truth
    assert [composer(job)[0].tuned for job in jobs] == [cell.tuned for cell, _ in truth]
    assert {cell.tuned is None for cell, _ in truth} == {True, False}
    assert [composer(job) for job in reversed(jobs)] == truth[::-1]
    assert [repr(composer(job)[0].nodes["method"]["lr"]) for job in jobs[3:6]] == ["1", "1.0", "0.05"]


def test_a_value_that_hydra_refuses_does_not_spoil_the_next_cell(composer: Composer) -> None:
    before, _ = composer(["seed=1", "method.epochs=2"])
    with pytest.raises(Exception, match="nope"):
        composer(["seed=2", "method.nope=2"])
    with pytest.raises(SupremeError, match="seed=abc"):
        composer(["seed=abc", "method.epochs=3"])
    assert composer(["seed=1", "method.epochs=2"])[0] == before


def test_cells_share_their_nodes_and_a_pickle_has_no_keys(composer: Composer, tmp_path: Path) -> None:
    plan = planned(
        composer, tmp_path, [[f"method={name}", f"seed={seed}"] for name in ("scrub", "ssd") for seed in (0, 1)]
    )
    first, second, third, _ = plan.cells
    assert first.nodes["method"] is second.nodes["method"]
    assert first.nodes["data"] is third.nodes["data"]
    assert first.metrics is third.metrics
    assert first.key("original").encode() not in pickle.dumps(first)
    assert pickle.loads(pickle.dumps(first)) == first
    assert pickle.loads(pickle.dumps(first)).id == first.id
