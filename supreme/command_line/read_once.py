"""Each composition of Hydra's reads some fifty files; a command composes three times, a sweep once for each method."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from hydra._internal.config_repository import ConfigRepository
from hydra.plugins.config_source import ConfigResult


@contextmanager
def config_files_read_once() -> Iterator[None]:
    """Inside, Hydra parses each file of a config once, and gets a copy of what it found there each time it asks."""
    read = ConfigRepository.load_config
    known: dict[tuple[object, ...], ConfigResult | None] = {}

    def load_config(repository: ConfigRepository, config_path: str) -> ConfigResult | None:
        where = *((source.provider, source.path) for source in repository.sources), config_path
        if where not in known:
            known[where] = read(repository, config_path)
        return copy.deepcopy(known[where])

    with patch.object(ConfigRepository, "load_config", load_config):
        yield
