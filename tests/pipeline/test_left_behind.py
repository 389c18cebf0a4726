"""What a component leaves behind in its process is noticed and told, and moves no number of another cell."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import left_behind
import numpy as np
import psutil
import pytest
import slurm_cluster
import torch
from conftest import Run, command_line, environment
from left_behind import KINDS, LeavingMetric
from processes import within
from test_sweep import SMALL, rows

from supreme.core import SupremeError, seeds
from supreme.core.split import sealed_split
from supreme.data.digits import Digits
from supreme.pipeline import process_state
from supreme.pipeline.rows import measure
from supreme.scenarios.backdoor import Backdoor
from supreme.store.decoded import cache
from supreme.sweep.devices.slots import find_slots
from supreme.sweep.executors.local import leftovers
from supreme.sweep.schedule.tasks import Event, Outcome, Retrying, Task
from supreme.testing import tiny_evaluation
from tests.running import run

GROUPS = 4


@pytest.fixture(scope="module")
def told() -> dict[str, list[str]]:
    """What is told of each kind that is left in a process of its own."""
    command = [sys.executable, str(Path(left_behind.__file__))]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_left_behind_is_noticed_and_named(told: dict[str, list[str]], kind: str) -> None:
    named = KINDS[kind][1]
    assert any(named in text for text in told[kind]) if named else told[kind] == []


def test_a_call_that_leaves_nothing_is_not_told_and_a_change_is_undone() -> None:
    before = os.getcwd()
    with process_state.watching("it", object()) as watch:
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            torch.ones(2, 2) @ torch.ones(2, 2)
        import colorsys  # noqa: F401
    assert watch.left == []
    with process_state.watching("it", object()) as watch:
        os.chdir("/")
    assert watch.left == ["the working folder changed"]
    assert os.getcwd() == before


def test_a_module_that_went_before_a_call_is_not_told_of_as_left_by_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = ModuleType("somebodys_module")
    theirs.__file__ = str(tmp_path / "somebodys_module.py")
    monkeypatch.setitem(sys.modules, theirs.__name__, theirs)
    process_state.renew()
    del sys.modules[theirs.__name__]
    with process_state.watching("it", object()) as watch:
        pass
    assert watch.left == []
    monkeypatch.setitem(sys.modules, theirs.__name__, theirs)
    with process_state.watching("it", object()) as watch:
        sys.modules[theirs.__name__] = ModuleType(theirs.__name__)
    assert watch.left == ["the module somebodys_module replaced"]
    assert sys.modules[theirs.__name__] is theirs


def test_every_global_generator_is_seeded_for_a_component_and_put_back() -> None:
    def drawn() -> list[float]:
        return [random.random(), float(np.random.rand()), float(torch.rand(()))]

    with seeds.scoped(3):
        inside = drawn()
    before = random.getstate(), str(np.random.get_state()), torch.get_rng_state()
    with seeds.scoped(3):
        assert drawn() == inside
        np.random.set_bit_generator(np.random.PCG64(1))  # type: ignore[attr-defined]
    assert (random.getstate(), str(np.random.get_state())) == before[:2]
    assert torch.equal(torch.get_rng_state(), before[2])
    with seeds.scoped(4):
        assert not set(drawn()) & set(inside)


def test_a_metric_that_leaves_something_is_refused_in_a_sentence() -> None:
    with pytest.raises(SupremeError, match=r"metric leaving left numpy\.seterr changed: it must leave the process as"):
        measure({"leaving": LeavingMetric(kind="numpy_errors")}, tiny_evaluation())
    assert measure({"leaving": LeavingMetric(kind="seeds")}, tiny_evaluation())["values"] == {"leaving/one": 1.0}


def test_nobody_can_write_to_data_that_cells_share(tmp_path: Path) -> None:
    digits = Digits(image_size=8, train_per_class=20, validation_per_class=10, split_seed=0)
    data = cache.open(cache.prepare(digits, {"_target_": "supreme.data.digits.Digits"}, tmp_path))
    backdoor = Backdoor(fraction=0.1, count=None, target=0, size=3, value=1.0, known_fraction=1.0)
    poisoned = sealed_split(backdoor(data, np.random.default_rng(0)))
    for source in (data, poisoned.data):
        arrays = [source.labels, source.train, source.validation, source.test, source.pixels]
        for array in [
            *arrays[:-1],
            *(getattr(source.pixels, part) for part in ("base", "added") if source is not data),
        ]:
            if len(array):
                with pytest.raises(ValueError, match="read-only"):
                    array[:] = 0
                with pytest.raises(ValueError, match="WRITEABLE"):
                    array.flags.writeable = True
    past_numpy = f"""
