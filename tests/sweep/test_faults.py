"""What can go wrong in a sweep, with real sweeps, real processes and real kills; see `faults` for how it is made to.

After each: the other cells have their rows, no process of the sweep lives, everything in the store is whole, the exit
code is right; and the same command again computes what is missing, gives the rows of a clean sweep bit for bit, and
leaves no claim and nothing half-written.

What happens, and where it is proven (here: c test_faults_in_cells..., s test_a_sweep_stopped..., d test_a_disk...,
r test_after_any_schedule...; elsewhere by a part of the name):

exception, also one that cannot be unpickled | fails, never again | c r; test_scheduler each_way_to_fail
sys.exit | fails, never again | c r; test_scheduler each_way_to_fail
SIGSEGV | again in a fresh process, then fails | c r; test_scheduler each_way_to_fail
SIGKILL, also by the kernel for want of memory | again in a fresh process, then fails; its own processes end too | c r
out of memory (MemoryError) | again in a fresh process, then fails | c; test_scheduler each_way_to_fail
out of CUDA memory, poisoned context | again in a fresh process, then fails | c r; test_scheduler a_task_that_died
hang past `timeout`, deaf, in C, with processes of its own | ended with these, fails | c; test_scheduler each_way
memory growth | a new process in its place, on the same device, with time to start | c, a_process_put_in_place;
    test_scheduler a_process_that_grew_is_replaced
death between two tasks | costs none | test_scheduler a_process_that_dies_idle
death while an artefact is written, before or after it is published, before a row is in place | whole or absent | c s r;
    test_store a_worker_killed_while_it_writes
the sweep gets TERM, HUP, INT | exits 143, 129, 130 and leaves no process; slots are free | s r;
    test_scheduler a_sweep_that_is_stopped, test_sweep an_interrupted_sweep
the sweep is killed | its processes, and theirs, end at once | s r; test_scheduler a_sweep_that_is_stopped
disk full: artefact, claim, row, log, report, tracker | its cells fail in a sentence, as do all that write | d;
    test_store a_disk_that_fills_up, a_full_disk_is_found
read-only store | refused in a sentence before anything runs | d; test_store a_read_only_store
clock jumps | nothing: only monotonic clocks are asked | c; test_store whatever_the_clocks_say
restart of the machine (stale claims), a number given to another process | taken over at once | s;
    test_store another_process_with_the_number
another machine that went silent | taken over after a silence | s; test_store is_dead_after_a_silence
bits that changed | set aside, made again | test_store, test_sweep a_truncated_artefact
"""

from __future__ import annotations

import json
import os
import pickle
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import engine_tasks as jobs
import psutil
import pytest
from conftest import TESTS, environment
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from loky.process_executor import TerminatedWorkerError

from supreme.store import artefact
from supreme.store.files import Process
from supreme.sweep.devices.slots import find_slots
from supreme.sweep.executors.local.worker import Reply
from supreme.sweep.schedule.tasks import Event, Outcome, Started, Task
from tests.running import run

pytestmark = pytest.mark.timeout(900)  # up to six sweeps in a test; each has its own limit, which tells a hang

CELLS = ("method=neggrad", "model.widths=[4,8]", "recipe.epochs=1", "metric=[accuracy,membership,cost]", "devices=cpu")
SEEDS, DRAWS = 2, 6
ALL = (*CELLS, f"seed=range({SEEDS})", f"seeds.unlearn=range({DRAWS})")
FEW = (*CELLS, f"seed=range({SEEDS})", "seeds.unlearn=range(2)")

PLAN = re.compile(
    r"cells: (\d+), found: (\d+), to run: (\d+); models to train: (\d+) original and (\d+) reference \(planned"
)


