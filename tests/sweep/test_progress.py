"""What people see of a sweep: its snapshots, its forecast, its display, `supreme status`; of real sweeps, too."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest
from conftest import command_line, environment
from processes import wait_for
from rich.console import Console

from supreme.core import SupremeError
from supreme.pipeline.activity import Activity, Doing, beside, clear, doing, put
from supreme.store.files import Process
from supreme.sweep.display.display import Display, about, duration, time_to_go
from supreme.sweep.display.forecast import Forecast, Underway
from supreme.sweep.display.progress import Progress
from supreme.sweep.display.snapshot import KEPT, Count, Snapshot, common_words, path_of, prune, read_all
from supreme.sweep.display.status import main
from supreme.sweep.schedule.tasks import Event, Outcome, Parked, Retired, Retrying, Started, Task, Waiting


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def nothing() -> None: ...


def task(folder: Path, key: str, kind: str = "cell", needs: Sequence[str] = (), label: str = "") -> Task:
    return Task(
        key=key,
        kind=kind,
        label=label or f"job {key}",
        function=nothing,
        arguments=(),
        needs=tuple(needs),
        log=folder / "logs" / f"{key}.log",
    )


def done(one: Task, seconds: float = 1.0, slot: str = "cpu:0") -> Outcome:
    return Outcome(task=one, status="done", seconds=seconds, attempts=1, slot=slot)


def drawn(snapshot: Snapshot, width: int = 80, height: int = 24) -> list[str]:
    text = io.StringIO()
    console = Console(file=text, width=width, height=height, force_terminal=True, color_system=None)
    console.print(Display(snapshot, failures=3))
    return [re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip() for line in text.getvalue().splitlines()]


# A worker's own word.


def test_a_worker_tells_what_it_does_at_most_twice_a_second_and_nothing_in_the_end(tmp_path: Path) -> None:
    log, clock = tmp_path / "logs" / "a.log", Clock()
    with Activity(beside(log), clock) as activity:
        activity.begin("unlearn")
        assert doing(log) == Doing(stage="unlearn")
        activity(0, 9, "epoch")
        clock.now += 0.4
        activity(1, 9, "epoch")
        assert doing(log) == Doing(stage="unlearn"), "half a second has not passed"
        clock.now += 0.2
        activity(2, 9, "epoch")
        told = doing(log)
        assert told is not None
        assert (told.stage, told.what, told.done, told.total) == ("unlearn", "epoch", 2, 9)
        assert told.seconds == pytest.approx(0.6)
    assert list(log.parent.iterdir()) == []


def test_a_worker_that_told_nothing_does_not_remove_what_another_ones_says(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    with Activity(beside(log)) as activity:
        activity.begin("unlearn")
        with Activity(beside(log)):
            pass
        assert doing(log) == Doing(stage="unlearn")


def test_progress_is_a_line_in_the_log_at_most_every_five_seconds(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "supreme")
    clock = Clock()
    activity = Activity(None, clock)
    for step in range(13):
        activity(step, 12, "epoch")
        clock.now += 1.0
    assert [record.getMessage() for record in caplog.records] == ["epoch 5/12", "epoch 10/12"]


def test_what_a_killed_worker_said_last_counts_no_more(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    script = (
        "import os, sys, pathlib\nfrom supreme.pipeline.activity import Activity, beside\n"
        "Activity(beside(pathlib.Path(sys.argv[1]))).begin('unlearn')\nos.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", script, str(log)], env=environment(), check=False)
    assert beside(log).exists()
    assert doing(log) is None
    clear(log)
    assert not beside(log).exists()


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"stage": "unlearn"}', '{"stage": 1, "process": 3}'])
def test_what_is_no_word_of_a_worker_tells_nothing(tmp_path: Path, content: str) -> None:
    beside(tmp_path / "a.log").write_text(content)
    assert doing(tmp_path / "a.log") is None


def test_what_cannot_be_written_does_no_harm_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.now"
    path.mkdir()
    put(path, {"stage": "unlearn"})
    assert list(tmp_path.iterdir()) == [path]


# The forecast.


def test_before_anything_is_known_there_is_no_estimate(tmp_path: Path) -> None:
    tasks = [task(tmp_path, "a", "original"), task(tmp_path, "b"), task(tmp_path, "c")]
    assert Forecast(tasks, {}).to_go({}, {}, 2) == (None, {"original": 1, "cell": 2})


def test_stored_times_alone_give_an_estimate(tmp_path: Path) -> None:
    tasks = [task(tmp_path, str(number)) for number in range(4)]
    expected = {"0": 10.0, "1": 20.0, "2": 30.0, "3": 40.0}
    # (10 + 20 + 30 + 40 - 4) s of work on 2 slots; 0 has run for 4 s
    assert Forecast(tasks, expected).to_go({}, {"0": Underway(seconds=4.0)}, 2) == (48.0, {})


def test_what_tasks_take_corrects_what_was_expected(tmp_path: Path) -> None:
    tasks = [task(tmp_path, str(number)) for number in range(3)]
    forecast = Forecast(tasks, {"0": 10.0, "1": 20.0, "2": 30.0})
    ended = {"0": done(tasks[0], 15.0)}
    forecast.learn(ended["0"], cold=False)
    assert forecast.to_go(ended, {}, 1) == (75.0, {}), "all take half as long again"


def test_without_stored_times_the_mean_of_the_kind_counts_and_other_kinds_are_unknown(tmp_path: Path) -> None:
    tasks = [task(tmp_path, str(number)) for number in range(4)]
    tasks += [task(tmp_path, "audit", "audit")]
    forecast = Forecast(tasks, {})
    ended = {key: done(tasks[int(key)], seconds) for key, seconds in (("0", 10.0), ("1", 20.0))}
    for outcome in ended.values():
        forecast.learn(outcome, cold=False)
    assert forecast.to_go(ended, {}, 1) == (30.0, {"audit": 1})


def test_the_first_task_of_a_process_counts_only_until_there_are_others(tmp_path: Path) -> None:
    tasks = [task(tmp_path, str(number)) for number in range(4)]
    forecast = Forecast(tasks, {})
    ended = {"0": done(tasks[0], 7.0)}
    forecast.learn(ended["0"], cold=True)
    assert forecast.to_go(ended, {}, 1) == (21.0, {})
    ended["1"] = done(tasks[1], 2.0)
    forecast.learn(ended["1"], cold=False)
    assert forecast.to_go(ended, {}, 1) == (4.0, {})


def test_no_estimate_is_below_the_longest_chain(tmp_path: Path) -> None:
    chain = [task(tmp_path, "a", "original"), task(tmp_path, "b", needs=["a"]), task(tmp_path, "c", "audit", ["b"])]
    others = [task(tmp_path, key) for key in "defg"]
    expected = {"a": 50.0, "b": 10.0, "c": 5.0} | dict.fromkeys("defg", 10.0)
    forecast = Forecast([*others, *chain], expected)
    assert forecast.to_go({}, {}, 8) == (65.0, {})
    assert forecast.to_go({}, {}, 1) == (105.0, {})
    assert forecast.to_go({}, {"a": Underway(seconds=20.0)}, 8) == (45.0, {})


def test_the_epochs_of_a_training_tell_how_long_it_takes_and_so_do_those_of_its_like(tmp_path: Path) -> None:
    tasks = [task(tmp_path, "a", "original"), task(tmp_path, "b", "original")]
    forecast = Forecast(tasks, {})
    told = Doing(stage="original", what="training epoch", done=3, total=10, seconds=30.0)
    # 10 epochs of 10 s: 70 s are left of the one that runs, less the 4 s since it told, and 100 s of the other
    assert forecast.to_go({}, {"a": Underway(seconds=35.0, doing=told, age=4.0)}, 1) == (166.0, {})
    assert forecast.to_go({}, {"a": Underway(seconds=95.0, doing=told, age=60.0)}, 1) == (160.0, {}), (
        "one epoch at most"
    )


def test_the_epochs_of_a_method_do_not_tell_how_long_a_cell_takes(tmp_path: Path) -> None:
    told = Doing(stage="unlearn", what="epoch", done=3, total=10, seconds=30.0)
    forecast = Forecast([task(tmp_path, "a")], {})
    assert forecast.to_go({}, {"a": Underway(seconds=35.0, doing=told)}, 1) == (None, {"cell": 1})


# Snapshots.


def story(folder: Path) -> tuple[list[Task], list[Event]]:
    """What happens in a small sweep."""
    train, scrub, ssd = (task(folder, name) for name in ("train", "scrub", "ssd"))
    return [train, scrub, ssd], [
        Waiting(holders=("pid 7 of ann",)),
        Started(task=train, slot="cpu:0"),
        done(train, 12.46),
        Started(task=scrub, slot="cpu:0"),
        Retrying(task=scrub, slot="cpu:0", reason="its process died: SIGKILL(-9)"),
        Started(task=scrub, slot="cpu:0"),
        Outcome(task=scrub, status="failed", seconds=185.0, attempts=2, slot="cpu:0", error="ValueError: [no]"),
        Outcome(task=ssd, status="blocked", error="it waits for job scrub, which failed"),
    ]


def test_a_snapshot_counts_what_has_become_of_the_tasks(tmp_path: Path) -> None:
    tasks, events = story(tmp_path)
    progress = Progress(tasks, console=Console(file=io.StringIO()), clock=Clock())
    assert progress.snapshot().counts == {"cell": Count(left=3)}
    progress(events[0])
    assert progress.snapshot().note == "every device slot is taken; waiting for pid 7 of ann"
    for event in events[1:5]:
        progress(event)
    now = progress.snapshot()
    assert (now.note, now.retries, now.running) == ("", 1, [])
    assert now.counts == {"cell": Count(done=1, left=2)}
    for event in events[5:]:
        progress(event)
    now = progress.snapshot()
    assert now.counts == {"cell": Count(done=1, failed=1, blocked=1)}
    assert now.total.total == 3
    assert [(one.label, one.error, one.log) for one in now.failures] == [
        ("job scrub", "ValueError: [no]", str(tasks[1].log))
    ]


def test_a_snapshot_comes_back_from_its_file(tmp_path: Path) -> None:
    tasks, events = story(tmp_path)
    with Progress(tasks, output_dir=tmp_path, console=Console(file=io.StringIO())) as progress:
        progress(events[1])
        with Activity(beside(tasks[0].log)) as activity:
            activity.begin("unlearn")
            wait_for(lambda: any(one.doing for found in read_all(tmp_path).values() for one in found.running))
        ((path, found),) = read_all(tmp_path).items()
        assert found.state() == "running"
        assert found.process == Process.current()
        assert [(one.slot, one.label, one.doing) for one in found.running] == [
            ("cpu:0", "job train", Doing(stage="unlearn"))
        ]
        assert Snapshot.from_json(json.loads(json.dumps(found.to_json()))) == found
        progress(events[2])
    ended = read_all(tmp_path)[path]
    assert (ended.state(), ended.counts, ended.running) == ("finished", {"cell": Count(done=1, left=2)}, [])


@pytest.mark.parametrize(
    ("error", "ended"),
    [
        (KeyboardInterrupt("SIGTERM"), "stopped by SIGTERM"),
        (KeyboardInterrupt(), "stopped by SIGINT"),
        (SupremeError("no disk"), "broke off: SupremeError: no disk"),
    ],
)
def test_the_file_tells_how_the_sweep_was_ended(tmp_path: Path, error: BaseException, ended: str) -> None:
    with pytest.raises(type(error)), Progress([task(tmp_path, "a")], output_dir=tmp_path):
        raise error
    assert [found.state() for found in read_all(tmp_path).values()] == [ended]


def snapshot(folder: Path, **changes: object) -> Snapshot:
    empty = Progress([task(folder, "a")], console=Console(file=io.StringIO())).snapshot()
    return replace(empty, **changes)  # type: ignore[arg-type]


def test_a_sweep_is_dead_when_its_process_is_gone_and_doubtful_when_it_is_silent(tmp_path: Path) -> None:
    now, here = time.time(), Process.current()
    assert snapshot(tmp_path).state(now) == "running"
    assert "died without a word" in snapshot(tmp_path, process=replace(here, born="1")).state(now)
    assert "stopped or stuck" in snapshot(tmp_path, written=now - 100).state(now)
    elsewhere = snapshot(tmp_path, process=replace(here, host="elsewhere"))
    assert elsewhere.state(elsewhere.written + 10) == "running"
    assert elsewhere.state(elsewhere.written + 100) == f"process {here.pid} on elsewhere is dead or cut off"


def test_only_the_last_files_of_sweeps_that_have_ended_are_kept(tmp_path: Path) -> None:
    for number in range(KEPT + 5):
        one = snapshot(tmp_path, began=float(number), ended="" if number == 0 else "finished")
        path = path_of(tmp_path, one.began, 7)
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(one.to_json()))
    (tmp_path / "sweeps" / "19700101-000000-1.json").write_text("no snapshot")
    prune(tmp_path)
    assert [found.began for found in read_all(tmp_path).values()] == [0.0, *range(5, KEPT + 5)]


def test_the_words_that_all_labels_share_are_told_once() -> None:
    assert common_words(["scrub digits seed=1", "ssd digits seed=1", "original digits seed=1"]) == "digits seed=1"
    assert common_words(["scrub digits seed=1"]) == ""
    assert common_words([]) == ""


# Lines and the live display.


def test_without_a_terminal_progress_is_one_line_for_each_end(tmp_path: Path) -> None:
    tasks, events = story(tmp_path)
    text = io.StringIO()
    with Progress(tasks, console=Console(file=text, force_terminal=False, width=40)) as progress:
        for event in events:
            progress(event)
    assert text.getvalue().splitlines() == [
        "every device slot is taken; waiting for pid 7 of ann",
        "[1/3] done 12.5 s job train (cpu:0)",
        "again: job scrub (cpu:0): its process died: SIGKILL(-9)",
        f"[2/3] failed 3 min 05 s job scrub (cpu:0): ValueError: [no]; log: {tasks[1].log}",
        "[3/3] blocked job ssd: it waits for job scrub, which failed",
    ]


def test_a_task_that_makes_way_frees_its_slot_and_a_slot_that_is_lost_is_told(tmp_path: Path) -> None:
    text, one = io.StringIO(), task(tmp_path, "a")
    progress = Progress([one], console=Console(file=text))
    progress(Started(task=one, slot="cpu:0"))
    progress(Parked(task=one, slot="cpu:0", reason="another worker makes what it needs"))
    assert progress.snapshot().running == []
    progress(Retired(slot="cuda:1", reason="the driver has lost its device"))
    assert text.getvalue() == "cuda:1 is no longer used: the driver has lost its device\n"


def test_without_a_terminal_a_silent_sweep_tells_what_runs(tmp_path: Path) -> None:
    text, tasks = io.StringIO(), [task(tmp_path, str(number)) for number in range(6)]
    with Progress(tasks, console=Console(file=text, width=40), heartbeat=0.5) as progress:
        for number, one in enumerate(tasks):
            progress(Started(task=one, slot=f"cpu:{number}"))
        wait_for(lambda: text.getvalue().count("\n") >= 2)
    line = text.getvalue().splitlines()[0]
    assert line.startswith("[0/6] ")
    assert "gone, no estimate yet; running: 0 (cpu:0) for " in line
    assert line.endswith("; 2 more")


def test_the_display_shows_what_runs_and_what_is_left(tmp_path: Path) -> None:
    clock, tasks = Clock(), [task(tmp_path, str(number)) for number in range(6)]
    progress = Progress(tasks, console=Console(file=io.StringIO()), clock=clock)
    for slot, one in zip(("cuda:0", "cuda:1"), tasks, strict=False):
        progress(Started(task=one, slot=slot))
    clock.now += 10.0
    progress(done(tasks[0], 10.0, "cuda:0"))
    progress(Started(task=tasks[2], slot="cuda:0"))
    clock.now += 4.0
    head, kinds, *slots = (" ".join(line.split()) for line in drawn(progress.snapshot()))
    # 5 tasks of 10 s are left, of which 4 s and 10 s are done, on 2 slots: (50 - 14) / 2
    assert head.endswith("1 of 6, 14.0 s gone, about 18 s to go")
    assert kinds == "cell 1/6 job"
    assert slots == ["cuda:1 1 14.0 s", "cuda:0 2 4.0 s"]


@pytest.mark.parametrize("width", [40, 80, 120])
def test_the_display_fits_the_terminal(tmp_path: Path, width: int) -> None:
    tasks = [task(tmp_path, str(number), label=f"{'a long label ' * 20}{number}") for number in range(60)]
    progress = Progress(tasks, console=Console(file=io.StringIO()))
    for number, one in enumerate(tasks[:50]):
        progress(Started(task=one, slot=f"cuda:{number}"))
    for one in tasks[50:]:
        progress(Outcome(task=one, status="failed", attempts=1, slot="cuda:99", error="ValueError: " + "no " * 99))
    progress(Waiting(holders=("pid 7 of ann: python -m supreme " + "method=scrub " * 20,)))
    lines = drawn(progress.snapshot(), width, 20)
    assert len(lines) < 20
    assert all(len(line) <= width for line in lines)
    assert any(line.startswith("cuda:0 ") for line in lines)
    (more,) = (line for line in lines if line.startswith("+ ") and line.endswith("more"))
    shown = sum(line.startswith("cuda:") for line in lines)
    assert more == f"+ {50 - shown} more"
    assert "+ 7 that failed before" in lines


def test_the_estimate_says_what_it_does_not_cover(tmp_path: Path) -> None:
    assert time_to_go(snapshot(tmp_path, to_go=None)) == "no estimate yet"
    assert time_to_go(snapshot(tmp_path, to_go=90.0, unknown={})) == "about 1 min 30 s to go"
    words = "about 1 min 30 s to go + 2 cells and 1 audit of unknown length"
    assert time_to_go(snapshot(tmp_path, to_go=90.0, unknown={"cell": 2, "audit": 1})) == words
    assert time_to_go(snapshot(tmp_path, to_go=0.0, unknown={})) == "later than expected"
    assert re.fullmatch(
        r"about 2 h 00 min to go \(until (\w+ )?\d\d:\d\d\)", time_to_go(snapshot(tmp_path, to_go=7200.0, unknown={}))
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "1 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (187.0, "3 min 10 s"),
        (594.0, "9 min 50 s"),
        (596.0, "10 min"),
        (3570.0, "1 h 00 min"),
        (7625.0, "2 h 07 min"),
    ],
)
def test_a_forecast_is_told_no_more_exactly_than_it_is_known(seconds: float, text: str) -> None:
    assert about(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0.0 s"), (59.94, "59.9 s"), (59.96, "1 min 00 s"), (3599.7, "1 h 00 min"), (7625.0, "2 h 07 min")],
)
def test_durations_are_in_units_that_people_use(seconds: float, text: str) -> None:
    assert duration(seconds) == text


# supreme status.


def written(folder: Path, **changes: object) -> Snapshot:
    """A snapshot whose file is there."""
    one = snapshot(folder, **changes)
    path = path_of(folder, one.began, one.process.pid)
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(one.to_json()))
    return one


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_status_refuses_a_folder_without_sweeps(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SupremeError, match=r"there is no folder .*nowhere|empty is no output_dir of sweeps"):
        main([str(tmp_path / name)])


def test_status_of_a_folder_without_sweeps_counts_its_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rows").mkdir()
    (tmp_path / "rows" / "a.json").touch()
    assert main([str(tmp_path)]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "No sweep has run in" in told
    assert "1 row in" in told


def test_status_shows_every_sweep_that_runs_or_else_the_last_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(4):
        written(tmp_path, began=float(number), ended="finished" if number in (1, 3) else "", command=f"sweep {number}")
    assert main([str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert re.findall(r"sweep \d", told) == ["sweep 0", "sweep 2"]
    for number in (0, 2):
        written(tmp_path, began=float(number), ended="stopped by SIGTERM", command=f"sweep {number}")
    assert main([str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert re.findall(r"sweep \d", told) == ["sweep 3"]
    assert "finished, after" in told


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ended": "stopped by SIGTERM"}, "stopped by SIGTERM, after"),
        ({"ended": "finished", "counts": {"cell": Count(done=1, failed=2)}}, "finished, 2 failed, after"),
        ({"process": replace(Process.current(), born="1")}, "died without a word: its process is gone, after"),
    ],
)
def test_status_exits_1_when_the_sweep_did_not_end_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, object], words: str
) -> None:
    written(tmp_path, **changes)
    assert main([str(tmp_path)]) == 1
    assert words in capsys.readouterr().out


# Real sweeps.


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What was seen of one sweep: in its terminal, and by `supreme status` in another process."""

    outputs: Path
    screen: bytes
    while_it_ran: str
    as_json: dict[str, object]
    after_its_death: subprocess.CompletedProcess[str]
    left_by_workers: list[str]
    resumed: subprocess.CompletedProcess[str]
    after_its_end: subprocess.CompletedProcess[str]


