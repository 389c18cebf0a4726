"""Hydra's own entry, on our configs: what is typed is in `sys.argv`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from supreme.command_line.conf_folder import CONF

if TYPE_CHECKING:
    from omegaconf import DictConfig


def run_hydra() -> None:
    """Run the cell, or have a sweeper run the sweep, that the command line asks for."""
    import hydra

    from supreme.command_line.read_once import config_files_read_once

    base = {"version_base": "1.3"} if hydra.__version__.startswith("1.3.") else {}  # from 1.4 on there is no other
    with config_files_read_once():
        hydra.main(config_path=str(CONF), config_name="config", **base)(_run_job)()


def _run_job(config: DictConfig) -> Any:
    from supreme.sweep.single_cell import run_job

    return run_job(config)
