"""The launcher for Slurm, on a real Slurm with real jobs; only the GPUs are none."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import engine_tasks
import pytest
import slurm_cluster
from conftest import TESTS, Run, environment, start_command_line
from processes import alive, wait_for, within
from test_sweep import rows

from supreme.core import SupremeError
from supreme.store.alone import if_alone
from supreme.sweep.executors.slurm.executor import SlurmExecutor
from supreme.sweep.executors.slurm.options import Cluster
from supreme.sweep.plan.settings import Settings
from supreme.sweep.schedule import scheduler
from supreme.sweep.schedule.tasks import Event, Outcome, Retrying, Started, Task, Waiting
from supreme.testing import check_executor
from tests.running import run_on_slurm

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(slurm_cluster.why_not()), reason=slurm_cluster.why_not() or "there is a Slurm"),
]

FAST = {"poll_seconds": 0.3, "grace_seconds": 1.0}


@pytest.fixture(scope="module")
def real_slurm(second_chance: None) -> Iterator[dict[str, str]]:
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
    values = {"devices": "auto", "jobs_per_device": 1, "threads": 1, "timeout": None, "tracker": {}}
    values |= {"dry_run": False, "min_free_memory": None, "wait_for_devices": True, "versions": "use"}
    return Settings.from_config({"output_dir": str(tmp_path / "outputs"), **values})


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


def interrupt_when(happens: Callable[[], bool]) -> threading.Thread:
    """Send this process Ctrl-C as soon as something is so."""

    def wait() -> None:
        within(200.0, happens)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def size(path: Path) -> int:
    """How often it was marked."""
    return path.stat().st_size if path.exists() else 0


def sent(settings: Settings) -> int:
    """How many jobs are in the books of their sweeps, so that a later one finds them."""
    return len(list(settings.output_dir.glob("slurm/*/jobs/*.json")))


def test_each_job_works_on_the_gpu_that_slurm_gave_it_and_runs_two_tasks_there_at_once(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = str(TESTS / "fake_driver")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([driver, os.environ["PYTHONPATH"]]))
    tasks = [task(tmp_path, f"t{index}", engine_tasks.meet, tmp_path, f"job {index // 2}", 2) for index in range(4)]
    outcomes = run_on_slurm(tasks, replace(settings, jobs_per_device=2), Cluster(**FAST, max_running=2))
    assert [outcome.status for outcome in outcomes] == ["done"] * 4
    assert [outcome.task for outcome in outcomes] == tasks
    seen = [outcome.value["visible"] for outcome in outcomes]
    assert seen[0] == seen[1] != seen[2] == seen[3]
    assert set(seen) == {"0", "1"}
    for one, other in (outcomes[:2], outcomes[2:]):
        assert one.value["pid"] != other.value["pid"]
        assert max(one.value["began"], other.value["began"]) < min(one.value["ended"], other.value["ended"])
    assert list((settings.output_dir / "slurm").iterdir()) == []  # nothing is left of a sweep that went well


def test_without_a_gpu_in_the_job_auto_is_the_cpu(tmp_path: Path, settings: Settings) -> None:
    (outcome,) = run_on_slurm([task(tmp_path, "a", engine_tasks.where)], settings, Cluster(**FAST, gpus_per_job=0))
    assert outcome.slot.startswith("cpu:0 of job ")
    assert outcome.value["visible"] == ""


def test_what_fails_or_dies_costs_itself_only_and_what_died_is_tried_twice(tmp_path: Path, settings: Settings) -> None:
    tasks = [
        task(tmp_path, "ok", engine_tasks.where),
        task(tmp_path, "late", engine_tasks.hang, tmp_path),  # in a process that is warm
        task(tmp_path, "raises", engine_tasks.raise_error, tmp_path),
        task(tmp_path, "is_killed", engine_tasks.kill_self, tmp_path),
        task(tmp_path, "kills_job", engine_tasks.kill_parent, tmp_path),
        task(tmp_path, "not_begun", engine_tasks.where),
        task(tmp_path, "needs_ok", engine_tasks.where, kind="b", needs=("ok",)),
        task(tmp_path, "needs_bad", engine_tasks.mark, tmp_path, "ran", kind="b", needs=("raises",)),
        task(tmp_path, "after", engine_tasks.where, kind="c", after=("raises", "needs_bad")),
    ]
    events: list[Event] = []
    cluster = Cluster(**FAST, tasks_per_job=2, gpus_per_job=0)
    found = run_on_slurm(tasks, replace(settings, timeout=5.0), cluster, events.append)
    assert [outcome.task for outcome in found] == tasks
    outcomes = {outcome.task.key: outcome for outcome in found}
    done = {key for key, outcome in outcomes.items() if outcome.status == "done"}
    assert done == {"ok", "not_begun", "needs_ok", "after"}
    assert outcomes["late"].error == "no result after 5 s (timeout)"
    assert outcomes["raises"].error == "ValueError: no such thing"
    assert size(tmp_path / "raise") == 1
    assert outcomes["is_killed"].error.startswith("its process died: SIGKILL")
    assert size(tmp_path / "kill") == 2
    assert outcomes["kills_job"].error.startswith("its Slurm job ")
    assert outcomes["kills_job"].error.endswith("ended without a result (FAILED)")
    assert (size(tmp_path / "kill_parent"), outcomes["kills_job"].attempts) == (2, 2)
    assert outcomes["not_begun"].attempts == 1  # what its job did not come to costs it nothing
    log = (tmp_path / "kills_job.log").read_text().splitlines()[-1].partition("its log: ")[2]
    assert Path(log).exists()
    assert outcomes["needs_bad"].status == "blocked"
    assert outcomes["needs_bad"].error == "it waits for task raises, which failed"
    assert size(tmp_path / "ran") == 0
    ends = [event.task.key for event in events if isinstance(event, Outcome)]
    assert sorted(ends) == sorted(outcomes)  # each told once
    assert {event.task.key for event in events if isinstance(event, Retrying)} == {"is_killed", "kills_job"}


def test_what_slurm_ends_is_told_with_its_word(real_slurm: dict[str, str], tmp_path: Path, settings: Settings) -> None:
    commands = {"cancelled": ("scancel", "{job}"), "too_long": ("scontrol", "update", "JobId={job}", "EndTime=now")}
    tasks = [task(tmp_path, key, engine_tasks.hang, tmp_path) for key in commands]

    def on_event(event: Event) -> None:
        if isinstance(event, Started):
            job = event.slot.split()[3]
            slurm_cluster.slurm(real_slurm, *(part.format(job=job) for part in commands[event.task.key]))

    cancelled, too_long = run_on_slurm(tasks, settings, Cluster(**FAST), on_event)
    assert "ended without a result (CANCELLED)" in cancelled.error
    assert cancelled.attempts == 2
    assert "ended without a result (TIMEOUT, give it more hydra.launcher.time)" in too_long.error
    assert too_long.attempts == 1  # it would take as long again


def test_ctrl_c_leaves_no_job_and_no_process(real_slurm: dict[str, str], tmp_path: Path, settings: Settings) -> None:
    tasks = [task(tmp_path, f"t{index}", engine_tasks.sleep_with_child, tmp_path) for index in range(4)]
    tasks.append(task(tmp_path, "later", engine_tasks.where, kind="b", needs=("t0",)))
    thread = interrupt_when(lambda: len(list(tmp_path.glob("*.pid"))) == 4)
    with pytest.raises(KeyboardInterrupt, match="SIGINT"):
        run_on_slurm(tasks, settings, Cluster(**FAST, tasks_per_job=2))
    thread.join()
    assert queue(real_slurm) == []
    pids = [int(path.stem) for path in tmp_path.glob("*.pid")]
    assert len(pids) == 4
    wait_for(lambda: not any(alive(pid) for pid in pids), 60.0)


def test_jobs_that_were_left_go_on_and_the_same_sweep_finds_them_again(
    real_slurm: dict[str, str], tmp_path: Path, settings: Settings
) -> None:
    tasks = [task(tmp_path, f"t{index}", engine_tasks.mark_when, tmp_path, f"t{index}", "gate") for index in range(2)]
    tasks.append(task(tmp_path, "last", engine_tasks.mark_after, tmp_path, "last", 0.0, kind="b", needs=("t0", "t1")))
    # the first kind of task may begin before the next is sent
    thread = interrupt_when(lambda: size(tmp_path / "t0.begun") == 1 and sent(settings) == 3)
    executor = SlurmExecutor(settings, Cluster(**FAST, on_interrupt="leave"))
    with pytest.raises(KeyboardInterrupt):
        scheduler.run(tasks, executor, timeout=None)
    thread.join()
    executor.close("broken")  # as whoever made it does at the end
    assert len(queue(real_slurm)) == 3
    planned = SlurmExecutor(settings, Cluster(**FAST))  # what ends before it is made would be sent again
    (tmp_path / "gate").touch()
    changed = replace(tasks[2], arguments=(tmp_path, "changed", 0.0))
    outcomes = scheduler.run([*tasks[:2], changed], planned, timeout=None)
    assert [outcome.status for outcome in outcomes] == ["done"] * 3
    assert [size(tmp_path / name) for name in ("t0.begun", "t1.begun", "changed")] == [1, 1, 1]
    assert list((settings.output_dir / "slurm").iterdir()) == []  # nor is anything left of the sweep that was adopted


def test_what_a_job_of_a_dead_sweep_did_after_the_plan_was_made_is_not_sent_again(
    real_slurm: dict[str, str], tmp_path: Path, settings: Settings
) -> None:
    tasks = [task(tmp_path, f"t{index}", engine_tasks.mark_when, tmp_path, f"t{index}", "gate") for index in range(2)]
    thread = interrupt_when(
        lambda: size(tmp_path / "t0.begun") + size(tmp_path / "t1.begun") == 2 and sent(settings) == 2
    )
    with pytest.raises(KeyboardInterrupt):
        run_on_slurm(tasks, settings, Cluster(**FAST, on_interrupt="leave"))
    thread.join()
    planned = SlurmExecutor(settings, Cluster(**FAST))  # made before it is found out what is to be done
    (tmp_path / "gate").touch()
    wait_for(lambda: not queue(real_slurm))
    outcomes = scheduler.run(tasks, planned, timeout=None)
    assert [(outcome.status, outcome.attempts) for outcome in outcomes] == [("done", 1)] * 2
    assert [size(tmp_path / f"t{index}") for index in range(2)] == [1, 1]
    assert list((settings.output_dir / "slurm").iterdir()) == []
    run_on_slurm(tasks[:1], settings, Cluster(**FAST))  # done before the plan was made, and its row then taken away
    assert [size(tmp_path / f"t{index}") for index in range(2)] == [2, 1]


def test_a_sweep_that_shares_tasks_with_one_that_runs_leaves_it_its_other_jobs_and_its_folder(
    real_slurm: dict[str, str], tmp_path: Path, settings: Settings
) -> None:
    tasks = [
        task(tmp_path, f"t{index}", engine_tasks.mark_when, tmp_path, f"t{index}", f"gate{index}") for index in range(2)
    ]
    thread = interrupt_when(
        lambda: size(tmp_path / "t0.begun") + size(tmp_path / "t1.begun") == 2 and sent(settings) == 2
    )
    with pytest.raises(KeyboardInterrupt):
        run_on_slurm(tasks, settings, Cluster(**FAST, on_interrupt="leave"))
    thread.join()
    (folder,) = (settings.output_dir / "slurm").iterdir()
    planned = SlurmExecutor(settings, Cluster(**FAST))  # what ends before it is made would be sent again
    (tmp_path / "gate0").touch()
    with if_alone(folder, "sweep") as alone:  # as the command that sent them holds it
        assert alone
        (outcome,) = scheduler.run(tasks[:1], planned, timeout=None)
    assert (outcome.status, size(tmp_path / "t0.begun")) == ("done", 1)
    wait_for(lambda: len(queue(real_slurm)) == 1)  # the job of the task that is done takes a moment to end
    assert (queue(real_slurm)[0].split()[1], size(tmp_path / "t1.begun")) == ("RUNNING", 1)
    assert list((settings.output_dir / "slurm").iterdir()) == [folder]


def test_why_nothing_runs_is_told_and_a_sweep_in_a_job_of_an_array_sends_jobs_of_its_own(
    real_slurm: dict[str, str], tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "999")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "7")
    events: list[Event] = []
    held = Waiting(holders=("Slurm, which says JobHeldUser",))  # on a busy machine, after other reasons

    def on_event(event: Event) -> None:
        events.append(event)
        if event == held:
            slurm_cluster.slurm(real_slurm, "scontrol", "release", *(job.split()[0] for job in queue(real_slurm)))

    cluster = Cluster(**FAST, additional={"hold": True})
    (outcome,) = run_on_slurm([task(tmp_path, "a", engine_tasks.where)], settings, cluster, on_event)
    assert not any(isinstance(event, Started) for event in events[: events.index(held)])
    assert outcome.status == "done"
    assert "999" not in outcome.slot
    assert os.environ["SLURM_ARRAY_JOB_ID"] == "999"


def test_a_refusal_of_slurm_is_told_in_its_words_and_leaves_no_job(
    real_slurm: dict[str, str], tmp_path: Path, settings: Settings
) -> None:
    with pytest.raises(SupremeError, match=r"Slurm refused the jobs: .*invalid partition.*hydra\.launcher"):
        run_on_slurm([task(tmp_path, "a", engine_tasks.where)], settings, Cluster(**FAST, partition="nowhere"))
    assert queue(real_slurm) == []


def test_a_real_sweep_survives_the_death_of_its_command_and_gives_the_rows_of_a_local_one(
    real_slurm: dict[str, str], supreme: Run, tmp_path: Path
) -> None:
    cells = ["-m", "method=scrub,neggrad", "model.widths=[4,8]", "recipe.epochs=2", "devices=cpu"]
    on_slurm = [*cells, "hydra/launcher=slurm", "hydra.launcher.gpus_per_job=1", "hydra.launcher.max_running=2"]
    on_slurm += ["hydra.launcher.poll_seconds=0.5", "hydra.launcher.grace_seconds=2"]
    parent = start_command_line(*on_slurm, cwd=tmp_path, stderr=(tmp_path / "said").open("w"))
    try:
        within(200.0, lambda: list(tmp_path.glob("outputs/logs/*.log")))
        within(200.0, lambda: len(list(tmp_path.glob("outputs/slurm/*/jobs/*.json"))) == 4)  # all are sent
    finally:
        parent.kill()
        parent.wait()
    assert len(queue(real_slurm)) > 1, (tmp_path / "said").read_text()
    done = supreme(*on_slurm)
    assert done.returncode == 0, done.stderr
    logs = [path.read_text() for path in (tmp_path / "outputs" / "logs").glob("*.log")]
    assert len(logs) == 4  # an original, a reference, two cells
    assert all(log.count(": attempt ") - log.count("parked: ") == 1 and " of job " in log for log in logs), (
        logs
    )  # nothing was done twice
    assert queue(real_slurm) == []
    local = supreme(*cells, "output_dir=local")
    assert local.returncode == 0, local.stderr
    assert rows(tmp_path / "outputs") == rows(tmp_path / "local") != {}
    tables = [one.stdout.replace("‡", "").splitlines()[:10] for one in (done, local)]
    told = [[line.split()[:-1] for line in table] for table in tables]  # but for what depends on time
    assert told[0] == told[1]
    assert any("scrub" in words for words in told[0])


@pytest.mark.timeout(900)
def test_slurm_keeps_the_promises_of_an_executor(tmp_path: Path, settings: Settings) -> None:
    check_executor(partial(SlurmExecutor, replace(settings, timeout=4.0), Cluster(**FAST)), tmp_path / "marks")
