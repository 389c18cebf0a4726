"""Real sweeps on a real Ray cluster: two nodes on this machine with two invented GPUs each."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import engine_tasks as jobs
import psutil
import pytest
import ray_tasks
from conftest import command_line, environment, start_command_line
from processes import alive, wait_for
from test_sweep import SMALL, rows

from supreme.core import SupremeError
from supreme.sweep.executors.ray import executor as ray_sweep
from supreme.sweep.executors.ray.connection import connected, describe
from supreme.sweep.executors.ray.executor import RayExecutor
from supreme.sweep.executors.ray.options import Options
from supreme.sweep.executors.ray.worker import death, is_there
from supreme.sweep.plan.settings import Settings
from supreme.sweep.schedule import executor as schedule_executor
from supreme.sweep.schedule.tasks import Event, Outcome, Started, Task, Waiting
from supreme.testing import check_executor
from tests.running import run_on_ray

SWEEP = ("-m", "method=scrub,neggrad", "seed=0", *SMALL)
ON_CPU = ("devices=cpu", "hydra.launcher.gpus_per_job=0.5", "hydra.launcher.cpus_per_job=2")
"""The nodes' GPUs are invented: a job has half of one, both cores of a node, and computes there."""


@pytest.fixture(scope="module")
def cluster(second_chance: None) -> Iterator[Any]:
    """A head that takes no job, and two nodes with two GPUs; the loss of a node is told after some seconds."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install -e '.[ray]'")
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


def test_whatever_ray_raises_when_it_is_started_is_told_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray = pytest.importorskip("ray", reason="Ray is not installed: pip install -e '.[ray]'")

    def late(**_: Any) -> None:
        raise Exception("The current node timed out during startup.")

    monkeypatch.setattr(ray, "init", late)
    told = r"hydra\.launcher\.address=null: .*timed out during startup"
    with pytest.raises(SupremeError, match=told) as caught, connected(options(None), tmp_path):
        pass
    assert "\n" not in str(caught.value)


def add_node(cluster: Any) -> Any:
    return cluster.add_node(num_cpus=2, num_gpus=2, object_store_memory=80 * 2**20)


def nodes(cluster: Any) -> list[Any]:
    """Those that take jobs."""
    return [node for node in cluster.list_all_nodes() if node is not cluster.head_node]


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


@pytest.mark.slow
@pytest.mark.exhaustive
def test_workers_stay_warm_on_their_part_of_a_gpu_and_a_bad_task_costs_itself_only(
    cluster: Any, task: Callable[..., Task], tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    monkeypatch.setattr(schedule_executor, "STARTING_SECONDS", 1.0)
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
        *(task(f"ok {number}", ray_tasks.where, tmp_path, 0.8) for number in range(24)),
    ]
    outcomes = run_on_ray(
        tasks, settings(tmp_path, timeout=8.0), options(cluster.address, cpus_per_job=0.5), events.append
    )
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
        "hangs": "no result after 8 s (timeout)",
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
    for folder in (local, far):
        folder.mkdir()
    on_cluster = ("hydra/launcher=ray", f"hydra.launcher.address={cluster.address}")
    on_ray = start_command_line(*SWEEP, *ON_CPU, *on_cluster, cwd=far)
    lost = wait_for(lambda: next((node for node in nodes(cluster) if workers_of(node)), None))
    cluster.remove_node(lost, allow_graceful=False)
    assert command_line(*SWEEP, cwd=local).returncode == 0
    out, err = on_ray.communicate()
    add_node(cluster)
    assert on_ray.returncode == 0, err
    assert "was lost" in err
    assert "(raylet)" not in out + err, "Ray talks"
    assert rows(far / "outputs") == rows(local / "outputs")
    assert len(rows(far / "outputs")) == 2
    assert any("was lost" in path.read_text() for path in (far / "outputs" / "logs").glob("*.log"))


@pytest.mark.slow
def test_a_worker_that_dies_idle_costs_the_next_task_no_attempt(
    cluster: Any, task: Callable[..., Task], tmp_path: Path
) -> None:
    """Though its death is seen only when the task has been handed to it."""
    victim: list[int] = []

    def on_event(event: Event) -> None:
        if isinstance(event, Outcome) and event.task.key == "first":
            victim.append(event.value["pid"])
            os.kill(victim[0], signal.SIGSTOP)  # so that it cannot begin
        elif isinstance(event, Started) and event.task.key == "second" and alive(victim[0]):
            os.kill(victim[0], signal.SIGKILL)

    tasks = [
        task("first", ray_tasks.where, tmp_path, 0.0),
        task("second", ray_tasks.where, tmp_path, 0.0, needs=("first",)),
    ]
    outcomes = run_on_ray(tasks, settings(tmp_path), options(cluster.address), on_event)
    assert [(outcome.status, outcome.attempts) for outcome in outcomes] == [("done", 1)] * 2
    assert outcomes[1].value["pid"] != victim[0]


@pytest.mark.slow
def test_a_sweep_that_is_told_to_stop_ends_its_workers_and_leaves_the_cluster(
    cluster: Any, task: Callable[..., Task], tmp_path: Path
) -> None:
    def stop() -> None:
        wait_for(lambda: len(list(tmp_path.glob("*.pid"))) >= 4)
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    stopper = threading.Thread(target=stop)
    stopper.start()
    tasks = [task(str(number), jobs.sleep_with_child, tmp_path) for number in range(9)]
    with pytest.raises(KeyboardInterrupt, match="SIGTERM"):
        run_on_ray(tasks, settings(tmp_path), options(cluster.address), lambda event: None)
    stopper.join()
    assert signal.getsignal(signal.SIGTERM) == before
    pids = [int(path.stem) for path in tmp_path.glob("*.pid")]
    wait_for(lambda: not any(alive(pid) for pid in pids), 60.0)
    assert all(node.any_processes_alive() for node in cluster.list_all_nodes())


@pytest.mark.slow
@pytest.mark.exhaustive
def test_ctrl_c_ends_a_ray_that_the_sweep_has_started_with_all_its_processes(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install -e '.[ray]'")
    sweep = subprocess.Popen(
        [sys.executable, "-m", "supreme", *SWEEP, "recipe.epochs=100000", "devices=cpu", "hydra/launcher=ray"],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    process = psutil.Process(sweep.pid)
    wait_for(lambda: list((tmp_path / "outputs").glob("logs/*.log")) and len(process.children(recursive=True)) > 3)
    wait_for(lambda: any("attempt 1" in path.read_text() for path in (tmp_path / "outputs").glob("logs/*.log")))
    started = process.children(recursive=True)
    os.killpg(sweep.pid, signal.SIGINT)  # as the terminal does
    out, err = sweep.communicate()
    assert sweep.returncode == 130, err
    assert "Traceback" not in err
    assert "raylet" not in out + err
    wait_for(lambda: not any(alive(child.pid) for child in started), 60.0)


@pytest.mark.slow
def test_a_cluster_without_room_is_told_and_a_node_that_joins_is_used(
    cluster: Any, task: Callable[..., Task], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_sweep, "TELL_SECONDS", 0.5)
    events: list[Event] = []
    joined: list[Any] = []

    def on_event(event: Event) -> None:
        events.append(event)
        if isinstance(event, Waiting):
            joined.append(cluster.add_node(num_cpus=1, num_gpus=0, memory=64 * 2**30))

    (outcome,) = run_on_ray(
        [task("large", ray_tasks.where, tmp_path, 0.0)],
        settings(tmp_path),
        options(cluster.address, gpus_per_job=None, memory_gib=60.0),
        on_event,
    )
    assert outcome.status == "done", outcome.error
    assert outcome.value["node"] == joined[0].node_id
    assert outcome.value["visible"] == ""
    assert events[0] == Waiting(holders=("a node of the Ray cluster with CPU=1, GPU=0, memory=60 GiB free",))
    cluster.remove_node(joined[0])


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"gpus_per_job": 2.0}, "gpus_per_job=2 is not allowed"),
        ({"cpus_per_job": -1.0}, "cpus_per_job=-1 is not allowed"),
        ({"memory_gib": 0.0}, "memory_gib=0 is not allowed"),
        ({"attempts": 0}, "attempts=0 is not allowed"),
        ({"address": "ray://head:10001"}, "address=ray://head:10001 is not possible"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused_in_a_sentence(given: dict[str, Any], told: str) -> None:
    with pytest.raises(SupremeError, match=told):
        options(**{"address": None, **given})


def test_the_numbers_of_devices_are_refused_since_ray_gives_them_out(task: Callable[..., Task], tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install -e '.[ray]'")
    with pytest.raises(SupremeError, match=r"devices=\(0, 1\) means nothing on a Ray cluster"):
        run_on_ray([task("one", jobs.where)], settings(tmp_path, devices=(0, 1)), options("auto"), lambda event: None)


@pytest.mark.slow
def test_an_address_where_no_cluster_is_is_refused_soon(task: Callable[..., Task], tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install -e '.[ray]'")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(SupremeError, match=f"no Ray cluster can be used at hydra.launcher.address={address}"):
            run_on_ray([task("one", jobs.where)], settings(tmp_path), options(address), lambda event: None)


def test_without_ray_one_sentence_says_what_to_install(
    task: Callable[..., Task], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SupremeError, match=r"not installed; type pip install -e '\.\[ray\]' in the clone"):
        run_on_ray([task("one", jobs.where)], settings(tmp_path), options(None), lambda event: None)


def test_a_folder_of_the_same_name_elsewhere_is_not_taken_for_the_store(tmp_path: Path) -> None:
    (tmp_path / "token").touch()
    assert is_there(tmp_path / "token")
    assert not is_there(tmp_path / "other")
    assert not is_there(tmp_path / "missing" / "token")


def test_what_a_job_asks_for_is_told_in_units() -> None:
    assert describe({"CPU": 1.0, "GPU": 0.5, "memory": 4.0 * 2**30}) == "CPU=1, GPU=0.5, memory=4 GiB"


@pytest.mark.parametrize("name", ["jobs_per_device", "threads"])
def test_no_jobs_and_no_threads_are_refused(task: Callable[..., Task], tmp_path: Path, name: str) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install -e '.[ray]'")
    with pytest.raises(SupremeError, match=f"{name}=0 is not allowed"):
        run_on_ray([task("one", jobs.where)], settings(tmp_path, **{name: 0}), options(None), lambda event: None)


def test_what_ended_a_process_is_told_in_a_sentence() -> None:
    lost = (
        "Worker exit type: SYSTEM_ERROR Worker exit detail: Worker unexpectedly exits with a connection error code 2."
    )
    assert death(lost) == "its process died: by a signal, perhaps for want of memory, or by os._exit"
    assert death("Worker exits unexpectedly. Worker exits with an exit code 3.") == "its process died: exit code 3"
    assert "low on memory" in death("Task was killed due to the node running low on memory.")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_ray_keeps_the_promises_of_an_executor(cluster: Any, tmp_path: Path) -> None:
    given = options(cluster.address, cpus_per_job=0.5)
    check_executor(partial(RayExecutor, settings(tmp_path), given), tmp_path / "marks")
