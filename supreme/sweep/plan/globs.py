"""What a `glob(*)` stands for: every choice of a group that needs no more to be said."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache
from typing import Any

from hydra.core.override_parser.types import Glob, Override
from omegaconf import OmegaConf

log = logging.getLogger(__name__)


def without_what_lacks_values(
    jobs: Sequence[Sequence[str]], parsed: Sequence[Override], hydra_context: Any
) -> list[list[str]]:
    """The jobs without those whose choice a glob found and whose YAML leaves a value to the user, who gives none.

    So method=glob(*) does without `given`, which is nothing without a file; method=given alone is refused for it.
    """
    globbed = {one.key_or_group for one in parsed if isinstance(one.value(), Glob)}
    if not globbed:
        return [list(job) for job in jobs]

    @cache
    def lacking(group: str, name: str) -> frozenset[str]:
        found = hydra_context.config_loader.repository.load_config(f"{group}/{name}")
        if found is None or not OmegaConf.is_dict(found.config):
            return frozenset()
        config: Any = found.config
        return frozenset(f"{group}.{field}" for field in config if OmegaConf.is_missing(config, field))

    kept: list[list[str]] = []
    left_out: dict[str, frozenset[str]] = {}
    for job in jobs:
        given = {word.partition("=")[0] for word in job}
        choices = [word for word in job if word.partition("=")[0] in globbed]
        missing = {word: lacking(*word.split("=", 1)) - given for word in choices}
        if any(missing.values()):
            left_out |= {word: fields for word, fields in missing.items() if fields}
        else:
            kept.append(list(job))
    for word, fields in left_out.items():
        log.info("left out %s, which needs %s=...", word, " and ".join(sorted(fields)))
    return kept