@dataclass(frozen=True)
class Scene:
    """A folder in which sweeps run, and the faults that strike them."""

    folder: Path

    @property
    def outputs(self) -> Path:
        return self.folder / "outputs"

    def sweep(
        self,
        *arguments: str,
        faults: Mapping[str, Sequence[str]] | None = None,
        preexec_fn: Callable[[], None] | None = None,
        **more: str,
    ) -> subprocess.CompletedProcess[str]:
        """Run a sweep to its end, whatever that is; none of its processes lives on."""
        schedule = self.folder / "faults.json"
        schedule.write_text(json.dumps(faults or {}))
        for old in self.folder.glob("visits of *"):
            old.unlink()
        paths = [str(TESTS / "faulty"), environment()["PYTHONPATH"]]
        with (self.folder / "out").open("w+") as out, (self.folder / "err").open("w+") as err:
            process = subprocess.Popen(
                [sys.executable, "-m", "supreme", "-m", *arguments],
                cwd=self.folder,
                env=environment(PYTHONPATH=os.pathsep.join(paths), FAULTS=str(schedule), **more),
                stdout=out,  # no pipe: an orphan would keep it open
                stderr=err,
                preexec_fn=preexec_fn,
            )
            code = process.wait()
            told = [file.seek(0) or file.read() for file in (out, err)]
        done = subprocess.CompletedProcess(arguments, code, *told)
        deadline = time.monotonic() + 60.0
        while (left := self.alive()) and time.monotonic() < deadline:
            time.sleep(0.05)
        for process in left:
            process.kill()
        assert not left, f"{[process.cmdline() for process in left]} outlived the sweep"
        return done

    def alive(self) -> list[psutil.Process]:
        """Every process that a sweep here began, however far down."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("FAULTS") == str(self.folder / "faults.json"):
                    found.append(process)
            except psutil.Error:  # it ended, is a zombie, or is not ours
                continue
        return found

    def rows(self) -> dict[str, dict[str, Any]]:
        """All of each row but what was measured with a clock, and who computed it at whose command."""
        found = {}
        for path in (self.outputs / "rows").glob("*.json"):
            row = json.loads(path.read_text())
            del row["cost"], row["sha256"]
            row["provenance"] = {name: row["provenance"][name] for name in ("keys", "data_fingerprint", "versions")}
            for values in (row["metrics"], row["reference"], row["original"]):
                for column in [column for column in values if column.startswith("cost/")]:
                    del values[column]
            found[path.stem] = row
        return found

    def missing(self, of: Mapping[str, Mapping[str, Any]]) -> tuple[int, int, int, int, int]:
        """What the plan of a resume has to say: cells, found, to run, originals and references to train."""
        todo = [row for cell, row in of.items() if cell not in self.rows()]
        keys = [row["provenance"]["keys"] for row in todo]
        absent = {
            stage: {key[stage] for key in keys if not self.place(stage, key[stage]).exists()}
            for stage in ("original", "reference")
        }
        return len(of), len(of) - len(todo), len(todo), len(absent["original"]), len(absent["reference"])

    def place(self, stage: str, key: str) -> Path:
        return self.outputs / "store" / stage / key[:2] / key

    def check_store(self) -> dict[tuple[str, str], dict[str, str]]:
        """Every artefact is whole; returns the digests of what each holds, but of what was measured with a clock."""
        digests = {}
        for manifest in (self.outputs / "store").glob("*/??/*/"):
            stage, key = manifest.parts[-3], manifest.name
            assert artefact.flaw(manifest, stage, key, thorough=True) is None, manifest
            files = json.loads((manifest / "manifest.json").read_text())["files"]
            digests[stage, key] = {name: file["sha256"] for name, file in files.items() if name != artefact.RECORD}
        assert not (self.outputs / "store" / "corrupt").exists()
        return digests

    def left_behind(self) -> list[str]:
        """Leases, and whatever is half-written."""
        hidden = [path for path in self.outputs.rglob(".*") if path.name != ".told"]
        return sorted(str(path) for path in (*hidden, *(self.outputs / "store" / "claims").iterdir()))

    def resume(self, clean: Scene, *arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
        """The same command again computes what is missing and no more, and then all is as after a clean sweep."""
        seeds, draws = (
            int(re.search(rf" {name}=range\((\d)\)", " ".join(arguments))[1]) for name in ("seed", "seeds.unlearn")
        )
        rows = {
            cell: row for cell, row in clean.rows().items() if row["seed"] < seeds and row["seeds"]["unlearn"] < draws
        }
        self.check_store()
        missing = self.missing(rows)
        before = {path: path.stat().st_mtime_ns for path in (self.outputs / "rows").glob("*.json")}
        done = self.sweep(*arguments, **more)
        assert done.returncode == 0, done.stderr
        (plan,) = PLAN.findall(done.stderr)
        assert tuple(map(int, plan)) == missing
        assert {path: path.stat().st_mtime_ns for path in before} == before, "a row was made twice"
        assert self.rows() == rows
        digests, wanted = self.check_store(), clean.check_store()
        assert digests == {key: wanted[key] for key in digests}
        assert self.left_behind() == []
        return done

    def cells(self) -> set[tuple[int, int]]:
        """Seed and draw of every row."""
        return {(row["seed"], row["seeds"]["unlearn"]) for row in self.rows().values()}


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A sweep that nothing disturbs."""
    scene = Scene(tmp_path_factory.mktemp("clean"))
    done = scene.sweep(*ALL)
    assert done.returncode == 0, done.stderr
    assert len(scene.rows()) == SEEDS * DRAWS
    return scene


