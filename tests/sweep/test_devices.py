"""GPUs that are busy, fill up or fail. The driver is a small fake, for none is here; the processes are real."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import engine_tasks as jobs
import psutil
import pytest
from omegaconf import OmegaConf

from supreme.core import SupremeError
from supreme.sweep.devices import nvml
from supreme.sweep.devices.memory import Rules, lack, parse_memory
from supreme.sweep.devices.slots import find_slots
from supreme.sweep.executors.local.executor import LocalExecutor
from supreme.sweep.executors.local.lock import SlotLock
from supreme.sweep.executors.local.lock_directory import lock_directory
from supreme.sweep.plan.settings import Settings
from supreme.sweep.schedule import scheduler
from supreme.sweep.schedule.tasks import Event, Outcome, Retired, Retrying, Started, Task, Waiting
from supreme.sweep.single_cell import this_process_in
from tests.running import run

GB = 10**9
CONF = Path(__file__).parents[2] / "conf" / "config.yaml"
HALF = Rules(min_free_memory=0.5)


class NVMLError(Exception):
    def __init__(self, value: int) -> None:
        super().__init__({15: "GPU is lost", 6: "Not Found", 3: "Not Supported"}[value])
        self.value = value


class Driver:
    """Two GPUs of 80 GB, the second of them split in two where asked."""

    NVMLError = NVMLError
    NVML_ERROR_GPU_IS_LOST, NVML_ERROR_NOT_FOUND, NVML_ERROR_RESET_REQUIRED = 15, 6, 16
    NVML_DEVICE_MIG_ENABLE = 1

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        """Where tasks leave `lost-0` and `full-0` for device 0."""
        self.held: dict[str, dict[int, int]] = {"GPU-0": {}, "GPU-1": {}}
        """Of each device, the bytes that each process holds."""
        self.split = False

    def nvmlInit(self) -> None: ...  # noqa: N802
    def nvmlShutdown(self) -> None: ...  # noqa: N802

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> str:  # noqa: N802
        return f"GPU-{index}"

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:  # noqa: N802
        if uuid not in self.held:
            raise NVMLError(6)
        return uuid

    def nvmlDeviceGetUUID(self, handle: str) -> str:  # noqa: N802
        return handle

    def nvmlDeviceGetMigMode(self, handle: str) -> list[int]:  # noqa: N802
        return [int(self.split and handle == "GPU-1"), 0]

    def nvmlDeviceGetMaxMigDeviceCount(self, handle: str) -> int:  # noqa: N802
        return 2

    def nvmlDeviceGetMigDeviceHandleByIndex(self, handle: str, index: int) -> str:  # noqa: N802
        return f"MIG-{index}"

    def nvmlDeviceGetMemoryInfo(self, handle: str) -> SimpleNamespace:  # noqa: N802
        if (self.folder / f"lost-{handle[-1]}").exists():
            raise NVMLError(15)
        used = sum(self._held(handle).values())
        return SimpleNamespace(total=80 * GB, used=used, free=80 * GB - used)

    def nvmlDeviceGetComputeRunningProcesses(self, handle: str) -> list[SimpleNamespace]:  # noqa: N802
        return [SimpleNamespace(pid=pid, usedGpuMemory=held) for pid, held in self._held(handle).items()]

    def nvmlDeviceGetGraphicsRunningProcesses(self, handle: str) -> list[SimpleNamespace]:  # noqa: N802
        raise NVMLError(3)

    def _held(self, handle: str) -> dict[int, int]:
        full = {2**22 + 1: 75 * GB} if (self.folder / f"full-{handle[-1]}").exists() else {}
        return self.held[handle] | full


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Driver:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("SUPREME_LOCK_DIR", str(tmp_path / "locks"))
    fake = Driver(tmp_path)
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    return fake


@pytest.fixture
def task(tmp_path: Path) -> Callable[..., Task]:
    def make(key: str, function: Callable[..., Any], *arguments: Any) -> Task:
        log = tmp_path / "logs" / f"{key}.log"
        return Task(key=key, label=key, function=function, arguments=arguments, needs=(), log=log, kind="cell")

    return make


@pytest.mark.parametrize(
    ("given", "found"),
    [("4GB", 4e9), ("4 GiB", 4 * 2.0**30), ("512mb", 512e6), ("1.5 TB", 1.5e12), (0.25, 0.25), (None, None)],
)
def test_memory_is_given_as_a_size_or_a_share(given: Any, found: float | None) -> None:
    assert parse_memory(given) == found


@pytest.mark.parametrize("given", [4, 0, 1.0, 0.0, -0.5, "4", "0GB", "-1GB", "GB", "4 G", "half", True, [1]])
def test_what_is_no_memory_is_refused(given: Any) -> None:
    with pytest.raises(SupremeError, match=r"min_free_memory=.* is not allowed: give a size such as 4GB"):
        parse_memory(given)


def test_a_busy_device_says_what_is_free_and_who_holds_the_rest(driver: Driver) -> None:
    driver.held["GPU-0"] = {os.getpid(): 2 * GB, 2**22 + 1: 75 * GB, 2**22 + 2: 0, 2**22 + 3: GB}
    (slot,) = find_slots([0], 1, 1)
    own = psutil.Process()
    found = lack(slot, HALF)
    assert found is not None
    assert found.text == (
        f"cuda:0 has 2.0 GB free of 80.0 GB and needs 40.0 GB (min_free_memory); process {2**22 + 1} holds 75.0 GB, "
        f"process {os.getpid()} ({own.name()}) of {own.username()} holds 2.0 GB, process {2**22 + 3} holds 1.0 GB "
        "and 1 more"
    )
    assert lack(slot, Rules(min_free_memory=4e9), own=[os.getpid()]) is None, "what we hold ourselves is free for us"
    assert lack(slot, Rules(min_free_memory=4.1e9), own=[os.getpid()]) is not None
    assert lack(slot, Rules()) is None


def test_the_instances_of_a_split_device_have_memory_of_their_own(driver: Driver) -> None:
    driver.split = True
    driver.held |= {"MIG-0": {2**22 + 1: 70 * GB}, "MIG-1": {}}
    slots = find_slots("auto", 1, 1)
    assert [slot.uuid for slot in slots] == ["GPU-0", "MIG-0", "MIG-1"]
    assert [lack(slot, HALF) is None for slot in slots] == [True, False, True]


def test_where_the_driver_says_nothing_every_device_is_free(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    (slot,) = find_slots([0], 1, 1)
    monkeypatch.setattr(driver, "nvmlDeviceGetMemoryInfo", lambda handle: (_ for _ in ()).throw(NVMLError(3)))
    assert nvml.memory(slot.uuid) is None
    assert lack(slot, HALF) is None


def test_a_sweep_waits_for_memory_says_once_for_whom_and_starts_when_it_is_free(
    driver: Driver, task: Callable[..., Task]
) -> None:
    driver.held["GPU-0"] = {2**22 + 1: 70 * GB}
    told: list[str] = []

    def vary() -> None:
        for gigabytes in (60, 75, 65, 10):
            time.sleep(1.1)
            driver.held["GPU-0"] = {2**22 + 1: gigabytes * GB}

    def note(event: Event) -> None:
        if isinstance(event, Waiting):
            told.extend(event.holders)
            threading.Thread(target=vary).start()

    (outcome,) = run([task("late", jobs.where)], find_slots([0], 1, 1), timeout=None, on_event=note, rules=HALF)
    assert outcome.status == "done"
    assert told == [
        "memory, as cuda:0 has 10.0 GB free of 80.0 GB and needs 40.0 GB (min_free_memory); "
        f"process {2**22 + 1} holds 70.0 GB"
    ]
    assert outcome.value["began"] > 0
    assert driver.held["GPU-0"] == {2**22 + 1: 10 * GB}


def test_a_busy_device_is_left_to_others_while_another_is_free(driver: Driver, task: Callable[..., Task]) -> None:
    driver.held["GPU-0"] = {2**22 + 1: 70 * GB}
    events: list[Event] = []
    tasks = [task(str(number), jobs.where) for number in range(3)]
    outcomes = run(tasks, find_slots("auto", 1, 1), timeout=None, on_event=events.append, rules=HALF)
    assert [(outcome.status, outcome.slot) for outcome in outcomes] == [("done", "cuda:1")] * 3
    assert not [event for event in events if isinstance(event, Waiting)], "it did not wait"


@pytest.mark.parametrize("alone", [False, True])
def test_who_does_not_want_to_wait_is_refused_at_once(driver: Driver, task: Callable[..., Task], alone: bool) -> None:
    """In a sweep, and in a single run."""
    driver.held["GPU-0"] = {2**22 + 1: 70 * GB}
    slots, rules = find_slots("auto", 1, 1), Rules(min_free_memory=0.5, wait=False)
    other = SlotLock(slots[1], lock_directory())
    assert other.acquire()
    message = rf"no device is free: cuda:0 has 10.0 GB free.*; pid {os.getpid()} of .*wait_for_devices=true waits"
    tasks = [task("1", jobs.where)]
    with pytest.raises(SupremeError, match=message), this_process_in(slots, rules) if alone else nullcontext():
        run(tasks, slots, timeout=None, rules=rules)
    other.release()


@pytest.mark.parametrize("text", ["CUDA error: unspecified launch failure", "CUDA error: device lost"])
def test_a_device_that_is_lost_is_used_no_more_and_its_task_runs_elsewhere(
    driver: Driver, task: Callable[..., Task], tmp_path: Path, text: str
) -> None:
    events: list[Event] = []
    tasks = [task(str(number), jobs.lose_device, tmp_path, "0", text) for number in range(5)]
    outcomes = run(tasks, find_slots("auto", 2, 1), timeout=60.0, on_event=events.append)
    assert [(outcome.status, outcome.value, outcome.attempts) for outcome in outcomes] == [("done", "1", 1)] * 5
    retired = [event for event in events if isinstance(event, Retired)]
    assert {event.slot for event in retired} == {"cuda:0/0", "cuda:0/1"}
    assert "the driver has lost its device (GPU is lost)" in {event.reason for event in retired}
    assert len([event for event in events if isinstance(event, Retrying)]) == 2


def test_when_the_last_device_is_lost_the_rest_fails_with_the_reason(
    driver: Driver, task: Callable[..., Task], tmp_path: Path
) -> None:
    tasks = [task(str(number), jobs.lose_device, tmp_path, "0", "CUDA error: unknown error") for number in range(3)]
    outcomes = run(tasks, find_slots([0], 1, 1), timeout=60.0)
    why = "no device slot is left: cuda:0: the driver has lost its device (GPU is lost)"
    assert [(outcome.status, outcome.error) for outcome in outcomes] == [("failed", why)] * 3


def test_a_device_that_only_its_own_error_calls_lost_costs_a_slot_and_no_attempt(
    driver: Driver, task: Callable[..., Task], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a device in exclusive mode, which takes one process."""
    monkeypatch.setattr(driver, "nvmlDeviceGetMemoryInfo", lambda handle: SimpleNamespace(total=GB, used=0, free=GB))
    text = "CUDA error: CUDA-capable device(s) is/are busy or unavailable"
    tasks = [task(str(number), jobs.lose_device, tmp_path, "0", text) for number in range(3)]
    outcomes = run(tasks, find_slots("auto", 1, 1), timeout=60.0)
    assert [(outcome.status, outcome.value, outcome.attempts) for outcome in outcomes] == [("done", "1", 1)] * 3