@contextmanager
def in_terminal(command: Sequence[str], cwd: Path, lines: int, columns: int) -> Iterator[tuple[int, bytearray]]:
    """The process, and what it has written so far to a terminal of this size; killed in the end."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(cwd)
        os.execve(
            command[0],
            list(command),
            environment(TERM="xterm-256color", LINES=str(lines), COLUMNS=str(columns), LOKY_MAX_CPU_COUNT="1"),
        )
    found = bytearray()

    def read() -> None:
        while True:
            try:
                found.extend(os.read(terminal, 65536))
            except OSError:  # all who could write are gone
                return

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield pid, found
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        reader.join(30)
        os.close(terminal)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    folder = tmp_path_factory.mktemp("seen")
    (folder / "conf" / "method").mkdir(parents=True)
    yaml = f"_target_: broken.Counts\nepochs: 400\nseconds: 0.25\nhurry: {folder}/hurr*\n"
    (folder / "conf" / "method" / "counts.yaml").write_text(yaml)
    arguments = ["--config-dir", str(folder / "conf"), "-m", "method=counts", "seed=range(2)"]
    arguments += ["model.widths=[4,8]", "recipe.epochs=2"]

    supreme = partial(command_line, cwd=folder)

    with in_terminal([sys.executable, "-m", "supreme", *arguments], folder, 16, 80) as (_, screen):
        wait_for(lambda: b"unlearn epoch" in screen)
        while_it_ran = supreme("status", COLUMNS="140").stdout
        as_json = json.loads(supreme("status", "outputs", "--json").stdout)
    logs = folder / "outputs" / "logs"
    wait_for(lambda: not any(doing(path.with_suffix(".log")) for path in logs.glob("*.now")))  # its workers end, too
    left = [path.name for path in logs.glob("*.now")]
    after_its_death = supreme("status", str(folder / "outputs"))
    (folder / "hurry").touch()
    resumed = supreme(*arguments)
    return Seen(
        outputs=folder / "outputs",
        screen=bytes(screen),
        while_it_ran=while_it_ran,
        as_json=as_json,
        after_its_death=after_its_death,
        left_by_workers=left,
        resumed=resumed,
        after_its_end=supreme("status"),
    )


@pytest.mark.slow
def test_status_shows_a_real_sweep_to_another_process(seen: Seen) -> None:
    assert "running: process" in seen.while_it_ran
    assert "original 2/2  reference 2/2  cell 0/2  digits small_cnn random" in seen.while_it_ran
    assert re.search(
        r"cpu:\d +counts seed=\d +unlearn epoch \d+/400 +[\d.]+ (min \d\d )?s +logs/[0-9a-f]{16}\.log",
        seen.while_it_ran,
    )
    assert seen.as_json["rows"] == 0
    (sweep,) = seen.as_json["sweeps"]  # type: ignore[misc]
    assert sweep["state"] == "running"
    assert {one["doing"]["stage"] for one in sweep["running"]} == {"unlearn"}
    assert all((seen.outputs.parent / one["log"]).is_file() for one in sweep["running"])


@pytest.mark.slow
def test_a_terminal_shows_a_real_sweep_in_lines_that_do_not_wrap(seen: Seen) -> None:
    text = seen.screen.decode()
    last = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text[text.rindex(" gone") :]).replace("\r", "")
    assert "unlearn epoch" in last
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r", "\n").splitlines()
    assert max(len(line) for line in lines if "seed=" in line) <= 80
    assert "done" not in text, "lines of what is done are for logs"


@pytest.mark.slow
def test_status_tells_that_a_sweep_was_killed(seen: Seen) -> None:
    assert seen.after_its_death.returncode == 1
    assert "died without a word: its process is gone, after" in seen.after_its_death.stdout


@pytest.mark.slow
def test_what_killed_workers_left_is_gone_after_the_same_command(seen: Seen) -> None:
    assert len(seen.left_by_workers) in (1, 2)  # one for each slot
    assert seen.resumed.returncode == 0, seen.resumed.stderr
    assert list((seen.outputs / "logs").glob("*.now")) == []
    assert list((seen.outputs / "logs").glob(".*")) == []


@pytest.mark.slow
def test_status_tells_that_a_sweep_has_finished(seen: Seen) -> None:
    assert seen.after_its_end.returncode == 0
    assert "finished, after" in seen.after_its_end.stdout
    assert "2 rows in outputs/rows" in seen.after_its_end.stdout
    assert len(list((seen.outputs / "sweeps").iterdir())) == 2


@pytest.mark.slow
def test_the_log_of_a_cell_is_short(seen: Seen) -> None:
    for log in (seen.outputs / "logs").glob("*.log"):
        attempts = log.read_text().count(": attempt ")
        assert len(log.read_text().splitlines()) <= 6 * attempts, log.read_text()