@pytest.fixture(scope="module")
def clean_few(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """The same of fewer cells."""
    scene = Scene(tmp_path_factory.mktemp("clean few"))
    done = scene.sweep(*FEW, preexec_fn=one_core)
    assert done.returncode == 0, done.stderr
    return scene


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def failures(done: subprocess.CompletedProcess[str]) -> dict[tuple[int, int], str]:
    """Why each cell failed, by seed and draw, from what people see at the end."""
    found = re.findall(r"^neggrad \S+ \S+ \S+ seed=(\d) seeds.unlearn=(\d)\n  why   (.*)$", done.stderr, re.MULTILINE)
    return {(int(seed), int(draw)): why for seed, draw, why in found}


@pytest.mark.exhaustive
def test_faults_in_cells_cost_these_cells_only(clean: Scene, scene: Scene) -> None:
    fails = {
        "unlearn cell 0 0": (["raises"], "RuntimeError: a fault"),
        "unlearn cell 0 1": (["raises_unpicklable"], "faults.UnreadableError: 1 and 2"),
        "unlearn cell 0 2": (["exits"], "the task called sys.exit(0)"),
        "write cell 0 3": (["segfaults", "runs_out_of_memory"], "Unable to allocate 512. MiB"),
        "unlearn cell 0 4": (["runs_out_of_cuda_memory"] * 2, "torch.OutOfMemoryError: CUDA out of memory"),
        "unlearn cell 0 5": (["hangs_deaf"], "no result after 30 s (timeout)"),
        "row cell 1 0": (["raises"], "RuntimeError: a fault"),
    }
    survives = {
        "rename cell 1 1": ["is_oom_killed"],
        "renamed cell 1 2": ["is_killed_with_children"],
        "row cell 1 3": ["segfaults"],
        "unlearn cell 1 4": ["clock_goes_ahead"],
        "end cell 1 4": ["grows"],
        "unlearn cell 1 5": ["clock_goes_back"],
    }
    faults = {place: how for place, (how, _) in fails.items()} | survives
    done = scene.sweep(*ALL, "timeout=30", faults=faults)
    assert done.returncode == 1
    told = failures(done)
    numbers = {place: (int(place[-3]), int(place[-1])) for place in fails}
    assert told.keys() == set(numbers.values())
    for place, (_, why) in fails.items():
        assert why in told[numbers[place]]
    for place, how in faults.items():
        assert (scene.folder / f"visits of {place}").stat().st_size >= len(how), f"{place}: never struck"
    assert scene.cells() == clean.cells() - told.keys()
    assert done.stderr.count("\nagain: ") == 5
    for group in Path("/sys/fs/cgroup/memory").glob("supreme-test-*"):
        with suppress(OSError):  # of another test that runs now
            group.rmdir()
    scene.resume(clean, *ALL)


def one_core() -> None:
    """One slot: half the processes to start. Not all tests that run at the same time on the same core."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[os.getpid() % len(cores)]})


@pytest.mark.exhaustive
def test_a_sweep_stopped_at_any_moment_goes_on_with_the_same_command(clean: Scene, scene: Scene) -> None:
    """Also after a restart of the machine, and though a machine that shares the store has gone silent."""
    stops = {
        "train original 0": ("sweep_is_killed", -signal.SIGKILL),
        "rename reference 0": ("sweep_gets_hup", 128 + signal.SIGHUP),
        "row cell 0 0": ("sweep_gets_term", 128 + signal.SIGTERM),
        "renamed cell 0 1": ("sweep_is_killed", -signal.SIGKILL),
    }
    command = (*CELLS, "seed=range(1)", "seeds.unlearn=range(4)")
    for place, (how, code) in stops.items():
        done = scene.sweep(*command, faults={place: [how]}, preexec_fn=one_core)
        assert done.returncode == code, done.stderr
        assert ("the same command goes on from here" in done.stderr) == (code > 0)
        scene.check_store()
    assert scene.cells() == {(0, 0)}
    me = Process.current()
    leave_claim(scene, clean, (0, 1), "row", replace(me, boot="an earlier start of the machine"))
    leave_claim(scene, clean, (0, 2), "unlearned", replace(me, born="1"))
    leave_claim(scene, clean, (0, 3), "unlearned", replace(me, host="elsewhere"))
    scene.resume(clean, *command, SILENCE_SECONDS="2", preexec_fn=one_core)


def leave_claim(scene: Scene, clean: Scene, cell: tuple[int, int], stage: str, owner: Process) -> None:
    """The claim of a worker that never released it."""
    row = next(row for row in clean.rows().values() if (row["seed"], row["seeds"]["unlearn"]) == cell)
    name = f"row-{row['cell']}" if stage == "row" else f"{stage}-{row['provenance']['keys'][stage]}"
    path = scene.outputs / "store" / "claims" / f"{name}.json"
    path.write_text(json.dumps({**asdict(owner), "token": "of another"}))


@pytest.fixture
def disk(scene: Scene) -> Iterator[Path]:
    """A small file system, in which the outputs lie."""
    scene.outputs.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(scene.outputs)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mount.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {mount.stderr.strip()}")
    yield scene.outputs
    subprocess.run(["umount", "--lazy", str(scene.outputs)], check=True)


@pytest.mark.exhaustive
def test_a_disk_that_is_full_or_read_only_is_told_in_sentences_and_loses_nothing(
    clean: Scene, scene: Scene, disk: Path
) -> None:
    """It is full while artefacts, rows, logs, reports and a tracker's notes are to be written, and a worker dies."""
    # the first cell that is done fills it, so there is a row of which the tracker cannot be told
    faults = {f"end cell {seed} {draw}": ["fills_the_disk"] for seed in (0, 1) for draw in (0, 1)}
    faults["begin cell 0 1"] = ["is_killed"]
    done = scene.sweep(*FEW, "tracker=csv", faults=faults, DISK=str(disk))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr, done.stderr
    told = failures(done)
    assert told.keys() == {(0, 0), (0, 1), (1, 0), (1, 1)} - scene.cells()
    assert len(told) >= 2
    assert all("the disk is full" in why for why in told.values()), told
    assert "tracker csv: runs not logged" in done.stderr
    (disk / "filler").unlink()
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    refused = scene.sweep(*FEW)
    assert refused.returncode == 1
    assert "Read-only file system" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    scene.resume(clean, *FEW, "tracker=csv")
    assert {path.stem for path in (disk / "tracking" / "csv" / "rows").iterdir()} == scene.rows().keys()


def test_a_process_put_in_place_of_one_that_had_grown_has_time_to_start(tmp_path: Path) -> None:
    """As the first one had; what it takes to import torch again is no fault of the next task."""
    calls = [(jobs.where, ()), (jobs.hoard, (400,)), (time.sleep, (6.5,))]
    tasks = [
        Task(
            key=str(number),
            label=str(number),
            function=function,
            arguments=arguments,
            needs=(),
            log=tmp_path / f"{number}.log",
            kind="cell",
        )
        for number, (function, arguments) in enumerate(calls)
    ]
    outcomes = run(tasks, find_slots("cpu", 1, 1, cores=1), timeout=5.0, locks=tmp_path)
    assert [outcome.status for outcome in outcomes] == ["done"] * 3


# Random schedules.

EXAMPLES = int(os.environ.get("FAULTS_EXAMPLES", "1"))
"""Of whole sweeps; CI has time for few."""

TASKS = [*(f"{stage} {seed}" for stage in ("original", "reference") for seed in range(SEEDS))]
TASKS += [f"cell {seed} {draw}" for seed in range(SEEDS) for draw in range(2)]
PLACES = {
    "original": ("begin", "train", "write", "rename", "renamed", "end"),
    "reference": ("begin", "train", "write", "rename", "renamed", "end"),
    "cell": ("begin", "unlearn", "write", "rename", "renamed", "row", "end"),
}
DEATHS = ("is_killed", "segfaults", "is_killed_with_children")
ENDS = {"sweep_gets_term": 143, "sweep_gets_hup": 129, "sweep_is_killed": -9}
RAISES = ("raises", "raises_unpicklable", "exits", "runs_out_of_cuda_memory")
places = st.sampled_from(TASKS).flatmap(
    lambda task: st.sampled_from(PLACES[task.split()[0]]).map(lambda place: f"{place} {task}")
)
faults_of_a_place = st.lists(st.sampled_from((*RAISES, *DEATHS, *ENDS)), min_size=1, max_size=2)


@pytest.mark.slow
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.generate,) if EXAMPLES < 10 else tuple(Phase),
    suppress_health_check=list(HealthCheck),
)
@given(faults=st.dictionaries(places, faults_of_a_place, min_size=2, max_size=5))
def test_after_any_schedule_of_faults_the_same_command_ends_in_the_rows_of_a_clean_sweep(
    clean_few: Scene, tmp_path_factory: pytest.TempPathFactory, faults: dict[str, list[str]]
) -> None:
    scene = Scene(tmp_path_factory.mktemp("scene"))
    done = scene.sweep(*FEW, faults=faults)
    ended = scene.cells() == {(seed, draw) for seed in range(SEEDS) for draw in range(2)}
    allowed = {0} if ended else {1}
    assert done.returncode in allowed | {ENDS[how] for hows in faults.values() for how in hows if how in ENDS}
    if done.returncode == 1:
        assert failures(done).keys() | scene.cells() == {(seed, draw) for seed in range(SEEDS) for draw in range(2)}
    scene.resume(clean_few, *FEW, preexec_fn=one_core)


