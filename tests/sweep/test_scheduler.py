"""The sweep's engine, with real processes."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import engine_tasks as jobs
import pytest
from processes import alive, within

from supreme.core import SupremeError
from supreme.sweep.devices.nvml import Gpu
from supreme.sweep.devices.slots import Slot, find_slots
from supreme.sweep.executors.local.lock import SlotLock
from supreme.sweep.executors.local.lock_directory import lock_directory
from supreme.sweep.executors.local.process import SlotProcess
from supreme.sweep.schedule.executor import Reply
from supreme.sweep.schedule.tasks import Event, Outcome, Retrying, Started, Task, Waiting
from tests.running import run

TESTS = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _devices_of_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever machine this is: no GPU to be seen, and locks of our own."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("SUPREME_LOCK_DIR", str(tmp_path / "locks"))
    gpus_here(monkeypatch, 8)


@pytest.fixture
def task(tmp_path: Path) -> Callable[..., Task]:
    def make(key: str, function: Callable[..., Any], *arguments: Any, needs: tuple[str, ...] = ()) -> Task:
        log = tmp_path / "logs" / f"{key}.log"
        return Task(
            key=key, label=f"job {key}", function=function, arguments=arguments, needs=needs, log=log, kind="cell"
        )

    return make


def by_key(outcomes: list[Outcome]) -> dict[str, Outcome]:
    return {outcome.task.key: outcome for outcome in outcomes}


def tries(folder: Path, name: str) -> int:
    return (folder / name).stat().st_size


@pytest.mark.slow
@pytest.mark.usefixtures("second_chance")
def test_each_way_to_fail_costs_its_own_task_only(task: Callable[..., Task], tmp_path: Path) -> None:
    tasks = [
        task("ok 1", jobs.where),
        task("raises", jobs.raise_error, tmp_path),
        task("raises unpicklable", jobs.raise_unpicklable),
        task("exits 3", jobs.exit_with, 3),
        task("exits 0", jobs.exit_with, 0),
        replace(task("ok 2", jobs.where), affinity=("one process",)),
        task("killed", jobs.kill_self, tmp_path),
        task("segfault", jobs.segfault, tmp_path),
        task("os exit", jobs.exit_at_once, tmp_path),
        task("returns unpicklable", jobs.return_unpicklable),
        task("cannot be sent", lambda: None),
        task("memory", jobs.out_of_memory, tmp_path),
        # where something was done just before, so that no time is for the start of the process
        replace(task("hangs", jobs.hang, tmp_path, needs=("ok 2",)), affinity=("one process",)),
        *(task(f"ok {number}", jobs.where) for number in range(3, 8)),
    ]
    outcomes = run(tasks, find_slots([0, 1], 1, 1), timeout=6.0)
    assert [outcome.task for outcome in outcomes] == tasks
    found = by_key(outcomes)
    assert {key for key, outcome in found.items() if outcome.status == "done"} == {f"ok {n}" for n in range(1, 8)}
    assert all(outcome.status in ("done", "failed") for outcome in outcomes)
    errors = {key: outcome.error for key, outcome in found.items() if outcome.status == "failed"}
    assert errors.pop("returns unpicklable").startswith("the task returned a function that cannot be pickled")
    assert errors.pop("cannot be sent").startswith("it cannot be sent to a process")
    assert errors == {
        "raises": "ValueError: no such thing",
        "raises unpicklable": "engine_tasks.UnreadableError: 1 and 2",
        "exits 3": "the task called sys.exit(3)",
        "exits 0": "the task called sys.exit(0)",
        "killed": "its process died: SIGKILL(-9), perhaps for want of memory",
        "segfault": "its process died: SIGSEGV(-11)",
        "os exit": "its process died: EXIT(0)",
        "memory": "MemoryError: too much",
        "hangs": "no result after 6 s (timeout)",
    }
    assert all(outcome.error == "" for outcome in outcomes if outcome.status == "done")
    twice = {name: tries(tmp_path, name) for name in ("kill", "segfault", "os_exit", "memory", "raise", "hang")}
    assert twice == {"kill": 2, "segfault": 2, "os_exit": 2, "memory": 2, "raise": 1, "hang": 1}
    assert {key for key, outcome in found.items() if outcome.attempts == 2} == {
        "killed",
        "segfault",
        "os exit",
        "memory",
    }
    assert 6.0 <= found["hangs"].seconds < 60.0
    logs = {path.stem: path.read_text() for path in (tmp_path / "logs").iterdir()}
    assert "in raise_error" in logs["raises"]
    assert "Segmentation fault" in logs["segfault"]
    assert "in segfault" in logs["segfault"]
    assert logs["killed"].count("its process died: SIGKILL") == 2
    assert logs["os exit"].count("last words") == 2, "what was printed is lost"
    assert "in hang" in logs["hangs"], "the log says where a late task was"
    assert logs["hangs"].endswith("no result after 6 s (timeout)\n")


def test_the_start_of_a_process_is_not_counted_against_its_first_task(task: Callable[..., Task]) -> None:
    slots = find_slots("cpu", 1, 1, cores=1)
    cold, warm = run([task(name, time.sleep, 2.0) for name in ("cold", "warm")], slots, timeout=1.0)
    assert (cold.status, warm.status) == ("done", "failed")


def test_a_task_that_died_succeeds_in_a_fresh_process(task: Callable[..., Task], tmp_path: Path) -> None:
    events: list[Event] = []
    tasks = [
        task("killed once", jobs.kill_self_once, tmp_path),
        task("poisoned once", jobs.cuda_error_once, tmp_path),
        task("after", jobs.where),
    ]
    killed, poisoned, after = run(tasks, find_slots([0], 1, 1), timeout=None, on_event=events.append)
    assert (killed.status, killed.attempts) == ("done", 2)
    assert (poisoned.status, poisoned.attempts) == ("done", 2)
    assert poisoned.value != int((tmp_path / "cuda_pid").read_text()), "its context was poisoned"
    assert after.value["pid"] == poisoned.value, "a process that did nothing wrong stays warm"
    assert [event.reason for event in events if isinstance(event, Retrying)] == [
        "its process died: SIGKILL(-9), perhaps for want of memory",
        "ValueError: could not save",
    ]


@pytest.mark.usefixtures("second_chance")
def test_a_process_that_dies_idle_costs_no_task_an_attempt(task: Callable[..., Task], tmp_path: Path) -> None:
    def kill(event: Event) -> None:
        if isinstance(event, Outcome) and event.task.key == "idle":
            os.kill(event.value["pid"], signal.SIGKILL)
            jobs.mark(tmp_path, "killed")

    tasks = [
        task("long", jobs.mark_when, tmp_path, "long", "killed"),
        task("idle", jobs.where),
        *(task(f"after {number}", jobs.where, None, 0.2, needs=("long",)) for number in range(2)),
    ]
    outcomes = run(tasks, find_slots([0, 1], 1, 1), timeout=None, on_event=kill)
    assert [(outcome.status, outcome.attempts) for outcome in outcomes] == [("done", 1)] * 4
    assert {outcome.slot for outcome in outcomes[2:]} == {"cuda:0", "cuda:1"}


@pytest.mark.parametrize("seen", [True, False])
@pytest.mark.usefixtures("second_chance")
def test_a_process_that_dies_idle_costs_the_next_task_neither_an_attempt_nor_time(
    task: Callable[..., Task], monkeypatch: pytest.MonkeyPatch, seen: bool
) -> None:
    """Whether its death is seen when the task is handed out, or only afterwards."""
    victims: list[int] = []
    submit = SlotProcess.submit

    def submitting(process: SlotProcess, *arguments: Any) -> Future[Reply]:
        if victims or not process.pids():
            return submit(process, *arguments)
        victims.extend(process.pids())
        os.kill(victims[0], signal.SIGKILL if seen else signal.SIGSTOP)  # stopped, it cannot begin
        assert not seen or within(60.0, lambda: process._executor._flags.broken)  # type: ignore[union-attr]
        try:
            return submit(process, *arguments)
        finally:
            os.kill(victims[0], signal.SIGKILL) if not seen else None

    events: list[Event] = []
    monkeypatch.setattr(SlotProcess, "submit", submitting)
    tasks = [task("first", jobs.where), task("second", time.sleep, 0.2)]
    first, second = run(tasks, find_slots([0], 1, 1), timeout=0.5, on_event=events.append)
    assert victims == [first.value["pid"]]
    assert [(outcome.status, outcome.attempts) for outcome in (first, second)] == [("done", 1)] * 2
    assert [type(event) for event in events] == [Started, Outcome] * 2
    assert second.task.log.read_text().count("attempt 1") == 1


def test_everything_a_task_says_goes_to_the_end_of_its_own_log(
    task: Callable[..., Task], capfd: pytest.CaptureFixture[str]
) -> None:
    loud, silent = task("loud", jobs.say), task("silent", jobs.where)
    loud.log.parent.mkdir()
    loud.log.write_text("of an earlier sweep\n")
    run([loud, silent], find_slots("cpu", 1, 1, cores=1), timeout=None)
    lines = loud.log.read_text().splitlines()
    assert lines[0] == "of an earlier sweep"
    assert "job loud: attempt 1 on cpu:0 (cpu)" in lines[1]
    assert lines[2:4] == ["printed", "from C"]
    assert lines[4].endswith("INFO supreme.test: logged")
    assert len(silent.log.read_text().splitlines()) == 1
    assert capfd.readouterr() == ("", "")


def test_each_process_sees_its_own_device_and_does_one_thing_at_a_time(task: Callable[..., Task]) -> None:
    slots = find_slots([3, 5], 2, 2)
    outcomes = run([task(str(n), jobs.where, None, 0.15) for n in range(16)], slots, timeout=None)
    visible = {slot.name: slot.environment["CUDA_VISIBLE_DEVICES"] for slot in slots}
    assert visible == {"cuda:3/0": "3", "cuda:5/0": "5", "cuda:3/1": "3", "cuda:5/1": "5"}
    assert {outcome.slot for outcome in outcomes} == set(visible)
    assert all(outcome.value["visible"] == visible[outcome.slot] for outcome in outcomes)
    assert all(outcome.value["threads"] == "2" for outcome in outcomes)
    for slot in slots:
        spans = sorted((o.value["began"], o.value["ended"]) for o in outcomes if o.slot == slot.name)
        assert all(ended <= began for (_, ended), (began, _) in pairwise(spans))
        assert len({o.value["pid"] for o in outcomes if o.slot == slot.name}) == 1, "a process is used again"


def test_a_process_that_grew_is_replaced_by_one_on_the_same_device(task: Callable[..., Task]) -> None:
    tasks = [task("first", jobs.where), task("hoards", jobs.hoard, 400), *(task(f"{n}", jobs.where) for n in range(3))]
    first, hoarded, *after = run(tasks, find_slots([1], 1, 1), timeout=60.0)
    assert [outcome.status for outcome in (first, hoarded, *after)] == ["done"] * 5
    assert after[-1].value["pid"] != hoarded.value, "400 MB more, and still the same process"
    assert {outcome.value["visible"] for outcome in after} == {"1"}


def test_a_new_process_is_known_as_one_though_the_last_was_gone_before_its_task_was_looked_at(tmp_path: Path) -> None:
    """As happens to an engine that was telling of something else meanwhile."""

    def submit(function: Callable[..., Any], *arguments: Any) -> Future[Reply]:
        return process.submit(pickle.dumps((function, arguments)), tmp_path / "log", "", None)

    process = SlotProcess(find_slots([0], 1, 1)[0])
    try:
        submit(jobs.where).result()
        process.settle()
        submit(jobs.hoard, 400).result()
        assert within(60.0, lambda: not process.pids())
        process.settle()
        submit(jobs.where).result()
        assert process.replaced
        process.settle()
        assert not process.replaced
    finally:
        process.kill()


def test_a_task_starts_when_what_it_needs_is_done_and_long_chains_go_first(task: Callable[..., Task]) -> None:
    started: list[str] = []
    tasks = [
        task("lone", jobs.where),
        task("cell", jobs.where, needs=("reference", "original")),
        task("reference", jobs.where, needs=("original",)),
        task("original", jobs.where),
        task("other", jobs.where, needs=("original",)),
    ]

    def note(event: Event) -> None:
        if isinstance(event, Started):
            started.append(event.task.key)

    outcomes = run(tasks, find_slots("cpu", 1, 1, cores=1), timeout=None, on_event=note)
    assert started == ["original", "reference", "lone", "cell", "other"]
    assert [outcome.task for outcome in outcomes] == tasks


def test_what_waits_for_a_failure_is_blocked_and_the_rest_is_done(task: Callable[..., Task], tmp_path: Path) -> None:
    tasks = [
        task("original", jobs.raise_error, tmp_path),
        task("reference", jobs.where),
        task("predictions", jobs.where, needs=("original",)),
        task("cell", jobs.where, needs=("reference", "predictions")),
        task("retrain cell", jobs.where, needs=("reference",)),
    ]
    found = by_key(run(tasks, find_slots([0, 1], 1, 1), timeout=None))
    assert {key: outcome.status for key, outcome in found.items()} == {
        "original": "failed",
        "reference": "done",
        "predictions": "blocked",
        "cell": "blocked",
        "retrain cell": "done",
    }
    assert found["cell"].error == "it waits for job original, which failed"
    assert found["cell"].attempts == 0


def test_what_only_comes_after_others_runs_when_all_have_ended_well_or_not(
    task: Callable[..., Task], tmp_path: Path
) -> None:
    ended: list[str] = []
    tasks = [
        replace(task("audit", jobs.where), after=("fails", "blocked", "works")),
        task("fails", jobs.raise_error, tmp_path),
        task("blocked", jobs.where, needs=("fails",)),
        task("works", jobs.where),
        task("needs the audit", jobs.where, needs=("audit",)),
    ]

    def note(event: Event) -> None:
        if isinstance(event, Outcome):
            ended.append(event.task.key)

    found = by_key(run(tasks, find_slots([0, 1], 1, 1), timeout=None, on_event=note))
    statuses = {key: outcome.status for key, outcome in found.items()}
    assert statuses == {
        **dict.fromkeys(("audit", "works", "needs the audit"), "done"),
        "fails": "failed",
        "blocked": "blocked",
    }
    assert ended[-2:] == ["audit", "needs the audit"]


@pytest.mark.parametrize(
    ("needs", "message"),
    [
        ({"a": ("missing",)}, "needs missing"),
        ({"a": ("b",), "b": ("a",)}, "in a circle"),
    ],
)
def test_tasks_that_could_never_run_are_refused(
    task: Callable[..., Task], needs: dict[str, tuple[str, ...]], message: str
) -> None:
    with pytest.raises(SupremeError, match=message):
        run([task(key, jobs.where, needs=need) for key, need in needs.items()], find_slots([0], 1, 1), timeout=None)


@pytest.mark.slow
def test_a_data_loader_with_processes_works_in_a_task(task: Callable[..., Task]) -> None:
    (outcome,) = run([task("loader", jobs.load_batches)], find_slots("cpu", 1, 1, cores=1), timeout=120.0)
    assert (outcome.status, outcome.value) == ("done", 45)


SWEEP = """
    import signal, sys
    from pathlib import Path
    import engine_tasks as jobs
    from supreme.sweep.devices import slots as devices, visible
    from supreme.sweep.devices.nvml import Gpu
    from tests.running import run
    from supreme.sweep.schedule.tasks import Task
    visible.nvml_gpus = lambda: [Gpu(uuid=f"GPU-{number}a") for number in range(8)]  # whatever machine this is
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored, had a shell put the tests in its background
    folder = Path(sys.argv[1])
    tasks = [
        Task(key=str(n), label=str(n), function=jobs.FUNCTION, arguments=ARGUMENTS, needs=(),
             log=folder / "logs" / f"{sys.argv[2]}-{n}.log", kind="cell")
        for n in range(COUNT)
    ]
    try:
        outcomes = run(tasks, devices.find_slots([0, 1], 1, 1), timeout=None)
    except KeyboardInterrupt as interruption:
        print("interrupted by", interruption)
        raise SystemExit(130)
    for outcome in outcomes:
        print(outcome.status, outcome.slot, outcome.value["began"], outcome.value["ended"])
