"""Keys of Hydra's own that a run or a sweep of ours cannot honour: each is refused in a sentence."""

from __future__ import annotations

import logging
from typing import Any

from omegaconf import OmegaConf

from supreme.core import SupremeError

HOLDS_NO_ARITHMETIC = True  # so that no result depends on it: see supreme.store.fingerprint

HERE = "."
"""What conf/config.yaml gives for hydra.run.dir, hydra.sweep.dir and hydra.sweep.subdir."""


def refuse_in_run(hydra: Any) -> None:
    """Raise SupremeError for a key that a run of one cell cannot honour; `hydra` is Hydra's own part of its config."""
    _refuse_chdir(hydra)
    if not (_writes(hydra) or hydra.job_logging.get("handlers")):
        _refuse_empty("hydra.run.dir", hydra.run.dir)


def refuse_in_sweep(hydra: Any, launcher_is_ours: bool) -> None:
    """The same of a sweep of our sweeper.

    Args:
        launcher_is_ours: whether cells run on the executor of a launcher of ours.
    """
    _refuse_chdir(hydra)
    if not _writes(hydra):
        for key in ("dir", "subdir"):
            raw = OmegaConf.to_container(hydra.sweep, resolve=False)[key]  # type: ignore[index,call-overload]
            _refuse_empty(f"hydra.sweep.{key}", raw)
    for key in ("num", "id"):
        if not OmegaConf.is_missing(hydra.job, key):
            raise SupremeError(f"hydra.job.{key} is what the sweep counts its jobs by: leave it out")
    if hydra.sweeper.get("max_batch_size") is not None:
        raise SupremeError(
            "hydra.sweeper.max_batch_size is not needed: a cell starts as soon as a device is free; leave it out"
        )
    if launcher_is_ours:
        _refuse_variables(hydra)


def refuse_in_launch(hydra: Any) -> None:
    """The same of the jobs that a sweeper that is not ours hands to a launcher of ours."""
    _refuse_chdir(hydra)
    _refuse_variables(hydra)


def heed_verbose(verbose: Any) -> None:
    """Show in this process what `hydra.verbose` asks for: True, the name of a logger, or a list of them.

    Hydra has set the levels; but our config has none of its handlers, and our own loggers stand apart from the root.
    """
    if not verbose:
        return
    if verbose is True:
        logging.getLogger("supreme").setLevel(logging.DEBUG)
    logging.basicConfig(format="%(name)s: %(message)s")  # does nothing where hydra/hydra_logging gave a handler


def _refuse_chdir(hydra: Any) -> None:
    if hydra.job.chdir:
        raise SupremeError(
            "hydra.job.chdir=true is not allowed: relative paths count from the folder of the command, and results "
            "go to output_dir; leave it out, and type output_dir=... for another place"
        )


def _refuse_variables(hydra: Any) -> None:
    for name, value in hydra.job.env_set.items():
        raise SupremeError(
            f"hydra.job.env_set is not handed to workers: type {name}={value} before the command, which passes it on"
        )


def _writes(hydra: Any) -> bool:
    """Whether anything is written to Hydra's folders: its own files, or whatever its callbacks write."""
    return hydra.output_subdir is not None or bool(hydra.get("callbacks"))


def _refuse_empty(key: str, value: Any) -> None:
    if str(value) != HERE:
        raise SupremeError(
            f"{key}={value} would stay empty, for results go to output_dir: type output_dir={_folder(value)}; to keep "
            f"Hydra's own files there, add hydra.output_subdir=.hydra"
        )


def _folder(value: Any) -> str:
    return "..." if "${" in str(value) or not str(value) else str(value)