def test_a_task_that_calls_every_device_lost_costs_one_slot_and_itself(
    driver: Driver, task: Callable[..., Task], tmp_path: Path
) -> None:
    liar = task("liar", jobs.raise_text, "GPU is lost, says the task")
    outcomes = run([liar, *(task(str(n), jobs.where) for n in range(3))], find_slots("auto", 2, 1), timeout=60.0)
    assert [outcome.status for outcome in outcomes] == ["failed", "done", "done", "done"]
    assert (outcomes[0].error, outcomes[0].attempts) == ("RuntimeError: GPU is lost, says the task", 2)


def test_a_device_that_others_fill_is_left_until_it_has_memory_again(
    driver: Driver, task: Callable[..., Task], tmp_path: Path
) -> None:
    events: list[Event] = []

    def note(event: Event) -> None:
        events.append(event)
        if isinstance(event, Outcome) and event.task.key == "wait":
            (tmp_path / "full-0").unlink()

    tasks = [task("1", jobs.find_device_full, tmp_path, "0"), task("wait", jobs.where, None, 2.0)]
    tasks += [task(str(number), jobs.where, None, 0.8) for number in range(2, 6)]
    outcomes = run(tasks, find_slots("auto", 1, 1), timeout=60.0, on_event=note, rules=HALF)
    assert [(outcome.status, outcome.attempts) for outcome in outcomes] == [("done", 1)] * 6
    assert [event.reason for event in events if isinstance(event, Retrying)] == [
        "others have come to hold 75.0 GB of 80.0 GB on cuda:0"
    ]
    began = [event.slot for event in events if isinstance(event, Started)]
    assert began[:2] == ["cuda:0", "cuda:1"]
    assert "cuda:0" in began[2:], "the device has memory again, and is not used"
    waited = [event.task.key for event in events if isinstance(event, Outcome)].index("wait")
    assert all(outcome.slot == "cuda:1" for outcome in outcomes if outcome.task.key == "wait")
    assert waited == 0


