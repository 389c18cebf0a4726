"""Keys of Hydra's own: each is honoured, or refused in one sentence."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from omegaconf import OmegaConf

from supreme.core import SupremeError
from supreme.sweep.hydra_keys import heed_verbose, refuse_in_launch, refuse_in_run, refuse_in_sweep


def hydra_with(**given: Any) -> Any:
    """Hydra's part of a config, as conf/config.yaml has it, and these keys."""
    usual = {
        "output_subdir": None,
        "run": {"dir": "."},
        "sweep": {"dir": ".", "subdir": "."},
        "job": {"name": "supreme", "chdir": False, "num": "???", "id": "???", "env_set": {}},
        "job_logging": {},
        "callbacks": {},
        "sweeper": {"max_batch_size": None},
    }
    config = OmegaConf.create(usual)
    for key, value in given.items():
        OmegaConf.update(config, key.replace("__", "."), value)
    return config


@pytest.mark.parametrize("ours", [True, False])
@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {"sweep__dir": "runs"},
            "hydra.sweep.dir=runs would stay empty, for results go to output_dir: type output_dir=runs",
        ),
        (
            {"sweep__dir": "${now:%H}"},
            "type output_dir=...; to keep Hydra's own files there, add hydra.output_subdir=.hy",
        ),
        ({"sweep__subdir": "a"}, "hydra.sweep.subdir=a would stay empty"),
        (
            {"job__chdir": True},
            "hydra.job.chdir=true is not allowed: relative paths count from the folder of the command",
        ),
        ({"job__num": 3}, "hydra.job.num is what the sweep counts its jobs by: leave it out"),
        ({"job__id": "a"}, "hydra.job.id is what the sweep counts"),
        ({"sweeper__max_batch_size": 2}, "hydra.sweeper.max_batch_size is not needed"),
    ],
)
def test_what_a_sweep_cannot_honour_is_refused(given: dict[str, Any], sentence: str, ours: bool) -> None:
    with pytest.raises(SupremeError) as refused:
        refuse_in_sweep(hydra_with(**given), ours)
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"sweep__dir": "runs", "output_subdir": ".hydra"},
        {"sweep__dir": "runs", "callbacks": {"log": {"_target_": "a.B"}}},
        {"run__dir": "runs"},  # of single runs
        {"job__name": "other"},
        {"job__chdir": None},
        {"verbose": True},
    ],
)
def test_what_a_sweep_honours_is_taken(given: dict[str, Any]) -> None:
    refuse_in_sweep(hydra_with(**given), True)


def test_variables_for_jobs_are_refused_where_workers_would_not_have_them() -> None:
    hydra = hydra_with(job__env_set={"OMP_NUM_THREADS": 2})
    for refuse in (lambda: refuse_in_sweep(hydra, True), lambda: refuse_in_launch(hydra)):
        with pytest.raises(SupremeError, match="type OMP_NUM_THREADS=2 before the command"):
            refuse()
    refuse_in_sweep(hydra, False)


def test_a_run_of_one_cell_keeps_hydras_files_where_it_is_told_or_says_that_there_are_none() -> None:
    with pytest.raises(SupremeError, match=r"^hydra.run.dir=runs would stay empty"):
        refuse_in_run(hydra_with(run__dir="runs"))
    with pytest.raises(SupremeError, match=r"^hydra.job.chdir=true is not allowed"):
        refuse_in_run(hydra_with(job__chdir=True))
    refuse_in_run(hydra_with(run__dir="runs", output_subdir=".hydra"))
    refuse_in_run(hydra_with(run__dir="runs", job_logging={"handlers": {"file": {}}}))
    refuse_in_run(hydra_with(job__num=3, sweep__dir="runs"))  # which a launcher sets, and a single run passes over


def test_verbose_shows_our_own_messages_too(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = logging.getLogger("supreme")
    monkeypatch.setattr(ours, "level", ours.level)
    heed_verbose(False)
    assert ours.level != logging.DEBUG
    heed_verbose(True)
    assert ours.level == logging.DEBUG