import torch, warnings
from pathlib import Path
from supreme.store.decoded import cache
warnings.simplefilter("ignore")
torch.from_numpy(cache.open(next(path for path in Path({str(tmp_path)!r}).iterdir() if path.is_dir())).labels)[:] = 0
"""
    done = subprocess.run([sys.executable, "-c", past_numpy], env=environment(), check=False)
    assert done.returncode < 0, "the write has ended its process, and with it no other cell's labels are others"


def test_a_tensor_that_cells_share_is_noticed_when_it_is_changed_in_place() -> None:
    images = process_state.shared.share("the images on the device", torch.zeros(8, 3, 4, 4, dtype=torch.uint8))
    for change in (lambda: images.add_(1), lambda: images.data.add_(1)):
        with process_state.watching("it", object()) as watch:
            change()
        assert watch.left == ["the images on the device changed in place"]
    with process_state.watching("it", object()) as watch:
        images.float().add_(1)
    assert watch.left == []


def test_semaphores_of_dead_processes_are_swept_and_those_of_others_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    monkeypatch.setattr(leftovers, "SEMAPHORES", tmp_path)
    (tmp_path / f"sem.loky-{dead.pid}-abc").touch()
    kept = {tmp_path / f"sem.loky-{os.getpid()}-abc", tmp_path / "sem.other-1-x"}
    for path in kept:
        path.touch()
    leftovers.sweep_leftovers()
    assert set(tmp_path.iterdir()) == kept


# In workers.


def _task(tmp_path: Path, number: int, function: Any, *arguments: Any) -> Task:
    """Each waits for the one before."""
    return Task(
        key=str(number),
        label=str(number),
        function=function,
        arguments=arguments,
        needs=(),
        after=(str(number - 1),) if number else (),
        log=tmp_path / f"{number}.log",
        kind="cell",
    )


def _run(tmp_path: Path, *calls: tuple[Any, ...]) -> tuple[list[Outcome], list[Event]]:
    events: list[Event] = []
    tasks = [_task(tmp_path, number, *call) for number, call in enumerate(calls)]
    return run(tasks, find_slots("cpu", 1, 1, 1), timeout=200, on_event=events.append, locks=tmp_path), events


@pytest.mark.slow
def test_a_worker_in_which_anything_was_left_is_given_no_other_task(tmp_path: Path) -> None:
    outcomes, events = _run(
        tmp_path,
        (left_behind.own_pid,),
        (left_behind.own_pid,),
        (left_behind.watched, "numpy_errors"),
        (left_behind.own_pid,),
        (left_behind.watched, "cross_entropy", "raise"),
        (left_behind.own_pid,),
        (left_behind.unwatched, "layer"),
        (left_behind.own_pid,),
        (left_behind.fails_where, "default_dtype", str(tmp_path / "once")),
    )
    pids = [outcome.value for outcome in outcomes]
    assert pids[0] == pids[1] == pids[2]
    assert len({pids[2], pids[3], pids[5], pids[7], pids[8]}) == 5
    assert pids[5] == pids[6]
    assert [outcome.attempts for outcome in outcomes] == [1] * 8 + [2]
    assert outcomes[4].error == "RuntimeError: after it has left something"
    assert [type(event) for event in events if isinstance(event, Retrying)] == [Retrying]
    assert "given no other task: torch.nn.modules.linear.Linear.forward replaced" in (tmp_path / "6.log").read_text()


def _sleeping(folder: Path) -> list[psutil.Process]:
    """Those of `sleep` that processes of this test have started, and not of one that runs at the same time."""
    found = psutil.process_iter(["name", "environ"])
    return [one for one in found if one.info["name"] == "sleep" and str(folder) in (one.info["environ"] or {}).values()]


@pytest.mark.slow
def test_what_a_task_has_started_ends_with_its_worker_in_any_session_and_though_it_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STARTED_BY", str(tmp_path))
    outcomes, _ = _run(
        tmp_path,
        (left_behind.watched, "daemon", "die"),
        (left_behind.watched, "process", "die"),
        (left_behind.unwatched, "daemon"),
    )
    assert [outcome.status for outcome in outcomes] == ["failed", "failed", "done"]
    assert within(60, lambda: not _sleeping(tmp_path))


# Real sweeps.


def _sweep(folder: Path, conf: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """On one slot, so that one cell comes after the other."""
    return command_line("--config-dir", str(conf), "-m", *arguments, *SMALL, cwd=folder, timeout=580)


@pytest.fixture(scope="module")
def conf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`--config-dir` with methods that leave every kind behind, several at once."""
    folder = tmp_path_factory.mktemp("conf")
    for group in ("method", "scenario"):
        (folder / group).mkdir()
    for number in range(GROUPS):
        kinds = ", ".join(list(KINDS)[number::GROUPS])
        _method(folder, f"leaves{number}", f"Leaves\nkinds: [{kinds}]\nraises: false")
    _method(folder, "patches", "Leaves\nkinds: [cross_entropy]\nraises: false")
    _method(folder, "draws", "Draws")
    _method(folder, "writes", "Writes")
    _method(folder, "leaves_then_raises", "Leaves\nkinds: [default_dtype]\nraises: true")
    (folder / "scenario" / "leaving.yaml").write_text("_target_: left_behind.LeavingScenario\nkind: numpy_errors\n")
    return folder


