"""A config file that several compositions need is parsed once, and what one composition changes no other sees."""

from __future__ import annotations

from typing import Any

import hydra
import pytest
from hydra._internal.sources_registry import SourcesRegistry

from supreme.cli import CONF
from supreme.command_line.read_once import config_files_read_once


def composed() -> list[object]:
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        return [hydra.compose("config", [f"method={method}", f"method.{field}=7"]) for method, field in WITH_FIELDS]


WITH_FIELDS = [("scrub", "lr"), ("ssd", "alpha"), ("scrub", "epochs"), ("ssd", "dampening")]


def test_every_composition_is_the_same_as_without_it() -> None:
    usual = composed()
    with config_files_read_once():
        assert composed() == usual


def test_no_file_is_parsed_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    source_of_files: Any = SourcesRegistry.instance().resolve("file")
    load = source_of_files.load_config

    def load_config(source: Any, config_path: str) -> object:
        parsed.append(f"{source.path}/{config_path}")
        return load(source, config_path)

    monkeypatch.setattr(source_of_files, "load_config", load_config)
    with config_files_read_once():
        composed()
    ours = [path for path in parsed if str(CONF) in path]
    assert len(ours) == len(set(ours)) > 20
