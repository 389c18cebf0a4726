"""MLflow."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from supreme.core import Run, SupremeError

ID = "supreme.id"
"""The tag by which a run is found again: MLflow numbers runs itself."""


@dataclass(frozen=True, kw_only=True)
class MLflow:
    """A run of MLflow for each run. What is made again deletes what was there.

    Curves are the metrics `train/loss` and so on over epochs; columns are metrics, the config its parameters.
    """

    uri: str
    """Of the tracking server, or sqlite:///file. (MLflow 3 has given up plain folders.)"""
    experiment: str

    def __post_init__(self) -> None:
        needed = ("mlflow", "sqlalchemy", "alembic") if self.uri.startswith("sqlite:") else ("mlflow",)
        if missing := [name for name in needed if find_spec(name) is None]:
            raise SupremeError(f"the package {missing[0]} is missing; type pip install -e '.[mlflow]' in the clone")

    def __call__(self, run: Run, folder: Path) -> None:
        os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")  # it looks for git, and tells at length if there is none
        from mlflow.entities import Metric, Param
        from mlflow.tracking import MlflowClient

        folder.mkdir(parents=True, exist_ok=True)
        client, now = MlflowClient(self.uri), int(time.time() * 1000)
        found = client.get_experiment_by_name(self.experiment)
        experiment = found.experiment_id if found else client.create_experiment(self.experiment)
        earlier = client.search_runs([experiment], f"tags.`{ID}` = '{run.id}'")
        tags = {ID: run.id, "stage": run.stage}
        new = client.create_run(experiment, tags=tags, run_name=run.name).info.run_id
        metrics = [Metric(name, value, now, 0) for name, value in run.columns.items()]
        metrics += [Metric(name, value, now, epoch) for epoch, values in run.steps() for name, value in values.items()]
        for start in range(0, len(metrics), 1000):  # as many, and as long, as it takes at once
            client.log_batch(new, metrics=metrics[start : start + 1000])
        params = [Param(name, str(value)[:6000]) for name, value in run.config.items()]
        for start in range(0, len(params), 100):
            client.log_batch(new, params=params[start : start + 100])
        client.set_terminated(new)
        for old in earlier:
            client.delete_run(old.info.run_id)
