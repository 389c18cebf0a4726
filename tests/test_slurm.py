"""The launcher for Slurm, on a real Slurm with real jobs; only the GPUs are none."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import engine_tasks
import pytest
import slurm_cluster
from conftest import TESTS, Run, environment
from test_sweep import rows

from supreme.core import SupremeError
from supreme.sweep import slurm
from supreme.sweep.cluster import Cluster
from supreme.sweep.compose import Settings
from supreme.sweep.tasks import Event, Outcome, Retrying, Started, Task

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(slurm_cluster.why_not()), reason=slurm_cluster.why_not() or "there is a Slurm"),
]

FAST = {"poll_seconds": 0.3, "grace_seconds": 1.0}


@pytest.fixture(scope="module")
def real_slurm() -> Iterator[dict[str, str]]:
    with slurm_cluster.cluster() as variables:
        yield variables


@pytest.fixture(autouse=True)
def _inside(real_slurm: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process may send jobs, which can import the tests' tasks; none is left for the next test."""
    for name, value in {**real_slurm, "PYTHONPATH": environment()["PYTHONPATH"]}.items():
        monkeypatch.setenv(name, value)
    yield
    slurm_cluster.slurm(real_slurm, "scancel", f"--user={os.getuid()}")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        output_dir=tmp_path / "outputs", devices="auto", jobs_per_device=1, threads=1, timeout=None, tracker={}
    )


def task(folder: Path, key: str, function: Callable[..., Any], *arguments: Any, **more: Any) -> Task:
    base = Task(
        key=key,
        label=f"task {key}",
        function=function,
        arguments=arguments,
        needs=(),
        log=folder / f"{key}.log",
        kind="a",
    )
    return replace(base, **more)


def queue(variables: dict[str, str]) -> list[str]:
    """The jobs that wait or run."""
    return slurm_cluster.slurm(variables, "squeue", "--noheader", "--array", "--format=%i %T").splitlines()


def test_each_job_works_on_the_gpu_that_slurm_gave_it_and_two_of_its_tasks_at_once(
    tmp_path: Path, settings: Settings
) -> None:
    tasks = [task(tmp_path, f"t{index}", engine_tasks.where, None, 1.0) for index in range(4)]
    settings = replace(settings, jobs_per_device=2)
    outcomes = slurm.run(tasks, settings, Cluster(**FAST, max_running=2))
    print([o.value for o in outcomes], [o.slot for o in outcomes])
