"""Sweepers that are not ours, for real: Hydra's own, and Optuna's, which searches."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import hydra_callbacks
import pytest
import yaml
from conftest import Run

SMALL = ("model.widths=[4,8]", "recipe.epochs=1", "metric=[accuracy]", "devices=cpu")


@pytest.mark.slow
def test_hydras_own_sweeper_and_launcher_end_with_the_table_the_failures_and_the_callbacks(
    supreme: Run, tmp_path: Path
) -> None:
    folder = tmp_path / "conf" / "method"
    folder.mkdir(parents=True)
    (folder / "raises.yaml").write_text("_target_: broken.Broken\nhow: raises\n")
    of_hydra = ("hydra/sweeper=basic", "hydra/launcher=basic", "hydra.sweep.dir=runs")
    done = supreme(
        "--config-dir", str(folder.parent), "-m", "method=raises,original", *of_hydra, *SMALL, *hydra_callbacks.WORDS
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "failed (1 of 1)" in done.stdout
    assert any(line.startswith("original ") for line in done.stdout.splitlines())
    assert (tmp_path / "outputs" / "reports" / "report.html").exists()
    told = done.stderr.split("1 of 2 cells failed")[1]
    assert "why   RuntimeError: this method does not work" in told
    assert f"alone python -m supreme --config-dir {folder.parent} method=raises " in told
    assert (tmp_path / "runs" / "multirun.yaml").is_file()
    assert hydra_callbacks.told(tmp_path) == [
        ["multirun start"],
        ["job start", 0, 0],
        ["job end", 0, "FAILED", ""],
        ["job start", 1, 0],
        ["job end", 1, "COMPLETED", ""],
        ["multirun end"],
    ]


@pytest.mark.slow
@pytest.mark.skipif(
    not find_spec("hydra_plugins.hydra_optuna_sweeper"),
    reason="needs hydra-optuna-sweeper, which with Hydra 1.3 wants an Optuna that supreme tune cannot use: "
    "`make test-hydra-1-4` has both",
)
def test_optuna_searches_the_values_of_a_method_and_finds_its_trials_again(supreme: Run, tmp_path: Path) -> None:
    search = ("experiment=optuna", "method=finetune", "hydra.sweeper.n_trials=2", "hydra.sweeper.n_jobs=2", *SMALL)
    refused = supreme(*search, "objective=accuracy/tset")
    assert refused.returncode == 1
    assert "did you mean accuracy/test or" in refused.stderr.splitlines()[-1]
    done = supreme(*search, *hydra_callbacks.WORDS)
    assert done.returncode == 0, done.stderr
    assert any(line.startswith("finetune ") for line in done.stdout.splitlines())
    found = [json.loads(path.read_text()) for path in (tmp_path / "outputs" / "rows").glob("*.json")]
    gaps = [
        sum(
            abs(row["metrics"][column] - row["reference"][column])
            for column in ("accuracy/forget", "accuracy/validation")
        )
        for row in found
    ]
    best = yaml.safe_load((tmp_path / "outputs" / "optuna" / "optimization_results.yaml").read_text())
    assert best["best_value"] == pytest.approx(min(gaps))
    chosen = {(row["config"]["method"]["lr"], row["config"]["method"]["epochs"]) for row in found}
    assert (best["best_params"]["method.lr"], best["best_params"]["method.epochs"]) in chosen
    events = hydra_callbacks.told(tmp_path)
    assert sorted(one[3] for one in events if one[0] == "job end") == pytest.approx(sorted(gaps))
    again = supreme(*search)
    assert "cells: 2, found: 2, to run: 0" in again.stderr
    assert f"Best value: {best['best_value']}" in again.stderr
