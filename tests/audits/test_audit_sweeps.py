"""Audits of real sweeps, by the real command line: what they compare, refuse, find again and say is missing."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Run, command_line, environment

from supreme import report
from supreme.core import SupremeError
from supreme.core.row import SCHEMAS, sealed_audit
from supreme.pipeline.cell import Cell
from supreme.pipeline.ensembles import audit_jobs
from supreme.report import load_audits, render_audits
from supreme.report.rows.load import load
from supreme.store.maintenance.exporting import Wanted, export
from supreme.store.maintenance.importing import import_
from supreme.store.maintenance.verifying import verify

SMALL = ("model.widths=[4,8]", "recipe.epochs=2")
"""Cells that cost a fraction of a second."""

SMALL_AUDITS = ("audit.u_lira.minimum=3", "audit.u_lira.draws=99", "audit.rmia.minimum=3")
SWEEP = ("experiment=u_lira", "seed=range(4)", *SMALL, *SMALL_AUDITS)


def records(directory: Path) -> dict[str, dict[str, Any]]:
    """What must not depend on when, where and how often a sweep ran, by audit."""
    found = {path.stem: json.loads(path.read_text()) for path in (directory / "audits").glob("*.json")}
    clocked = ("provenance", "sha256")
    return {audit: {name: value for name, value in of.items() if name not in clocked} for audit, of in found.items()}


def trained(directory: Path) -> int:
    kinds = ("original", "reference", "unlearned")
    return sum(len(list((directory / "store" / kind).glob("*/*/manifest.json"))) for kind in kinds)


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """An uninterrupted sweep: two methods, four seeds, two audits."""
    directory = tmp_path_factory.mktemp("clean")
    done = command_line(*SWEEP, "method=retrain,neggrad", cwd=directory)
    return directory / "outputs", done


def test_an_experiment_ends_with_the_tables_of_its_audits(clean: Any) -> None:
    outputs, done = clean
    assert done.returncode == 0, done.stderr
    assert "audits: 4, to run: 4" in done.stderr
    for name in ("u_lira (minimum=3, draws=99)", "rmia (minimum=3)"):
        block = "digits · small_cnn · digits-small_cnn · random · model.widths=[4,8], recipe.epochs=2"
        told = " ".join(done.stdout.split()).split(f"{name} · {block} · forget set ")[1]
        assert told.index("retrain (null)") < told.index("neggrad")
    assert "they \nforgot the same 20 images." in done.stdout
    found = records(outputs)
    assert {(record["name"], record["method"]) for record in found.values()} == {
        (name, method) for name in ("u_lira", "rmia") for method in ("retrain", "neggrad")
    }
    for audit, record in found.items():
        assert (record["audit"], record["schema"], record["seeds"], record["missing"]) == (
            audit,
            SCHEMAS["audit"],
            [0, 1, 2, 3],
            [],
        )
        rows = [json.loads((outputs / "rows" / f"{cell}.json").read_text()) for cell in record["cells"]]
        assert {row["forget_digest"] for row in rows} == {record["forget_digest"]}
        assert {row["method"] for row in rows} == {record["method"]}
        assert all(value is not None and np.isfinite(value) for value in record["values"].values())


def test_the_same_experiment_again_computes_nothing(clean: Any, supreme: Run) -> None:
    outputs, done = clean
    before = {path: path.stat().st_mtime_ns for folder in ("rows", "audits") for path in (outputs / folder).iterdir()}
    again = supreme(*SWEEP, "method=retrain,neggrad", cwd=outputs.parent)
    assert (again.returncode, again.stdout) == (0, done.stdout)
    assert "audits: 4, to run: 0" in again.stderr
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_another_method_trains_no_shadow_model_again_and_another_audit_trains_nothing(
    clean: Any, supreme: Run, tmp_path: Path
) -> None:
    outputs, _ = clean
    shutil.copytree(outputs, tmp_path / "outputs")
    before = trained(outputs)
    done = supreme(*SWEEP, "method=finetune", "method.epochs=1")
    assert done.returncode == 0, done.stderr
    assert "models to train: 0 original and 0 reference; audits: 2, to run: 2" in done.stderr
    assert trained(tmp_path / "outputs") == before + 4
    assert "add method=retrain, the null" in done.stdout
    done = supreme("experiment=retrain_ensemble", "seed=range(4)", "method=neggrad", *SMALL, "audit=[retrain_ensemble]")
    assert done.returncode == 0, done.stderr
    assert "cells: 4, found: 4, to run: 0" in done.stderr
    assert trained(tmp_path / "outputs") == before + 4
    (record,) = (of for of in records(tmp_path / "outputs").values() if of["name"] == "retrain_ensemble")
    assert record["values"]["retrain_ensemble/smallest_p"] == 2 / 70
    assert record["values"]["retrain_ensemble/p"] * 70 == pytest.approx(
        round(record["values"]["retrain_ensemble/p"] * 70)
    )


def test_audits_are_verified_and_move_with_their_models(clean: Any, supreme: Run, tmp_path: Path) -> None:
    outputs, _ = clean
    assert not verify(outputs, set_aside=False).flaws
    export(outputs, tmp_path / "all.tar", Wanted(artefacts=True, predictions=False, data=False, logs=False))
    import_(tmp_path / "all.tar", tmp_path / "outputs")
    assert records(tmp_path / "outputs") == records(outputs)
    again = supreme(*SWEEP, "method=retrain,neggrad")
    assert "to run: 0; models to train: 0 original and 0 reference; audits: 4, to run: 0" in again.stderr
    record = next((tmp_path / "outputs" / "audits").iterdir())
    record.write_text(record.read_text()[:-9])
    assert list(verify(tmp_path / "outputs", set_aside=True).flaws) == [record]
    assert not record.exists()


def test_audits_are_loaded_with_the_labels_of_the_rows_and_reported(clean: Any) -> None:
    outputs, done = clean
    frame = load_audits(outputs)
    assert len(frame) == 2 * (4 + 5)
    assert set(frame["method"]) == {"retrain", "neggrad"} == set(load(outputs)["method"])
    assert (frame["models"] == 4).all()
    assert (frame["forget_size"] == 20).all()
    for record in records(outputs).values():
        lines = frame[frame["audit"] == record["audit"]].set_index("column")["value"]
        assert lines.to_dict() == record["values"]
    assert (outputs / "reports" / "audits.csv").read_text() == render_audits(frame, "csv")
    assert render_audits(frame, "markdown") in (outputs / "reports" / "table.md").read_text()
    told = command_line("report", cwd=outputs.parent)
    line = next(line for line in done.stdout.splitlines() if "retrain (null)" in line)
    assert line in told.stdout


def test_of_two_ensembles_of_one_method_the_larger_is_loaded(clean: Any, tmp_path: Path) -> None:
    outputs, _ = clean
    shutil.copytree(outputs, tmp_path / "outputs")
    audit, record = next((audit, of) for audit, of in records(outputs).items() if of["name"] == "rmia")
    record = json.loads((outputs / "audits" / f"{audit}.json").read_text())
    smaller = {**record, "audit": "0" * 16, "cells": record["cells"][:3], "missing": [3]}
    path = tmp_path / "outputs" / "audits" / f"{'0' * 16}.json"
    path.write_text(json.dumps(sealed_audit(smaller)))
    assert set(load_audits(tmp_path / "outputs")["audit"]) == set(load_audits(outputs)["audit"])
    (told,) = load_audits(tmp_path / "outputs", ["0" * 16])["missing"].unique()
    assert told == "seed 3"
    path.write_text("{")
    assert audit in set(load_audits(tmp_path / "outputs")["audit"])


def test_a_directory_without_audits_has_none_and_its_report_says_nothing_of_them(clean: Any, tmp_path: Path) -> None:
    outputs, _ = clean
    shutil.copytree(outputs / "rows", tmp_path / "rows")
    assert load_audits(tmp_path).empty
    assert "audits.csv" not in [path.name for path in report.write(tmp_path)]
    assert render_audits(load_audits(tmp_path), "terminal") == []


@pytest.mark.slow
@pytest.mark.exhaustive
def test_a_cell_that_fails_is_missing_in_the_audit_until_it_works(supreme: Run, tmp_path: Path) -> None:
    folder = tmp_path / "conf" / "method"
    folder.mkdir(parents=True)
    (folder / "fails.yaml").write_text(f"_target_: broken.FailsForSeed\nseed: 2\nmark: {tmp_path}/mar*\n")
    own = ("method=fails", "audit=[u_lira]", *SMALL_AUDITS[:2])
    sweep = ("--config-dir", str(folder.parent), "experiment=u_lira", "seed=range(4)", *SMALL, *own)
    done = supreme(*sweep)
    assert done.returncode == 1
    assert "1 of 4 cells failed" in done.stderr
    alone = shlex.split(next(line for line in done.stderr.splitlines() if line.startswith("  alone"))[8:])
    assert [argument for argument in alone if "audit" in argument] == ["audit=[]"]  # one cell has none
    assert "fails: without seed 2, whose cells failed." in done.stdout
    ((audit, record),) = records(tmp_path / "outputs").items()
    assert (record["seeds"], record["missing"]) == ([0, 1, 3], [2])
    (tmp_path / "mark").touch()
    done = supreme(*sweep)
    assert done.returncode == 0, done.stderr
    assert "whose cells failed" not in done.stdout
    assert (records(tmp_path / "outputs")[audit]["seeds"], len(records(tmp_path / "outputs"))) == ([0, 1, 2, 3], 1)


@pytest.mark.slow
@pytest.mark.exhaustive
@pytest.mark.usefixtures("second_chance")
def test_a_sweep_that_is_killed_ends_in_the_same_audits(clean: Any, supreme: Run, tmp_path: Path) -> None:
    outputs, _ = clean
    command = [sys.executable, "-m", "supreme", *SWEEP, "method=retrain,neggrad"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=tmp_path, env=environment(), stdout=log, stderr=log)
    deadline = time.monotonic() + 200
    while not list((tmp_path / "outputs").glob("audits/*.json")) and time.monotonic() < deadline:
        assert process.poll() is None, (tmp_path / "log").read_text()
        time.sleep(0.02)
    process.kill()
    process.wait()
    lost = next((tmp_path / "outputs").glob("audits/*.json"))
    lost.write_text(lost.read_text()[:100])  # as if it were another program's
    done = supreme(*SWEEP, "method=retrain,neggrad")
    assert done.returncode == 0, done.stderr
    assert records(tmp_path / "outputs") == records(outputs)


@pytest.mark.slow
@pytest.mark.exhaustive
def test_other_launchers_of_hydra_end_in_the_same_audits(clean: Any, supreme: Run, tmp_path: Path) -> None:
    outputs, _ = clean
    done = supreme(*SWEEP, "method=neggrad", "hydra/launcher=joblib")
    assert done.returncode == 0, done.stderr
    assert "u_lira (minimum=3, draws=99) · digits" in done.stdout
    assert records(tmp_path / "outputs") == {
        audit: of for audit, of in records(outputs).items() if of["method"] == "neggrad"
    }


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("-m seed=range(3) audit=[rmia]", "compare models that forgot the same images: add seeds.forget=0"),
        (
            "-m seed=range(3) seeds.forget=0 audit=[rmia] audit.rmia.gamma=0",
            "audit rmia: gamma=0.0 is not allowed: give a number above 0, as in audit.rmia.gamma=0.01",
        ),
    ],
)
def test_what_an_audit_cannot_compare_is_refused_in_one_sentence(
    supreme: Run, tmp_path: Path, arguments: str, sentence: str
) -> None:
    done = supreme(*arguments.split())
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "outputs" / "rows").exists()


# Which cells an audit compares.


def cell(**changes: Any) -> Cell:
    groups = ("data", "model", "recipe", "scenario", "method")
    plain = Cell(
        names=dict.fromkeys(groups, "one"),
        nodes={group: {} for group in groups},
        metrics={},
        seed=0,
        seeds={"forget": 0, "reference": 0, "unlearn": 0, "evaluate": 0},
        deterministic=True,
        threads=1,
        audits={"some": {"minimum": 2}},
        fingerprint="data",
        split_digest="split",
    )
    return replace(plain, **changes)


def test_an_ensemble_takes_one_cell_of_each_training_seed_the_first_draw() -> None:
    def drawn(seed: int, unlearn: int) -> Cell:
        return cell(seed=seed, seeds={"forget": 0, "reference": 0, "unlearn": unlearn, "evaluate": 0})

    (job,) = audit_jobs([drawn(seed, unlearn) for unlearn in (2, 0, 1) for seed in (3, 1)])
    assert [(one.seed, one.seeds["unlearn"]) for one in job.cells] == [(1, 0), (3, 0)]


def test_methods_and_forget_sets_make_ensembles_of_their_own() -> None:
    cells = [
        cell(seed=seed, names={**cell().names, "method": method}, split_digest=split)
        for seed in range(3)
        for method in ("one", "other")
        for split in ("a", "b")
    ]
    jobs = audit_jobs(cells)
    assert len(jobs) == len({job.id for job in jobs}) == 4
    assert all(len(job.cells) == 3 for job in jobs)


def test_the_id_of_an_audit_holds_its_values_and_its_cells() -> None:
    def job_id(*seeds: int, minimum: int = 2) -> str:
        return audit_jobs([cell(seed=seed, audits={"some": {"minimum": minimum}}) for seed in seeds])[0].id

    assert job_id(0, 1) == job_id(1, 0)
    assert len({job_id(0, 1), job_id(0, 1, 2), job_id(0, 1, minimum=3)}) == 3


def test_a_lone_training_seed_is_refused_with_the_reason_that_applies() -> None:
    with pytest.raises(SupremeError, match=r"add seeds\.forget=0"):
        audit_jobs([cell(seed=seed, split_digest=str(seed)) for seed in range(3)])
    with pytest.raises(SupremeError, match=r"add -m 'seed=range\(20\)'"):
        audit_jobs([cell()])
    assert audit_jobs([cell(audits={})]) == []


def test_the_values_of_an_audit_cannot_be_swept() -> None:
    cells = [cell(seed=seed, audits={"some": {"minimum": seed}}) for seed in (2, 3)]
    with pytest.raises(SupremeError, match="the values of audit some cannot be swept"):
        audit_jobs(cells)


@pytest.mark.slow
def test_that_there_are_too_few_seeds_is_told_before_anything_is_trained(supreme: Run) -> None:
    done = supreme("-m", *SMALL, "method=neggrad", "seed=range(2)", "seeds.forget=0", "audit=[u_lira]")
    told = done.stderr
    assert told.index("audit u_lira needs 10 training seeds and there are 2") < told.index("cells: 2")
    assert done.returncode == 0
    assert "needs 10 models of each kind, 2 here: 8 missing" in done.stdout
