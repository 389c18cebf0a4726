"""Cells as Hydra's jobs: what its callbacks are told, and the files that it keeps of each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import hydra
import pytest
import yaml
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf, open_dict

from supreme.command_line.conf_folder import CONF
from supreme.core import SupremeError
from supreme.sweep.hydra_jobs import Job, Jobs
from supreme.sweep.schedule.tasks import Outcome, Retrying, Started, Task

JOBS = [
    Job(number=0, overrides=["method=ssd", "seed=0"], cell="a"),
    Job(number=4, overrides=["method=ssd", "seed=1"], cell="b"),
    Job(number=5, overrides=["seed=1", "method=ssd"], cell="b"),  # a search proposes the same point again
]
Launched = Callable[..., Any]


class Callbacks:
    """As Hydra's, with one callback that notes what it is told."""

    def __init__(self, listening: bool) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.callbacks = [self] if listening else []

    def on_job_start(self, *, config: Any, task_function: Any) -> None:
        self.told.append(("start", config.hydra.job.num, config.seed, HydraConfig.get().job.num, task_function))

    def on_job_end(self, *, config: Any, job_return: Any) -> None:
        self.told.append(("end", config.hydra.job.num, job_return.status.name, str(job_return._return_value)))
        assert job_return.task_name == "mine"
        assert "hydra" not in job_return.cfg
        assert list(job_return.hydra_cfg) == ["hydra"]


@pytest.fixture(scope="module")
def composed() -> tuple[Any, Any]:
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        config = hydra.compose("config", ["hydra.job.name=mine"], return_hydra_config=True)
        return config, GlobalHydra.instance().config_loader()


@pytest.fixture
def launched(composed: Any, tmp_path: Path) -> Launched:
    """A launcher as Hydra sets it up."""

    def make(listening: bool = True, **hydra_keys: Any) -> Any:
        config = composed[0].copy()
        with open_dict(config):
            config.hydra.overrides.hydra = [f"hydra.{key}={value}" for key, value in hydra_keys.items()]
            for key, value in {"sweep.dir": str(tmp_path / "runs"), **hydra_keys}.items():
                OmegaConf.update(config.hydra, key, value)
            config.hydra.overrides.hydra += [f"hydra.sweep.dir={tmp_path}/runs"]
        context = SimpleNamespace(config_loader=composed[1], callbacks=Callbacks(listening))
        return SimpleNamespace(hydra_context=context, config=config, task_function="the task")

    return make


def task(key: str) -> Task:
    return Task(key=key, label=key, function=print, arguments=(), needs=(), log=Path("log"), kind="cell")


def value(cell: str) -> float:
    if cell == "b":
        raise SupremeError("objective=x has no value here")
    return 0.5


def test_callbacks_hear_of_each_job_once_in_hydras_words(launched: Launched) -> None:
    launcher = launched()
    jobs = Jobs(launcher, JOBS, value)
    for event in (
        Started(task=task("original"), slot="cpu:0"),
        Started(task=task("a"), slot="cpu:0"),
        Retrying(task=task("a"), slot="cpu:0", reason="it died"),
        Started(task=task("a"), slot="cpu:0"),
        Outcome(task=task("a"), status="done"),
        Outcome(task=task("b"), status="done"),  # found in the meantime: it never started
    ):
        jobs(event)
    failed = "objective=x has no value here"
    assert launcher.hydra_context.callbacks.told == [
        ("start", 0, 0, 0, "the task"),
        ("end", 0, "COMPLETED", "0.5"),
        ("start", 4, 1, 4, "the task"),
        ("start", 5, 1, 5, "the task"),
        ("end", 4, "FAILED", failed),
        ("end", 5, "FAILED", failed),
    ]
    assert [one.status.name for one in jobs.returns()] == ["COMPLETED", "FAILED", "FAILED"]
    with pytest.raises(SupremeError, match=failed):
        _ = jobs.returns()[2].return_value
    assert not HydraConfig.initialized()


def test_a_job_that_failed_is_told_with_its_reason_and_nobody_listens_for_nothing(launched: Launched) -> None:
    launcher = launched(listening=False)
    jobs = Jobs(launcher, JOBS[:1], value)
    jobs(Outcome(task=task("a"), status="failed", error="RuntimeError: no"))
    (ended,) = jobs.returns()
    assert (ended.status.name, str(ended._return_value)) == ("FAILED", "RuntimeError: no")
    assert ended.overrides == ["method=ssd", "seed=0"]


def test_hydras_files_of_each_job_lie_where_they_are_asked_for_before_anything_runs(
    launched: Launched, tmp_path: Path
) -> None:
    launcher = launched(**{"output_subdir": ".hydra", "sweep.subdir": "${hydra.job.num}"})
    Jobs(launcher, JOBS, value).write_files()
    files = sorted(str(path.relative_to(tmp_path / "runs")) for path in (tmp_path / "runs").rglob("*.yaml"))
    assert files == [f"{job}/.hydra/{name}.yaml" for job in (0, 4, 5) for name in ("config", "hydra", "overrides")]
    folder = tmp_path / "runs" / "4" / ".hydra"
    assert yaml.safe_load((folder / "overrides.yaml").read_text()) == ["method=ssd", "seed=1"]
    assert yaml.safe_load((folder / "config.yaml").read_text())["seed"] == 1
    assert yaml.safe_load((folder / "hydra.yaml").read_text())["hydra"]["job"]["num"] == 4


def test_files_of_several_jobs_in_one_folder_are_refused(launched: Launched) -> None:
    launcher = launched(output_subdir=".hydra")
    with pytest.raises(
        SupremeError, match=r"hydra.sweep.subdir=\. puts Hydra's files of several cells into one folder"
    ):
        Jobs(launcher, JOBS, value).write_files()


def test_a_folder_that_cannot_be_written_is_told_before_anything_runs(launched: Launched, tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    launcher = launched(output_subdir=".hydra")
    with pytest.raises(
        SupremeError, match=r"^hydra.sweep.dir: .* cannot be written \(.*\); type another hydra.sweep.dir"
    ):
        Jobs(launcher, JOBS[:1], value).write_files()
    jobs = Jobs(launcher, JOBS[:1], value)
    jobs(Started(task=task("a"), slot="cpu:0"))  # callbacks alone: the cell is not lost
    assert launcher.hydra_context.callbacks.told


def test_without_callbacks_and_files_nothing_is_composed(launched: Launched) -> None:
    launcher = launched(listening=False)
    launcher.hydra_context.config_loader = None
    jobs = Jobs(launcher, JOBS, value)
    jobs.write_files()
    jobs(Started(task=task("a"), slot="cpu:0"))
    jobs(Outcome(task=task("a"), status="done"))
    assert [one.return_value for one in jobs.returns()] == [0.5]