def _method(folder: Path, name: str, content: str) -> None:
    (folder / "method" / f"{name}.yaml").write_text(f"_target_: left_behind.{content}\n")


PUT_BACK = {"autocast"}
"""What the stage around a method puts back itself, so that nothing is left."""

INNOCENT = "draws,neggrad,finetune"


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory, conf: Path) -> Path:
    folder = tmp_path_factory.mktemp("clean")
    done = _sweep(folder, conf, f"method={INNOCENT}", "seed=range(2)")
    assert done.returncode == 0, done.stderr
    assert "again:" not in done.stderr
    assert not [log for log in (folder / "outputs" / "logs").glob("*.log") if "no other task" in log.read_text()]
    return folder / "outputs"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_no_kind_of_what_methods_leave_behind_moves_a_value_of_another_cell(
    clean: Path, conf: Path, tmp_path: Path
) -> None:
    leaving = ",".join(f"leaves{number}" for number in range(GROUPS))
    done = _sweep(tmp_path, conf, f"method={leaving},{INNOCENT}", "seed=0")
    assert done.returncode == 0, done.stderr
    found, wanted = rows(tmp_path / "outputs"), rows(clean)
    innocent = {cell: row for cell, row in found.items() if cell in wanted}
    assert len(innocent) == 3
    assert innocent == {cell: wanted[cell] for cell in innocent}
    written = [json.loads(path.read_text()) for path in (tmp_path / "outputs" / "rows").glob("*.json")]
    notes = {row["method"]: row["notes"] for row in written}
    for number in range(GROUPS):
        for kind in list(KINDS)[number::GROUPS]:
            named = KINDS[kind][1]
            assert not named or kind in PUT_BACK or any(named in note for note in notes[f"leaves{number}"]), (
                kind,
                notes,
            )
    assert not any(notes[method] for method in INNOCENT.split(","))
    assert "leaves0: left " in done.stdout


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_methods_that_fail_after_they_have_changed_the_process_cost_their_own_cells(
    clean: Path, conf: Path, tmp_path: Path
) -> None:
    done = _sweep(tmp_path, conf, "method=leaves_then_raises,writes,neggrad", "seed=0")
    assert done.returncode == 1
    assert "again:" not in done.stderr
    assert "after it has left something" in done.stderr
    assert "ValueError: assignment destination is read-only" in done.stderr
    found, wanted = rows(tmp_path / "outputs"), rows(clean)
    assert len(found) == 1
    assert found == {cell: wanted[cell] for cell in found}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("alone", "swept"), [("patches", "patches"), pytest.param("leaves0", "leaves1", marks=pytest.mark.exhaustive)]
)
def test_a_run_alone_and_other_launchers_go_on_in_a_fresh_process(
    clean: Path, conf: Path, tmp_path: Path, supreme: Run, alone: str, swept: str
) -> None:
    done = supreme("--config-dir", str(conf), f"method={alone}", "seed=0", *SMALL)
    assert done.returncode == 0, done.stderr
    assert "the rest is done in a fresh process" in done.stderr
    done = supreme("--config-dir", str(conf), "-m", f"method={swept},neggrad", "seed=0", "hydra/launcher=basic", *SMALL)
    assert done.returncode == 0, done.stderr
    found, wanted = rows(tmp_path / "outputs"), rows(clean)
    assert len(found) == len({alone, swept, "neggrad"})
    common = found.keys() & wanted.keys()
    assert {cell: found[cell] for cell in common} == {cell: wanted[cell] for cell in common} != {}


