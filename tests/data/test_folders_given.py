"""A path that cannot be read as a folder, given to the sources that read with a library."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from supreme.core import SupremeError
from supreme.core.registry import build
from tests.conf_files import CONF, node_of

SOURCES: dict[str, tuple[str, dict[str, Any]]] = {
    "hf": ("path", {}),
    "svhn": ("root", {}),
    "torch": ("root", {"dataset": "torchvision.datasets.ImageFolder"}),
}
PATHS = {
    "nothing": ("nope", r"there is no folder|holds nothing of"),
    "a file": ("file.txt", "file.txt is a file, and no folder"),
    "a loop of links": ("loop", "cannot be opened"),
    "a name that is too long": ("a" * 300, "cannot be opened"),
    "a NUL": ("x\0y", r"x\\x00y cannot be opened"),
    "a folder below a file": ("file.txt/x", "is a file, and no folder"),
    "a closed folder": ("closed", "cannot be opened"),
}


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("source", SOURCES)
def test_a_path_that_is_no_folder_is_told_with_what_to_type(tmp_path: Path, source: str, name: str) -> None:
    (tmp_path / "file.txt").write_text("hello")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "closed").mkdir(mode=0o000)
    (key, values), (path, told) = SOURCES[source], PATHS[name]
    if name == "a closed folder" and os.access(tmp_path / "closed", os.R_OK):
        pytest.skip("nothing is closed to this user")
    node = node_of(CONF / "data" / f"{source}.yaml") | {"data_dir": str(tmp_path)} | values
    with pytest.raises(SupremeError, match=told) as caught:
        build({**node, key: str(tmp_path / path)}, f"data {source}").files()
    assert f"data.{key}=" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_single_parquet_file_is_answered_with_its_folder(tmp_path: Path) -> None:
    (tmp_path / "train.parquet").touch()
    node = node_of(CONF / "data" / "hf.yaml") | {"data_dir": str(tmp_path), "path": str(tmp_path / "train.parquet")}
    with pytest.raises(SupremeError, match=f"type data.path={tmp_path}$"):
        build(node, "data hf").files()


def test_an_empty_path_is_not_the_working_folder() -> None:
    node = node_of(CONF / "data" / "hf.yaml") | {"data_dir": "d", "path": ""}
    with pytest.raises(SupremeError, match="path is empty"):
        build(node, "data hf")