"""


def start_sweep(folder: Path, name: str, function: str, arguments: str, count: int) -> subprocess.Popen[str]:
    """A sweep in a process of its own, on devices 0 and 1."""
    code = textwrap.dedent(SWEEP)
    for word, value in {"FUNCTION": function, "ARGUMENTS": arguments, "COUNT": str(count)}.items():
        code = code.replace(word, value)
    return subprocess.Popen(
        [sys.executable, "-c", code, str(folder), name],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (TESTS, TESTS.parent, folder)))},
        start_new_session=True,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
@pytest.mark.usefixtures("second_chance")
def test_a_sweep_that_is_stopped_leaves_no_process(tmp_path: Path, number: signal.Signals) -> None:
    function = "where" if number == signal.SIGKILL else "sleep_with_child"
    arguments = "(folder, 600.0)" if number == signal.SIGKILL else "(folder,)"
    processes = 2 if number == signal.SIGKILL else 4
    sweep = start_sweep(tmp_path, "a", function, arguments, 4)
    assert within(60.0, lambda: len(list(tmp_path.glob("*.pid"))) == processes)
    pids = [int(path.stem) for path in tmp_path.glob("*.pid")]
    assert all(alive(pid) for pid in pids)
    os.kill(sweep.pid, number) if number != signal.SIGINT else os.killpg(sweep.pid, number)  # as the terminal does
    assert within(60.0, lambda: not any(alive(pid) for pid in pids))
    out, err = sweep.communicate()
    if number != signal.SIGKILL:
        assert (sweep.returncode, out, err) == (130, f"interrupted by {number.name}\n", "")
    assert not any("KeyboardInterrupt" in log.read_text() for log in (tmp_path / "logs").iterdir())
    for slot in find_slots([0, 1], 1, 1):
        assert SlotLock(slot, lock_directory()).acquire(), "the slot is not free again"


@pytest.mark.usefixtures("second_chance")
def test_ctrl_c_while_processes_start_prints_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import pathlib, sys, time\n"
        "if 'loky.backend.popen_loky_posix' in sys.orig_argv:\n"
        "    pathlib.Path(__file__).with_name('starting').touch()\n"
        "    time.sleep(60)\n"
    )
    sweep = start_sweep(tmp_path, "a", "where", "()", 2)
    assert within(60.0, (tmp_path / "starting").exists)
    os.killpg(sweep.pid, signal.SIGINT)  # as the terminal does
    assert sweep.communicate() == ("interrupted by SIGINT\n", "")


def test_two_sweeps_share_the_slots_of_the_machine_without_overlap(tmp_path: Path) -> None:
    sweeps = [start_sweep(tmp_path, name, "where", "(None, 0.3)", 5) for name in "ab"]
    spans: dict[str, list[tuple[float, float]]] = {"cuda:0": [], "cuda:1": []}
    for sweep in sweeps:
        out, err = sweep.communicate()
        assert (sweep.returncode, err) == (0, "")
        lines = [line.split() for line in out.splitlines()]
        assert [line[0] for line in lines] == ["done"] * 5
        for _, slot, began, ended in lines:
            spans[slot].append((float(began), float(ended)))
    for used in spans.values():
        used.sort()
        assert all(ended <= began for (_, ended), (began, _) in pairwise(used))
    assert all(spans.values())


def test_a_sweep_waits_for_a_slot_says_for_whom_and_takes_it_when_free(
    task: Callable[..., Task], tmp_path: Path
) -> None:
    slots = find_slots([0, 1], 1, 1)
    locks = [SlotLock(slot, lock_directory()) for slot in slots]
    assert all(lock.acquire() for lock in locks)
    events: list[Event] = []

    def note(event: Event) -> None:
        events.append(event)
        if isinstance(event, Waiting):
            locks[1].release()

    (outcome,) = run([task("late", jobs.where)], slots, timeout=None, on_event=note)
    assert isinstance(events[0], Waiting)
    assert f"pid {os.getpid()} of " in events[0].holders[0]
    assert sum(isinstance(event, Waiting) for event in events) == 1
    assert (outcome.status, outcome.slot) == ("done", "cuda:1")


def test_a_sweep_gives_back_the_slots_it_cannot_use(task: Callable[..., Task], tmp_path: Path) -> None:
    slots = find_slots([0, 1], 1, 1)
    taken: list[bool] = []

    def take_one() -> None:
        taken.append(within(60.0, SlotLock(slots[1], lock_directory()).acquire))
        jobs.mark(tmp_path, "taken")

    def note(event: Event) -> None:
        if isinstance(event, Outcome) and event.task.key == "short":
            threading.Thread(target=take_one).start()

    tasks = [task("long", jobs.mark_when, tmp_path, "long", "taken"), task("short", jobs.where)]
    long, short = run(tasks, slots, timeout=None, on_event=note)
    assert (long.slot, short.slot) == ("cuda:0", "cuda:1")
    assert taken == [True], "the other slot was kept until the end"


def test_a_lock_is_held_by_one_and_names_its_holder() -> None:
    (slot,) = find_slots([0], 1, 1)
    first, second = (SlotLock(slot, lock_directory()) for _ in range(2))
    assert first.acquire()
    assert not second.acquire()
    assert second.holder().startswith(f"pid {os.getpid()} of ")
    first.release()
    assert second.acquire()
    second.release()
    assert [path.read_text() for path in lock_directory().iterdir()] == [""]


@pytest.mark.usefixtures("second_chance")
def test_the_lock_of_a_dead_process_is_free() -> None:
    (slot,) = find_slots([0], 1, 1)
    code = (
        "import signal; from supreme.sweep.devices import slots as devices, visible; "
        "from supreme.sweep.executors.local.lock import SlotLock; "
        "from supreme.sweep.executors.local.lock_directory import lock_directory; "
        "from supreme.sweep.devices.nvml import Gpu; visible.nvml_gpus = lambda: [Gpu(uuid='GPU-0a')]; "
        "lock = SlotLock(devices.find_slots([0], 1, 1)[0], lock_directory()); "
        "assert lock.acquire(); print('held', flush=True); signal.pause()"
    )
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=TESTS.parent)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    lock = SlotLock(slot, lock_directory())
    assert not lock.acquire()
    assert f"pid {holder.pid} of " in lock.holder()
    holder.kill()
    holder.communicate()
    assert lock.acquire()


def test_a_sweep_with_wider_slots_keeps_off_the_cores_of_another() -> None:
    narrow, wide = find_slots("cpu", 1, 1, cores=4), find_slots("cpu", 1, 2, cores=4)
    third_core = SlotLock(narrow[2], lock_directory())
    assert third_core.acquire()
    assert [SlotLock(slot, lock_directory()).acquire() for slot in wide] == [True, False]


@pytest.mark.parametrize(("cores", "threads", "count"), [(1, 1, 1), (5, 2, 2), (8, 3, 2), (16, 1, 16)])
def test_the_threads_of_all_cpu_slots_fit_the_cores(cores: int, threads: int, count: int) -> None:
    slots = find_slots("cpu", 1, threads, cores)
    assert len(slots) == count
    assert len({lock for slot in slots for lock in slot.locks}) == count * threads <= cores
    assert {slot.environment["OMP_NUM_THREADS"] for slot in slots} == {str(threads)}
    assert {slot.environment["CUDA_VISIBLE_DEVICES"] for slot in slots} == {""}
    assert {slot.shared for slot in slots} == {count > 1}


def test_cpu_slots_use_only_the_cores_of_this_process() -> None:
    code = (
        "import os; os.sched_setaffinity(0, {max(os.sched_getaffinity(0))}); "
        "from supreme.sweep.devices.slots import find_slots; slots = find_slots('cpu', 1, 1); "
        "assert [slot.locks for slot in slots] == [(f'cpu-{max(os.sched_getaffinity(0))}',)], slots"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=TESTS.parent)


def gpus_here(monkeypatch: pytest.MonkeyPatch, count: int | None) -> None:
    """So many GPUs, of which the driver says nothing but their UUIDs; None: no driver."""
    found = None if count is None else [Gpu(uuid=f"GPU-{number}a") for number in range(count)]
    monkeypatch.setattr("supreme.sweep.devices.visible.nvml_gpus", lambda: found)


def pins(slots: list[Slot]) -> list[str]:
    return [slot.environment["CUDA_VISIBLE_DEVICES"] for slot in slots]


def test_auto_takes_every_gpu_else_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("supreme.sweep.devices.asked.has_mps", lambda: False)
    gpus_here(monkeypatch, None)
    assert {slot.device for slot in find_slots("auto", 1, 1)} == {"cpu"}
    gpus_here(monkeypatch, 2)
    assert pins(find_slots("auto", 1, 1)) == ["0", "1"]
    assert [slot.locks for slot in find_slots("auto", 1, 1)] == [("cuda-GPU-0a-0",), ("cuda-GPU-1a-0",)]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert {slot.device for slot in find_slots("auto", 1, 1)} == {"cpu"}


def test_two_names_of_one_device_are_one_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    gpus_here(monkeypatch, 8)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-6,GPU-2a")
    assert pins(find_slots("auto", 1, 1)) == ["GPU-6", "GPU-2a"]
    (by_uuid,) = find_slots([1], 1, 1)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    (by_number,) = find_slots([2], 1, 1)
    assert by_uuid.locks == by_number.locks


def test_a_split_gpu_is_its_instances(monkeypatch: pytest.MonkeyPatch) -> None:
    class NVMLError(Exception):
        pass

    def no_instance(handle: str, index: int) -> str:
        if index == 1:
            raise NVMLError
        return f"{handle}.{index}"

    driver = SimpleNamespace(
        NVMLError=NVMLError,
        NVML_DEVICE_MIG_ENABLE=1,
        nvmlInit=lambda: None,
        nvmlShutdown=lambda: None,
        nvmlDeviceGetCount=lambda: 2,
        nvmlDeviceGetHandleByIndex=lambda index: f"handle{index}",
        nvmlDeviceGetMigMode=lambda handle: [int(handle == "handle1"), 0],
        nvmlDeviceGetMaxMigDeviceCount=lambda handle: 3,
        nvmlDeviceGetMigDeviceHandleByIndex=no_instance,
        nvmlDeviceGetUUID=lambda handle: f"{'MIG' if '.' in handle else 'GPU'}-{handle}",
    )
    monkeypatch.undo()
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setitem(sys.modules, "pynvml", driver)
    assert pins(find_slots("auto", 1, 1)) == ["0", "MIG-handle1.0", "MIG-handle1.2"]


@pytest.mark.parametrize(
    ("devices", "jobs_per_device", "threads", "message"),
    [
        ([7], 1, 1, "device 7 does not exist: there are 2"),
        ([0, 0], 1, 1, "given twice; for two jobs on one device type jobs_per_device=2"),
        ([0], 0, 1, "jobs_per_device=0 is not allowed: give 1 or more"),
        ("cpu", 1, 0, "threads=0 is not allowed"),
        ("cpu", 1, 3, "threads=3 is not allowed: there are 2 CPU cores"),
        ("tpu", 1, 1, "'tpu' is not allowed; give auto, cuda, cpu, mps, or a list"),
        (["GPU-7"], 1, 1, "device GPU-7 does not exist: there are GPU-0a, GPU-1a"),
        ([-1], 1, 1, "'-1' is not allowed"),
        ([], 1, 1, "names no device"),
        ([0, "cpu"], 1, 1, "'cpu' is not allowed"),
    ],
)
def test_devices_that_cannot_be_are_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, devices: Any, jobs_per_device: int, threads: int, message: str
) -> None:
    gpus_here(monkeypatch, 2)
    with pytest.raises(SupremeError, match=message):
        find_slots(devices, jobs_per_device, threads, cores=2)
