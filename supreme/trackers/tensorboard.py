"""TensorBoard, by the files that it reads."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from supreme.core import Run, SupremeError


@dataclass(frozen=True, kw_only=True)
class TensorBoard:
    """A folder `<stage>-<id>` for each run: `tensorboard --logdir outputs/tracking/tensorboard`.

    Curves are `train/loss` and so on over epochs; columns have the one step 0; the config is that of its HPARAMS page.
    It keeps 32 bits of a number.
    """

    def __post_init__(self) -> None:
        if find_spec("tensorboard") is None:
            raise SupremeError("the package tensorboard is missing; type pip install -e '.[tensorboard]' in the clone")

    def __call__(self, run: Run, folder: Path) -> None:
        from tensorboard.compat.proto.event_pb2 import Event  # type: ignore[attr-defined]
        from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[attr-defined]
        from tensorboard.plugins.hparams.summary_v2 import hparams_pb  # its `api` asks for TensorFlow
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        def add(summary: Summary, step: int = 0) -> None:
            writer.add_event(Event(wall_time=time.time(), step=step, summary=summary))

        def scalars(values: Mapping[str, float]) -> Summary:
            return Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()])

        place, new = folder / f"{run.stage}-{run.id}", folder / ".new"
        shutil.rmtree(new, ignore_errors=True)
        writer = EventFileWriter(str(new))
        config = {name: "" if value is None else value for name, value in run.config.items()}
        add(hparams_pb(config, trial_id=run.id))
        add(scalars(run.columns))
        for epoch, values in run.steps():
            add(scalars(values), epoch)
        writer.close()
        shutil.rmtree(place, ignore_errors=True)
        os.replace(new, place)