def test_a_task_too_large_for_a_free_device_is_itself_at_fault(
    driver: Driver, task: Callable[..., Task], tmp_path: Path
) -> None:
    driver.held["GPU-0"] = {2**22 + 1: 5 * GB}  # a desktop
    (outcome,) = run([task("large", jobs.cuda_out_of_memory, tmp_path)], find_slots([0], 1, 1), timeout=60.0)
    assert (outcome.status, outcome.attempts) == ("failed", 2)
    assert (tmp_path / "cuda_memory").stat().st_size == 2


def most_at_once(outcomes: list[Outcome]) -> int:
    moments = sorted([(o.value[0], 1) for o in outcomes] + [(o.value[1], -1) for o in outcomes])
    now, most = 0, 0
    for _, change in moments:
        now += change
        most = max(most, now)
    return most


def test_a_device_takes_as_many_jobs_as_the_memory_of_the_first_allows(
    driver: Driver, task: Callable[..., Task], tmp_path: Path
) -> None:
    driver.held["GPU-0"] = {2**22 + 1: 30 * GB}
    tasks = [task(str(number), jobs.take_memory, tmp_path, 14.0, 99, 3) for number in range(12)]
    outcomes = run(tasks, find_slots([0], "auto", 1, cores=16), timeout=60.0, rules=HALF)
    assert [outcome.status for outcome in outcomes] == ["done"] * 12
    spans = sorted(outcome.value[:2] for outcome in outcomes)
    assert spans[0][1] <= spans[1][0], "before the first job's memory is known there is one"
    assert most_at_once(outcomes) == 3  # 0.9 x (80 - 30) GB / (14 + 1) GB