@pytest.mark.slow
@pytest.mark.exhaustive
@pytest.mark.timeout(600)
@pytest.mark.parametrize("launcher", ["slurm", "ray"])
def test_on_a_cluster_too_a_patched_loss_moves_no_value_of_another_cell(
    launcher: str, clean: Path, conf: Path, tmp_path: Path, supreme: Run
) -> None:
    arguments = ["--config-dir", str(conf), "-m", f"method=patches,{INNOCENT}", "seed=0", *SMALL]
    arguments += [f"hydra/launcher={launcher}", "devices=cpu"]
    if launcher == "ray":
        pytest.importorskip("ray", reason="Ray is not installed: pip install -e '.[ray]'")
        done = supreme(*arguments, f"hydra.launcher.cpus_per_job={os.cpu_count()}", timeout=500)
    elif missing := slurm_cluster.why_not():
        pytest.skip(missing)
    else:
        more = ["hydra.launcher.gpus_per_job=1", "hydra.launcher.max_running=1", "hydra.launcher.poll_seconds=0.5"]
        with slurm_cluster.cluster() as variables:
            done = supreme(*arguments, *more, timeout=500, **variables)
    assert done.returncode == 0, done.stderr
    found, wanted = rows(tmp_path / "outputs"), rows(clean)
    assert len(found) == 4
    common = found.keys() & wanted.keys()
    assert len(common) == 3
    assert {cell: found[cell] for cell in common} == {cell: wanted[cell] for cell in common}
    assert "torch.nn.functional.cross_entropy replaced" in done.stdout


@pytest.mark.slow
def test_a_scenario_that_leaves_something_is_refused_in_planning(conf: Path, supreme: Run) -> None:
    done = supreme("--config-dir", str(conf), "scenario=leaving", "dry_run=true", *SMALL)
    assert done.returncode == 1
    assert "scenario leaving left numpy.seterr changed: it must leave the process as it found it" in done.stderr
    assert "Traceback" not in done.stderr
