"""What Hydra shows of a config (`--cfg job`, `--info config`, `--help`), with the preset that a run would use."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from hydra._internal.hydra import Hydra
from omegaconf import DictConfig, OmegaConf, open_dict

from supreme.sweep.plan.compose import plain_values
from supreme.sweep.plan.presets import preset_of

log = logging.getLogger(__name__)


@contextmanager
def as_a_run_would_have_it() -> Iterator[None]:
    """Inside, Hydra shows what runs use. It has no hook between composing a config and showing it."""
    compose = Hydra.compose_config

    def composed(hydra: Hydra, *arguments: Any, **keywords: Any) -> DictConfig:
        config = compose(hydra, *arguments, **keywords)
        if "method" in config:  # --hydra-help composes Hydra's part alone
            _add_preset(config, hydra.config_loader)
            _list_components(config, hydra.config_loader)
        return config

    with patch.object(Hydra, "compose_config", composed):
        yield


def _add_preset(config: DictConfig, loader: Any) -> None:
    presets, preset = preset_of(loader, config.hydra, plain_values(config))
    for note in presets.notes():
        log.info(note)
    with open_dict(config):
        for field, value in (preset.fields if preset else {}).items():
            OmegaConf.update(config, f"method.{field}", value, force_add=True)


def _list_components(config: DictConfig, loader: Any) -> None:
    """In the text of --help: the groups of which a user chooses, and not those whose files are of methods."""
    groups = sorted(set(loader.list_groups("")) - {"hydra", "search", "tuned"})
    options = {group: loader.get_group_options(group) for group in groups}
    lines = [f"{group}: {', '.join(sorted(found))}\n" for group, found in options.items() if found]
    lines.append("tuned: auto, none, or a preset of the method by its name (conf/tuned)\n")
    template = OmegaConf.to_container(config.hydra.help, resolve=False)["template"]  # type: ignore[index,call-overload]
    with open_dict(config.hydra):
        config.hydra.help.template = template.replace("$APP_CONFIG_GROUPS", "".join(lines))
