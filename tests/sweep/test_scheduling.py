"""Which task runs where and when; workers that need the same thing; sweeps at the same time. Real processes."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import engine_tasks as jobs
import pytest
from conftest import environment, start_command_line
from processes import wait_for
from test_sweep import SMALL, rows

from supreme.sweep.devices.slots import find_slots
from supreme.sweep.schedule.graph import Graph
from supreme.sweep.schedule.tasks import Event, Outcome, Parked, Started, Task
from tests.running import run


def make(key: str, function: Callable[..., Any] = jobs.where, *arguments: Any, **more: Any) -> Task:
    fields: dict[str, Any] = {"needs": (), "log": Path("unused.log"), "kind": "cell", **more}
    return Task(key=key, label=f"job {key}", function=function, arguments=arguments, **fields)


def order(graph: Graph, warm: tuple[str, ...] = ()) -> list[str]:
    """The keys in the order in which one place would take them."""
    keys = []
    while graph.ready:
        task = graph.take(warm)
        keys.append(task.key)
        warm = task.affinity
        graph.finish(Outcome(task=task, status="done"))
    return keys


def test_a_place_goes_on_with_what_it_has_at_hand_first_by_data_then_by_split() -> None:
    affinities = {"1": ("a", "x"), "2": ("b", "z"), "3": ("a", "y"), "4": ("b", "z"), "5": ("a", "x"), "6": ("a", "y")}
    graph = Graph([make(key, affinity=affinity) for key, affinity in affinities.items()])
    assert order(graph) == ["1", "5", "3", "6", "2", "4"]


def test_a_longer_chain_goes_before_what_is_at_hand() -> None:
    tasks = [
        make("cell", affinity=("a",)),
        make("original", affinity=("b",)),
        make("its cell", affinity=("b",), needs=("original",)),
    ]
    assert order(Graph(tasks), ("a",)) == ["original", "its cell", "cell"]
    assert order(Graph(tasks[:1]), ("b",)) == ["cell"], "a place never idles for want of what it has at hand"


def test_a_task_that_is_put_back_is_taken_once_more_and_no_more() -> None:
    graph = Graph([make("1", affinity=("a",)), make("2", affinity=("a",))])
    first = graph.take(("a",))
    graph.put(first)
    assert order(graph, ("a",)) == ["1", "2"]


def test_ten_thousand_tasks_of_a_hundred_affinities_are_ordered_within_a_second() -> None:
    graph = Graph([make(str(number), affinity=(f"d{number % 10}", f"s{number % 100}")) for number in range(10_000)])
    began = time.process_time()
    found = order(graph)
    assert time.process_time() - began < 5.0
    assert sorted(found, key=int) == [str(number) for number in range(10_000)]
    switches = sum(int(one) % 100 != int(next_one) % 100 for one, next_one in pairwise(found))
    assert switches == 99


def test_a_task_leaves_its_slot_while_another_worker_makes_what_it_needs(tmp_path: Path) -> None:
    """Of two slots one makes something that takes long; the other does not stand still with those that wait for it."""
    events: list[tuple[float, Event]] = []

    def note(event: Event) -> None:
        events.append((time.monotonic(), event))
        if isinstance(event, Outcome) and event.task.key.startswith("other"):
            jobs.mark(tmp_path, "told")

    shared = [
        make(f"shared {number}", jobs.share, tmp_path, 0.0, ("told", 4), log=tmp_path / f"shared {number}.log")
        for number in range(3)
    ]
    others = [
        make(f"other {number}", jobs.mark_after, tmp_path, "other", 0.2, log=tmp_path / "other.log")
        for number in range(4)
    ]
    outcomes = run(
        [*shared, *others],
        find_slots("cpu", 1, 1, cores=2),
        timeout=None,
        on_event=note,
    )
    assert [outcome.status for outcome in outcomes] == ["done"] * 7
    assert [outcome.attempts for outcome in outcomes] == [1] * 7, "to be put aside is no failed attempt"
    assert {outcome.value for outcome in outcomes[:3]} == {outcomes[0].value}, "it was made more than once"
    ends = {event.task.key: when for when, event in events if isinstance(event, Outcome)}
    made = min(ends[task.key] for task in shared)
    assert all(ends[task.key] < made for task in others), "a slot stood still"
    aside = [event for _, event in events if isinstance(event, Parked)]
    assert len(aside) == 2
    assert all("another worker makes thing-" in event.reason for event in aside)
    starts = Counter(event.task.key for _, event in events if isinstance(event, Started))
    assert max(starts.values()) == 2, "a task that waits was started again and again"
    assert "parked: another worker makes thing-" in aside[0].task.log.read_text()


@pytest.mark.usefixtures("second_chance")
def test_a_task_that_waits_for_a_dead_worker_starts_when_its_death_is_seen(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", f"import engine_tasks as jobs; jobs.share({str(tmp_path)!r}, 600.0)"],
        env=environment(),
    )
    claims = tmp_path / "store" / "claims"
    while not list(claims.glob("*.json")):
        time.sleep(0.05)
    aside: list[Event] = []

    def note(event: Event) -> None:
        if isinstance(event, Parked):
            aside.append(event)
            holder.kill()
            holder.wait()

    (outcome,) = run(
        [make("waits", jobs.share, tmp_path, 0.0, log=tmp_path / "log")],
        find_slots("cpu", 1, 1, cores=1),
        timeout=60.0,
        on_event=note,
    )
    assert (outcome.status, len(aside)) == ("done", 1)
    assert outcome.value != holder.pid


def test_a_task_with_much_to_lose_waits_inside_its_slot(tmp_path: Path) -> None:
    events: list[Event] = []
    log = tmp_path / "waits.log"
    tasks = [
        make("makes", jobs.share, tmp_path, 0.0, ("waits", 1), log=tmp_path / "makes.log"),
        make("has much to lose", jobs.work_then_share, tmp_path, 3.5, log=log),
    ]

    def release() -> None:
        wait_for(lambda: log.exists() and "waiting for process" in log.read_text(), 120.0)
        jobs.mark(tmp_path, "waits")

    thread = threading.Thread(target=release)
    thread.start()
    outcomes = run(tasks, find_slots("cpu", 1, 1, cores=2), timeout=None, on_event=events.append)
    thread.join()
    assert [outcome.status for outcome in outcomes] == ["done"] * 2
    assert not [event for event in events if isinstance(event, Parked)]


def test_work_that_is_in_the_store_is_not_lost_by_leaving(tmp_path: Path) -> None:
    aside: list[Event] = []

    def note(event: Event) -> None:
        if isinstance(event, Parked):
            aside.append(event)
            jobs.mark(tmp_path, "left")

    tasks = [
        make("makes", jobs.share, tmp_path, 0.0, ("left", 1), log=tmp_path / "makes.log"),
        make("keeps", jobs.keep_then_share, tmp_path, 3.5, log=tmp_path / "keeps.log"),
    ]
    outcomes = run(tasks, find_slots("cpu", 1, 1, cores=2), timeout=None, on_event=note)
    assert [outcome.status for outcome in outcomes] == ["done"] * 2
    assert len(aside) == 1
    assert (tmp_path / "kept").stat().st_size == 1, "it was done twice"


def test_a_sweep_whose_last_task_cannot_be_sent_ends() -> None:
    (outcome,) = run([make("local", lambda: None)], find_slots("cpu", 1, 1, cores=1), timeout=None)
    assert outcome.error.startswith("it cannot be sent to a process")


@pytest.fixture
def sharing(tmp_path: Path) -> list[str]:
    """A sweep of two methods that share something slow, and of one that does not; every work leaves a mark."""
    methods, metrics = tmp_path / "conf" / "method", tmp_path / "conf" / "metric"
    for folder in (methods, metrics, tmp_path / "shared", tmp_path / "rows", tmp_path / "slow"):
        folder.mkdir(parents=True)
    for name, strength in (("strong", 0.02), ("weak", 0.01)):
        text = f"_target_: broken.Shares\nmarks: {tmp_path}/shared/*\nseconds: 2.0\nstrength: {strength}\n"
        (methods / f"{name}.yaml").write_text(text)
    (methods / "slow.yaml").write_text(f"_target_: broken.Slow\nmarks: {tmp_path}/slow/*\nseconds: 1.0\n")
    counted = f"# @package metric.counted\n_target_: broken.Counted\nmarks: {tmp_path}/rows/*\n"
    (metrics / "counted.yaml").write_text(counted)
    sweep = ["--config-dir", str(tmp_path / "conf"), "-m", "method=strong,weak,slow", "seed=range(2)"]
    return [*sweep, *SMALL, "metric=[accuracy,zrf,counted]"]


def start(cores: int, arguments: list[str], cwd: Path, output_dir: str, **more: str) -> Any:
    """The command line on a machine with this many cores."""
    return start_command_line(str(cores), *arguments, f"output_dir={output_dir}", cwd=cwd, code=CORES, **more)


def end(process: Any) -> str:
    _, told = process.communicate()
    assert process.returncode == 0, told
    return told


@pytest.mark.slow
@pytest.mark.exhaustive
def test_methods_that_share_something_give_the_same_rows_on_one_slot_and_on_three(
    sharing: list[str], tmp_path: Path
) -> None:
    end(start(1, sharing, tmp_path, "alone"))
    told = end(start(3, sharing, tmp_path, "together"))
    assert "cpu:2" in told
    assert rows(tmp_path / "alone") == rows(tmp_path / "together")
    met = " ".join(lines_with(tmp_path / "together", "parked: another worker makes "))
    assert "shared-" in met, "nothing met: the test shows nothing"
    assert len(list((tmp_path / "shared").iterdir())) == 4, "once for each seed and sweep"


@pytest.mark.slow
def test_two_sweeps_of_the_same_cells_do_everything_once_and_wait_in_no_slot(
    sharing: list[str], tmp_path: Path
) -> None:
    # each has two slots, on which they do not agree with each other
    sweeps = [start(2, sharing, tmp_path, "both", SUPREME_LOCK_DIR=str(tmp_path / name)) for name in ("a", "b")]
    for told in map(end, sweeps):
        assert "(cpu:1)" in told
    assert len(rows(tmp_path / "both")) == 6
    for stage in ("original", "reference"):
        assert len(lines_with(tmp_path / "both", f"training the {stage} model")) == 2
    assert len(lines_with(tmp_path / "both", "INFO supreme.pipeline.stages: unlearning")) >= 6
    marks = {name: len(list((tmp_path / name).iterdir())) for name in ("shared", "slow", "rows")}
    assert marks == {"shared": 2, "slow": 2, "rows": 6}
    assert lines_with(tmp_path / "both", "waiting for process") == [], "a worker waited inside its slot"


def lines_with(outputs: Path, text: str) -> list[str]:
    """Every line of a log with this text."""
    return [line for path in (outputs / "logs").glob("*.log") for line in path.read_text().splitlines() if text in line]


CORES = """
import sys
from supreme.sweep.devices import slots as devices
count = int(sys.argv.pop(1))
devices._own_cores = lambda: list(range(count))
from supreme.cli import main
sys.exit(main())
"""
"""The command line on a machine with as many cores as the first argument says."""
