"""Hydra inside a process that is somebody else's: a notebook, a script, perhaps a Hydra app itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra import version
from hydra._internal.callbacks import Callbacks
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.core.singleton import Singleton
from hydra.core.utils import JobRuntime
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig, OmegaConf

from supreme.command_line.conf_folder import CONF
from supreme.command_line.refusals import in_sentences

_OF_AN_APP = (GlobalHydra, HydraConfig, JobRuntime, version.VersionBase)
"""What Hydra keeps for the one application that it takes a process for."""


@contextmanager
def hydra_here(config_directories: Sequence[Path] = ()) -> Iterator[Hydra]:
    """Hydra on our configs and on those of these folders; whatever the process has of Hydra is as before afterwards.

    Raises:
        SupremeError: in place of what Hydra raises inside.
    """
    kept = {kind: Singleton._instances.pop(kind, None) for kind in _OF_AN_APP}
    try:
        version.setbase("1.3")
        search_path = create_config_search_path(str(CONF))
        for folder in config_directories:
            search_path.prepend("command-line", f"file://{folder.resolve()}", anchor="schema")  # which must be last
        with in_sentences([]):
            yield Hydra.create_main_hydra2("supreme", search_path)
    finally:
        for kind, instance in kept.items():
            Singleton._instances.pop(kind, None)
            if instance is not None:
                Singleton._instances[kind] = instance


def composed(hydra: Hydra, words: Sequence[str], mode: RunMode = RunMode.RUN) -> DictConfig:
    """The config that these words of a command line make."""
    return hydra.compose_config("config", list(words), mode, with_log_configuration=False)


def method_of(hydra: Hydra, name: str) -> DictConfig:
    """What the YAML of a method says; only one that is put together from others takes a composition of everything."""
    loaded = hydra.config_loader.repository.load_config(f"method/{name}")  # type: ignore[attr-defined]
    own = loaded and not loaded.header.get("package") and all(part.is_self() for part in loaded.defaults_list or ())
    if own and "${" not in OmegaConf.to_yaml(loaded.config):
        return loaded.config
    return composed(hydra, [f"method={name}", "tuned=none"]).method


@contextmanager
def sweeper_of(hydra: Hydra, words: Sequence[str]) -> Iterator[tuple[Any, list[str]]]:
    """The sweeper of these words of a command line, and its arguments; Hydra's callbacks are told of the sweep."""
    config = composed(hydra, words, RunMode.MULTIRUN)
    callbacks = Callbacks(config)
    callbacks.on_multirun_start(config=config, config_name="config")
    context = HydraContext(config_loader=hydra.config_loader, callbacks=callbacks)
    sweeper = Plugins.instance().instantiate_sweeper(config=config, hydra_context=context, task_function=_one_cell)
    arguments: Any = OmegaConf.to_container(config.hydra.overrides.task, resolve=False)
    yield sweeper, arguments
    callbacks.on_multirun_end(config=config, config_name="config")


def _one_cell(config: DictConfig) -> Any:
    """What a launcher that is not ours runs in each of its jobs."""
    from supreme.sweep.single_cell import run_job

    return run_job(config)