FATES = {"ends": [""], "raises": ["raises"], "dies": ["dies", "dies"], "dies once": ["dies", ""]}
FATES |= {"is exhausted": ["exhausted"] * 2, "dies, then raises": ["dies", "raises"]}


@dataclass(frozen=True)
class World:
    """Stands for loky: processes that answer in any order, by what their tasks are fated to."""

    chance: random.Random
    running: list[tuple[Future[Reply], str, str]]
    tries: dict[str, int]
    _processes: dict[int, Any]

    def __call__(self, *_arguments: Any, **_options: Any) -> World:
        return self

    def submit(self, _execute: Any, payload: bytes, log: Path, header: str, *_more: Any) -> Future[Reply]:
        _, (key, fate) = pickle.loads(payload)
        with log.open("a") as file:  # by which it is known that the process came to it
            file.write(header + "\n")
        future: Future[Reply] = Future()
        number = self.tries[key] = self.tries.get(key, 0) + 1
        self.running.append((future, key, FATES[fate][number - 1]))
        return future

    def shutdown(self, **_options: Any) -> None:
        """Nothing to end: each answer stands by itself."""

    def answer(self) -> None:
        """Let one of those that run answer, if any does."""
        if not self.running:
            return
        future, key, what = self.running.pop(self.chance.randrange(len(self.running)))
        if what == "dies":
            future.set_exception(TerminatedWorkerError("The exit codes of the workers are {SIGKILL(-9)}"))
        elif what:
            future.set_result(Reply(error=what, spent=what == "exhausted"))
        else:
            future.set_result(Reply(value=pickle.dumps(key)))