def test_jobs_that_fit_no_more_start_again_and_the_device_takes_fewer_from_then_on(
    driver: Driver, task: Callable[..., Task], tmp_path: Path
) -> None:
    events: list[Event] = []
    tasks = [task(str(number), jobs.take_memory, tmp_path, 5.0, 2, 3) for number in range(12)]
    outcomes = run(tasks, find_slots([0], "auto", 1, cores=3), timeout=60.0, on_event=events.append)
    assert [(outcome.status, outcome.attempts) for outcome in outcomes] == [("done", 1)] * 12
    assert most_at_once(outcomes) == 2
    again = [event.reason for event in events if isinstance(event, Retrying)]
    assert again == ["too many jobs for cuda:0: from now on at most 2 at once"]


@pytest.mark.parametrize(
    ("cores", "threads", "devices", "count"), [(16, 1, [0], 8), (16, 4, [0], 4), (16, 1, [0, 1], 16), (1, 1, [0, 1], 2)]
)
def test_the_jobs_of_a_device_are_bounded_by_its_share_of_the_cores(
    driver: Driver, cores: int, threads: int, devices: list[int], count: int
) -> None:
    assert len(find_slots(devices, "auto", threads, cores)) == count


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"jobs_per_device": 1.5}, "jobs_per_device=1.5 is not allowed: give a whole number from 1, or auto"),
        ({"min_free_memory": 4}, "min_free_memory=4 is not allowed: give a size such as 4GB"),
        ({"wait_for_devices": "no"}, "wait_for_devices=no is not allowed: give true or false"),
    ],
)
def test_a_config_that_says_no_such_thing_of_devices_is_refused(given: dict[str, Any], message: str) -> None:
    config = dict(OmegaConf.to_container(OmegaConf.load(CONF), resolve=False), tracker={})  # type: ignore[call-overload]
    assert Settings.from_config(config).rules() == HALF
    with pytest.raises(SupremeError, match=message):
        Settings.from_config({**config, **given})
    assert isinstance(Settings.from_config({**config, "jobs_per_device": "auto"}).slots(), list)
    with pytest.raises(SupremeError, match="jobs_per_device=many is not allowed: give 1 or more, or auto"):
        Settings.from_config({**config, "jobs_per_device": "many"}).slots()


def test_a_process_is_warm_before_the_first_task_and_what_is_not_used_is_given_back(
    driver: Driver, task: Callable[..., Task], tmp_path: Path
) -> None:
    slots = find_slots("cpu", 1, 1, cores=3)
    executor = LocalExecutor(slots, rules=HALF)
    pool = executor._pool
    pool.warm_up(jobs.be_ready, 2)
    assert [place.held for place in pool.places] == [True, True, False]
    outcomes = scheduler.run([task("1", jobs.is_ready), task("2", jobs.is_ready)], executor, timeout=1.0)
    assert [outcome.value for outcome in outcomes] == [True, True], outcomes
    assert not any(place.held for place in pool.places)
    assert all(SlotLock(slot, lock_directory()).acquire() for slot in slots)
