"""Weights & Biases."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

from supreme.core import Run, SupremeError
from supreme.core.validation import OneOf, bounded


@bounded
@dataclass(frozen=True, kw_only=True)
class WandB:
    """A run of W&B for each run, under the same id, so that what is made again takes the place of what was there.

    Curves are `train/loss` and so on over epochs; columns are its summary. Offline runs lie in
    outputs/tracking/wandb/wandb, and `wandb sync` sends them.
    """

    project: str
    entity: str | None
    """Whose project; null: as the account says."""
    group: str
    """Under which runs are gathered."""
    mode: Annotated[str, OneOf("offline", "online")]
    """offline, or online, which needs `wandb login` before."""

    def __post_init__(self) -> None:
        if find_spec("wandb") is None:
            raise SupremeError("the package wandb is missing; type pip install -e '.[wandb]' in the clone")

    def __call__(self, run: Run, folder: Path) -> None:
        import wandb

        for old in folder.glob(f"wandb/offline-run-*-{run.id}"):
            shutil.rmtree(old)
        folder.mkdir(parents=True, exist_ok=True)
        settings = wandb.Settings(
            console="off", silent=True, disable_git=True, disable_code=True, x_disable_stats=True, init_timeout=30
        )
        with wandb.init(
            project=self.project,
            entity=self.entity,
            group=self.group,
            mode=self.mode,  # type: ignore[arg-type]
            id=run.id,
            name=run.name,
            job_type=run.stage,
            config=dict(run.config),
            dir=folder,
            settings=settings,
        ) as logged:
            for epoch, values in run.steps():
                logged.log(values, step=epoch)
            logged.summary.update(dict(run.columns))