@st.composite
def graphs(draw: st.DrawFn) -> list[tuple[str, list[int], list[int]]]:
    """For each task its fate, and the tasks before it that it needs and that it comes after."""
    found = []
    for number in range(draw(st.integers(1, 12))):
        earlier = st.lists(st.integers(0, number - 1), max_size=3, unique=True) if number else st.just([])
        found.append((draw(st.sampled_from(sorted(FATES))), draw(earlier), draw(earlier)))
    return found


def fated(key: str, fate: str) -> None:
    """Never called: the world knows what becomes of it."""


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(graph=graphs(), slots=st.integers(1, 4), chance=st.integers(0, 1000))
def test_whatever_becomes_of_tasks_what_follows_is_what_the_graph_says(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    graph: list[tuple[str, list[int], list[int]]],
    slots: int,
    chance: int,
) -> None:
    world = World(random.Random(chance), [], {}, {})
    monkeypatch.setattr("supreme.sweep.executors.local.process.ProcessPoolExecutor", world)
    tasks = [
        Task(
            key=str(number),
            label=str(number),
            function=fated,
            arguments=(str(number), fate),
            needs=tuple(map(str, needs)),
            after=tuple(map(str, after)),
            log=tmp_path / f"{number}.log",
            kind="cell",
        )
        for number, (fate, needs, after) in enumerate(graph)
    ]
    ended: set[str] = set()
    wrong: list[str] = []

    def on_event(event: Event) -> None:
        if isinstance(event, Outcome):
            ended.add(event.task.key)
        elif isinstance(event, Started) and not ended >= {*event.task.needs, *event.task.after}:
            wrong.append(event.task.key)

    over = threading.Event()

    def go_on() -> None:
        while not over.wait(0.0005):
            world.answer()

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        outcomes = run(tasks, find_slots("cpu", 1, 1, cores=slots), timeout=None, on_event=on_event, locks=tmp_path)
    finally:
        over.set()
        thread.join()
    assert wrong == [], "a task started before those it waits for had ended"
    expected: list[tuple[str, int]] = []
    for fate, needs, _ in graph:
        blocked = any(expected[need][0] != "done" for need in needs)
        well = FATES[fate][-1] == ""
        expected.append(("blocked", 0) if blocked else ("done" if well else "failed", len(FATES[fate])))
    assert [(outcome.status, outcome.attempts) for outcome in outcomes] == expected
    assert all(outcome.value == outcome.task.key for outcome in outcomes if outcome.status == "done")
    assert all(bool(outcome.error) == (outcome.status != "done") for outcome in outcomes)
    assert world.tries == {str(number): count for number, (_, count) in enumerate(expected) if count}
    assert len(ended) == len(tasks)
