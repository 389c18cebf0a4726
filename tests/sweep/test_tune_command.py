"""supreme tune as it is typed: a search that is killed, presets that a sweep takes, and what is refused."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import yaml
from conftest import Run, start_command_line

from supreme.core import SupremeError
from supreme.report.studies.read import RECORD, study_digest
from supreme.sweep.tuning import command
from supreme.sweep.tuning.study import needs_optuna

pytest.importorskip("optuna", minversion="5", reason="needs Optuna 5: pip install -e '.[tune]'")

METHODS = ("finetune", "scrub")
SMALL = ("recipe.epochs=2", "data.train_per_class=4", "data.validation_per_class=4")
SEARCH = ("tune", f"method={','.join(METHODS)}", "budget=3", "seeds=100,101", "at_once=2", *SMALL)


def record(folder: Path) -> dict[str, Any]:
    (path,) = (folder / "outputs" / "studies").glob(f"*/{RECORD}")
    return json.loads(path.read_text())


def without_times(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name not in ("finished", "sha256")}


@pytest.mark.slow
def test_a_search_that_was_killed_ends_as_an_uninterrupted_one_and_its_presets_are_for_other_seeds(
    supreme: Run, tmp_path: Path
) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for folder in (whole, killed):
        folder.mkdir()
    done = supreme(*SEARCH, "output_dir=whole/outputs", workers=2)
    assert done.returncode == 0, done.stderr
    assert "best" in done.stdout
    process = start_command_line(*SEARCH, "output_dir=killed/outputs", cwd=tmp_path)
    rows = "killed/outputs/studies/*/rows/*.json"
    for _ in range(2_000):
        if len(list(tmp_path.glob(rows))) >= 3 or process.poll() is not None:
            break
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    there = {path: path.stat().st_mtime_ns for path in tmp_path.glob(rows)}
    assert 3 <= len(there) < 12
    again = supreme(*SEARCH, "output_dir=killed/outputs", workers=2)
    assert again.returncode == 0, again.stderr
    assert {path: path.stat().st_mtime_ns for path in there} == there
    found = record(killed)
    assert without_times(found) == without_times(record(whole))
    for method in METHODS:
        told = found["methods"][method]
        assert [trial["number"] for trial in told["trials"]] == [0, 1, 2]
        assert told["sha256"] == study_digest(found, method)
        (preset,) = yaml.safe_load((killed / "outputs" / "tuned" / f"{method}.yaml").read_text())
        assert preset["chosen"]["search"]["sha256"] == told["sha256"]
        assert preset["chosen"]["seeds"] == [100, 101]
        assert preset["chosen"]["images"] == "validation"

    sweep = ("--config-dir", "killed/outputs", "-m", "method=finetune", "output_dir=killed/outputs", *SMALL)
    refused = supreme(*sweep, "seed=101..103")
    assert refused.returncode == 1
    assert "was found on training seeds 100, 101, whose results flatter it: take others, as in seed=102..111" in (
        refused.stderr
    )
    reported = supreme(*sweep, "seed=102,103")
    assert reported.returncode == 0, reported.stderr
    (row, _) = [json.loads(path.read_text()) for path in (killed / "outputs" / "rows").glob("*.json")]
    assert row["tuned"]["preset"].startswith("finetune/digits-small_cnn-random-")
    assert row["tuned"]["search"]["trials"] == 3
    assert "in 3 trials of supreme tune" in (killed / "outputs" / "reports" / "table.md").read_text()
    drawn = supreme("tune", "--report", "killed/outputs")
    assert drawn.returncode == 0, drawn.stderr
    page = Path(tmp_path, drawn.stdout.splitlines()[0])
    assert page.read_text().count("<svg") == 5  # too few trials for importances
    assert {path.name for path in page.parent.glob("figures/*.png")} >= {"budget-trials.png", "budget-passes.png"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("method=scrubb",), "there is no method scrubb; did you mean scrub"),
        (("method=retrain",), "method retrain has no search space: write search/retrain.yaml into the folder of"),
        (("method=scrub", "space.scrub.lrr=interval(0,1)"), "method scrub has no value lrr; did you mean lr?"),
        (("method=scrub", "space.scrub.lr=interval(-2,-1)"), "space.scrub: lr: interval(-2,-1): method scrub"),
        (("method=scrub", "objective=accuracy/forgot"), "there is no column accuracy/forgot in the row; did you mean"),
        (("method=scrub", "objective=zrf/forget", "metric=[accuracy]"), "metric zrf is not chosen; add it"),
        (
            ("method=scrub", "objective=accuracy/forget"),
            "does not say what is better: type objective=minimize:accuracy",
        ),
        (("method=scrub", "scenario=random,full_class"), "scenario= is a list, and a search is for one value of it"),
        (
            ("method=scrub", "data.validation_per_class=0"),
            "has no validation images; type data.validation_fraction=0.1",
        ),
        (("method=scrub", "hydra/launcher=basic"), "runs with hydra/launcher=local, slurm or ray"),
    ],
)
def test_a_search_that_cannot_be_is_refused_before_anything_runs(
    words: tuple[str, ...], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", "")
    with (
        mock.patch("sys.argv", ["supreme"]),
        mock.patch("sys.path", [*__import__("sys").path]),
        pytest.raises(SupremeError) as caught,
    ):
        command.main([*words, "budget=3", "seeds=100", "output_dir=outputs"])
    assert sentence in str(caught.value)
    assert not list(tmp_path.glob("outputs/rows/*"))
    assert not list(tmp_path.glob("outputs/studies/*"))


def test_a_dry_run_tells_what_a_search_would_do_and_starts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with mock.patch("sys.argv", ["supreme"]):
        command.main(["method=scrub,finetune", "budget=3", "seeds=100,101", "dry_run=true", "output_dir=outputs"])
    told = " ".join(capsys.readouterr().out.split())
    assert "2 methods, 3 trials each, 2 training seeds: up to 12 cells on 2 originals and 2 references" in told
    assert "- finetune: lr in tag(log, interval(1e-5, 1e-1)), epochs in range(1, 11)" in told
    assert not (tmp_path / "outputs" / "studies").exists()


@pytest.mark.parametrize(("version", "told"), [(None, "which is not installed"), ("2.10.1", "version 2.10.1")])
def test_without_a_recent_optuna_it_says_what_to_install(version: str | None, told: str) -> None:
    package = None if version is None else mock.Mock(__version__=version)
    with mock.patch.dict("sys.modules", {"optuna": package}), pytest.raises(SupremeError) as caught:
        needs_optuna()
    assert told in str(caught.value)
    assert str(caught.value).endswith("pip install -e '.[tune]'")


def test_help_tells_every_word(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--help"]) == 0
    told = capsys.readouterr().out
    for word in ("method=", "budget=", "seeds=", "budget_passes=", "objective=", "at_once=", "write=", "--report"):
        assert word in told
    assert max(map(len, told.splitlines())) <= 100


@pytest.mark.parametrize(("there", "told"), [(False, "no search has ended there"), (True, "its search has not ended")])
def test_a_report_of_no_search_says_so(
    there: bool, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if there:
        (tmp_path / "studies" / "a").mkdir(parents=True)
        (tmp_path / "studies" / "a" / "journal.log").touch()
    assert command.main(["--report", str(tmp_path)]) == 1
    assert told in capsys.readouterr().err
