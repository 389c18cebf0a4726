"""Real sweeps on a real Ray cluster: two nodes on this machine with two invented GPUs each."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import engine_tasks as jobs
import psutil
import pytest
import ray_tasks
from conftest import environment
from test_sweep import SMALL, rows

from supreme.sweep import ray_cluster
from supreme.sweep.compose import Settings
from supreme.sweep.ray_cluster import Options, run
from supreme.sweep.tasks import Event, Task

SWEEP = ("-m", "method=scrub,neggrad", "seed=range(2)", *SMALL)
ON_CPU = ("devices=cpu", "hydra.launcher.gpus_per_job=0.5")
"""The nodes' GPUs are invented: a job has half of one, and computes on the CPU."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head that takes no job, and two nodes with two GPUs; the loss of a node is told after some seconds."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'supreme[ray]'")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "disabled")  # else the head wants a token of its nodes
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        from ray.cluster_utils import Cluster

        patience = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 500}
        head = {"num_cpus": 0, "include_dashboard": False, "_system_config": patience}
        cluster = Cluster(initialize_head=True, head_node_args=head)
        for _ in range(2):
            add_node(cluster)
        yield cluster
        cluster.shutdown()


def add_node(cluster: Any) -> Any:
    return cluster.add_node(num_cpus=4, num_gpus=2, object_store_memory=80 * 2**20)


def options(address: str | None, **more: Any) -> Options:
    values = {"gpus_per_job": 0.5, "cpus_per_job": None, "memory_gib": None, "attempts": 2, "init": {}}
    return Options(address=address, **{**values, **more})


def settings(folder: Path, **more: Any) -> Settings:
    values = {"devices": "cpu", "jobs_per_device": 1, "threads": 1, "timeout": None, "tracker": {}}
    return Settings(output_dir=folder, **{**values, **more})


@pytest.fixture
def task(tmp_path: Path) -> Callable[..., Task]:
    def make(key: str, function: Callable[..., Any], *arguments: Any, needs: tuple[str, ...] = ()) -> Task:
        log = tmp_path / "logs" / f"{key}.log"
        return Task(
            key=key, label=f"job {key}", function=function, arguments=arguments, needs=needs, log=log, kind="cell"
        )

    return make


def workers_of(node: Any) -> list[psutil.Process]:
    """Those on this node that run a task now; Ray says so in their titles."""
    raylet = psutil.Process(node.all_processes["raylet"][0].process.pid)
    return [child for child in raylet.children() if child.cmdline()[:1] == ["ray::Worker.execute"]]


def wait_for(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)
    return found


@pytest.mark.slow
def test_workers_stay_warm_on_their_part_of_a_gpu_and_a_bad_task_costs_itself_only(
    cluster: Any, task: Callable[..., Task], tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    monkeypatch.setattr(ray_cluster, "STARTING_SECONDS", 1.0)
    events: list[Event] = []
    tasks = [
        task("raises", jobs.raise_error, tmp_path),
        task("blocked", jobs.where, needs=("raises",)),
        task("exits", jobs.exit_with, 3),
        task("killed", jobs.kill_self, tmp_path),
        task("killed once", jobs.kill_self_once, tmp_path),
        task("segfault", jobs.segfault, tmp_path),
        task("poisoned once", jobs.cuda_error_once, tmp_path),
        task("hangs", jobs.hang, tmp_path),
        task("says", jobs.say),
        task("returns unpicklable", jobs.return_unpicklable),
        *(task(f"ok {number}", ray_tasks.where, tmp_path, 0.3) for number in range(24)),
    ]
    outcomes = run(tasks, settings(tmp_path, timeout=5.0), options(cluster.address), events.append)
    assert [outcome.task for outcome in outcomes] == tasks
    found = {outcome.task.key: outcome for outcome in outcomes}
    errors = {key: outcome.error for key, outcome in found.items() if outcome.status != "done"}
    assert errors.pop("returns unpicklable").startswith("the task returned a function that cannot be pickled")
    gone = "its process died: by a signal, perhaps for want of memory, or by os._exit"
    assert errors == {
        "raises": "ValueError: no such thing",
        "blocked": "it waits for job raises, which failed",
        "exits": "the task called sys.exit(3)",
        "killed": gone,
        "segfault": gone,
        "hangs": "no result after 5 s (timeout)",
    }
    assert {key for key, outcome in found.items() if outcome.attempts == 2} == {
        "killed",
        "killed once",
        "segfault",
        "poisoned once",
    }
    assert found["poisoned once"].value != int((tmp_path / "cuda_pid").read_text()), "its context was poisoned"
    logs = {path.stem: path.read_text() for path in (tmp_path / "logs").iterdir()}
    assert "in raise_error" in logs["raises"]
    assert "in segfault" in logs["segfault"]
    assert logs["killed"].count(gone) == 2
    assert "in hang" in logs["hangs"]
    assert logs["says"].splitlines()[1:3] == ["printed", "from C"]
    assert capfd.readouterr() == ("", ""), "Ray talks"

    values = [outcome.value for key, outcome in found.items() if key.startswith("ok")]
    by_gpu: dict[tuple[str, str], set[int]] = {}
    for value in values:
        by_gpu.setdefault((value["node"], value["visible"]), set()).add(value["pid"])
    assert len({node for node, _ in by_gpu}) == 2, "a node was left idle"
    assert {visible for _, visible in by_gpu} == {"0", "1"}
    assert len({value["pid"] for value in values}) < len(values), "a process is used again"
    hashed = subprocess.run(
        [sys.executable, "-c", "print(hash('a'))"],
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
    )
    assert {(value["threads"], value["shared"], value["hash"]) for value in values} == {("1", "1", int(hashed.stdout))}
    assert not list(tmp_path.glob(".ray-*")), "the token is left behind"


@pytest.mark.slow
def test_a_sweep_that_loses_a_node_is_completed_on_the_other_with_the_rows_of_a_local_one(
    cluster: Any, tmp_path: Path
) -> None:
    local, far = tmp_path / "local", tmp_path / "far"
    command = [sys.executable, "-m", "supreme", *SWEEP]
    for folder in (local, far):
        folder.mkdir()
    extra = add_node(cluster)
    on_ray = subprocess.Popen(
        [*command, "recipe.epochs=40", *ON_CPU, "hydra/launcher=ray", f"hydra.launcher.address={cluster.address}"],
        cwd=far,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(lambda: workers_of(extra))
    cluster.remove_node(extra, allow_graceful=False)
    subprocess.run([*command, "recipe.epochs=40"], cwd=local, env=environment(), capture_output=True, check=True)
    out, err = on_ray.communicate(timeout=120)
    assert on_ray.returncode == 0, err
    assert "was lost" in err
    assert "(raylet)" not in out + err, "Ray talks"
    assert rows(far / "outputs") == rows(local / "outputs")
    assert len(rows(far / "outputs")) == 4
    assert any("was lost" in path.read_text() for path in (far / "outputs" / "logs").glob("*.log"))
