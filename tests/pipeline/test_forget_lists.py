"""Cells that forget what a file lists: what of the file is in their keys, and what their rows and card say of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import hydra
import pytest

from supreme.cli import CONF
from supreme.core import SupremeError
from supreme.pipeline import keys
from supreme.pipeline.cell import Cell
from supreme.report.page.card.components import _files
from tests.recorded_keys import composed

Resolved = Callable[..., Cell]


@pytest.fixture(scope="module")
def decoded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Resolved]:
    """A cell of the digits that forgets what a file lists, with all its keys."""
    folder = tmp_path_factory.mktemp("data")
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        yield lambda file, seed=0: composed(
            "scenario=indices", f'scenario.file="{file}"', f"seeds.forget={seed}"
        ).resolved(folder)


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    folder = tmp_path / "lists"
    folder.mkdir()
    for seed in (1, 2):
        (folder / f"seed_{seed}.csv").write_text(f"unlearn_idx\n{seed + 3}\n9\n")
    return folder


def test_each_forget_seed_has_the_list_that_bears_its_number(decoded: Resolved, lists: Path) -> None:
    first, second = (decoded(lists / "seed_{seed}.csv", seed) for seed in (1, 2))
    training = first.decoded.train
    assert first.split().forget.indices.tolist() == training[[4, 9]].tolist()
    assert second.split().forget.indices.tolist() == training[[5, 9]].tolist()
    assert first.nodes == second.nodes  # so the rows of all seeds are of one config
    assert first.id != second.id
    with pytest.raises(SupremeError, match=r"there is no file .*seed_3\.csv; did you mean seed_[12]\.csv"):
        decoded(lists / "seed_{seed}.csv", 3)


def test_a_pattern_is_that_of_given_models_with_seed_for_the_forget_seed(decoded: Resolved, lists: Path) -> None:
    assert decoded(lists / "seed_{forget}.csv", 1).split_digest == decoded(lists / "seed_{seed}.csv", 1).split_digest
    with pytest.raises(SupremeError, match=r"scenario\.file=.*\{sed\}.* has \{sed\}, and a path may hold \{seed\}"):
        decoded(lists / "seed_{sed}.csv", 1)


def test_a_list_that_is_moved_keeps_the_key_and_one_that_is_edited_does_not(decoded: Resolved, lists: Path) -> None:
    before = _keys(decoded(lists / "seed_{seed}.csv", 1))
    moved = lists.with_name("elsewhere")
    shutil.move(lists, moved)
    assert _keys(decoded(moved / "seed_{seed}.csv", 1)) == before
    edited = shutil.copytree(moved, lists.with_name("edited"))  # a process looks at a file of one name once
    (edited / "seed_1.csv").write_text("unlearn_idx\n4\n8\n")
    after = _keys(decoded(edited / "seed_{seed}.csv", 1))
    assert [name for name, key in after.items() if key != before[name]] == ["row", "reference"]


def _keys(cell: Cell) -> dict[str, str]:
    return {"row": cell.id, "reference": cell.key("reference"), "original": cell.key("original")}


def test_the_row_and_the_card_tell_which_file_was_read_and_its_digest(decoded: Resolved, lists: Path) -> None:
    cell = decoded(lists / "seed_{seed}.csv", 1)
    provenance = {"depends": keys.dependencies(cell)}
    row = {"config": dict(cell.nodes), "seeds": dict(cell.seeds), "provenance": provenance}
    (told,) = _files(row).items()
    assert told[0] == str(lists / "seed_1.csv")
    assert len(told[1]) == 64
    assert _files({**row, "config": {"scenario": {"fraction": 0.1}}}) == {}
