"""What `hydra/launcher=slurm` refuses before it sends a job, and how it divides tasks; no Slurm is needed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from engine_tasks import where

from supreme.core import SupremeError
from supreme.sweep.executors.slurm.options import Cluster
from supreme.sweep.executors.slurm.sent import Job, in_order, packs, register
from supreme.sweep.plan.settings import Settings
from supreme.sweep.schedule.tasks import Task
from tests.running import run_on_slurm


def task(key: str, **more: Any) -> Task:
    values: dict[str, Any] = {"needs": (), "kind": "cell", **more}
    return Task(key=key, label=key, function=where, arguments=(), log=Path("log"), **values)


def settings(folder: Path, **more: Any) -> Settings:
    values = {"devices": "auto", "jobs_per_device": 1, "threads": 1, "timeout": None, "tracker": {}}
    values |= {"dry_run": False, "min_free_memory": None, "wait_for_devices": True, "versions": "use"}
    return Settings.from_config({"output_dir": str(folder), **values, **more})


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"max_running": 0}, r"hydra\.launcher\.max_running=0 is not allowed: give 1 or more"),
        ({"tasks_per_job": 0}, r"hydra\.launcher\.tasks_per_job=0 is not allowed: give 1 or more"),
        ({"gpus_per_job": -1}, r"hydra\.launcher\.gpus_per_job=-1 is not allowed: give 0 or more"),
        ({"on_interrupt": "stop"}, r"hydra\.launcher\.on_interrupt=stop is not allowed: give cancel or leave"),
        ({"poll_seconds": 0.0}, r"hydra\.launcher\.poll_seconds must be above 0"),
    ],
)
def test_a_wrong_key_is_refused_before_anything_is_sent(tmp_path: Path, keys: dict[str, Any], message: str) -> None:
    with pytest.raises(SupremeError, match=message):
        run_on_slurm([task("a")], settings(tmp_path), Cluster(**keys))
    assert list(tmp_path.iterdir()) == []


def test_a_machine_without_slurm_is_told_to_use_a_login_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SupremeError, match="hydra/launcher=slurm needs Slurm's command sbatch: type this on a login"):
        run_on_slurm([task("a")], settings(tmp_path), Cluster())


def test_without_submitit_one_sentence_says_what_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("sbatch", "squeue", "scancel", "srun"):
        (tmp_path / name).touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(SupremeError, match=r"needs submitit; type pip install -e '\.\[slurm\]' in the clone"):
        run_on_slurm([task("a")], settings(tmp_path), Cluster())


def test_where_slurm_does_not_say_what_earlier_jobs_still_do_none_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("supreme.sweep.executors.slurm.queue.refuse_without_slurm", lambda: None)
    monkeypatch.setattr("supreme.sweep.executors.slurm.queue.states", lambda: None)
    monkeypatch.setattr("supreme.sweep.executors.slurm.queue.submit", lambda *_: pytest.fail("jobs were sent"))
    register(Job(id="1_0", folder=tmp_path / "slurm" / "earlier", size=1, open={"a"}), [task("a")])
    with pytest.raises(SupremeError, match="Slurm does not answer squeue, and jobs of an earlier sweep may still do"):
        run_on_slurm([task("a")], settings(tmp_path), Cluster())


@pytest.mark.parametrize(
    ("count", "keys", "more", "sizes"),
    [
        (3, {}, {}, [1, 1, 1]),
        (10, {"max_running": 4}, {}, [2, 3, 2, 3]),
        (10, {"tasks_per_job": 4}, {}, [3, 3, 4]),
        (6, {}, {"jobs_per_device": 3}, [3, 3]),
        (8, {"gpus_per_job": 2}, {"jobs_per_device": 2}, [4, 4]),
        (8, {"cpus_per_task": 4}, {"devices": "cpu", "threads": 2}, [2, 2, 2, 2]),
    ],
)
def test_jobs_get_equal_shares_that_fill_them(
    tmp_path: Path, count: int, keys: dict[str, Any], more: dict[str, Any], sizes: list[int]
) -> None:
    tasks = [task(f"t{index}") for index in range(count)]
    found = packs(tasks, Cluster(**keys).tasks_per_job, settings(tmp_path, **more), Cluster(**keys), tmp_path)
    assert [len(pack.tasks) for pack in found] == sizes
    assert [task for pack in found for task in pack.tasks] == tasks


def test_a_job_asks_for_what_its_tasks_use_and_for_a_gpu_unless_they_use_none() -> None:
    assert Cluster().options("auto", 2, 4) == {"time": 60, "gres": "gpu:1", "cpus-per-task": 8}
    assert Cluster().options("cpu", 3, 2) == {"time": 60, "cpus-per-task": 6}
    shard = Cluster(gres="shard:1", mem="8G", time="01:30:00", additional={"exclude": "node7"})
    asked = {"time": "01:30:00", "gres": "shard:1", "cpus-per-task": 1, "mem": "8G", "exclude": "node7"}
    assert shard.options("auto", 1, 1) == asked


def test_every_kind_comes_after_the_kinds_it_needs() -> None:
    tasks = [
        task("audit", kind="audit", after=("cell",)),
        task("cell", needs=("original", "reference")),
        task("lone"),
        task("original", kind="original"),
        task("reference", kind="reference"),
    ]
    found = [[one.key for one in group] for group in in_order(tasks)]
    assert found == [["lone"], ["original"], ["reference"], ["cell"], ["audit"]]
