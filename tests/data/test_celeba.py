"""CelebA as its authors publish it: lists in text files beside a folder of photographs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from supreme.core import SupremeError
from supreme.core.images import ImageData
from supreme.core.registry import build
from tests.conf_files import CONF, node_of

PEOPLE = ["7", "7", "9", "9", "4", "4", "5", "5"]
SMILES = [1, -1] * 4
PARTS = [0, 0, 0, 0, 1, 1, 2, 2]
NAMES = [f"{number:06}.jpg" for number in range(1, 9)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A CelebA of eight photographs of four people."""
    (tmp_path / "img_align_celeba").mkdir()
    for number, name in enumerate(NAMES):
        pixels = np.random.default_rng(number).integers(0, 256, (12, 10, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "img_align_celeba" / name)
    attributes = [f"{name}  1 {smile:2}" for name, smile in zip(NAMES, SMILES, strict=True)]
    (tmp_path / "list_attr_celeba.txt").write_text("\n".join(["8", "Male Smiling ", *attributes]))
    (tmp_path / "identity_CelebA.txt").write_text("".join(f"{n} {p}\n" for n, p in zip(NAMES, PEOPLE, strict=True)))
    (tmp_path / "list_eval_partition.txt").write_text("".join(f"{n} {p}\n" for n, p in zip(NAMES, PARTS, strict=True)))
    return tmp_path


def celeba(folder: Path, **values: Any) -> Any:
    node = node_of(CONF / "data" / "celeba.yaml") | {"root": str(folder), "image_size": 8, "decode_size": 8}
    return build({**node, **values}, "data celeba")


def test_an_attribute_is_the_label_a_person_the_group_and_the_split_is_the_authors(folder: Path) -> None:
    data: ImageData = celeba(folder)()
    assert data.class_names == ("not Smiling", "Smiling")
    assert data.labels.tolist() == [smile == 1 for smile in SMILES]
    assert data.groups is not None
    assert [data.group_names[number] for number in data.groups] == PEOPLE
    assert [data.train.tolist(), data.validation.tolist(), data.test.tolist()] == [[0, 1, 2, 3], [4, 5], [6, 7]]


def test_lists_as_kaggle_has_them_are_read_and_without_identities_there_are_no_groups(folder: Path) -> None:
    expected: ImageData = celeba(folder)()
    (folder / "identity_CelebA.txt").unlink()
    for name, header in (("list_attr_celeba", "image_id,Male,Smiling"), ("list_eval_partition", "image_id,partition")):
        lines = (folder / f"{name}.txt").read_text().splitlines()
        (folder / f"{name}.txt").unlink()
        kept = [",".join(line.split()) for line in lines if line.startswith("0")]
        (folder / f"{name}.csv").write_text("\n".join([header, *kept]))
    data: ImageData = celeba(folder)()
    assert (data.groups, data.labels.tolist()) == (None, expected.labels.tolist())


def cut(folder: Path, name: str, text: str, other: str) -> None:
    path = folder / name
    path.write_text(path.read_text().replace(text, other))


SPOILT: dict[str, tuple[Any, dict[str, Any], str]] = {
    "another attribute": (None, {"attribute": "Smilling"}, "did you mean Smiling. There are Male, Smiling"),
    "no folder": (None, {"root": "/nowhere"}, "no folder /nowhere.*type data.root"),
    "sizes": (None, {"image_size": 16}, "decode_size=8 is not allowed: give at least image_size=16"),
    "no photographs": (lambda at: (at / "img_align_celeba").rename(at / "img"), {}, "lacks img_align_celeba"),
    "a zip": (
        lambda at: ((at / "img_align_celeba").rename(at / "i"), (at / "img_align_celeba.zip").write_bytes(b"PK")),
        {},
        "is not unpacked",
    ),
    "no partition": (lambda at: (at / "list_eval_partition.txt").unlink(), {}, "lacks list_eval_partition.txt"),
    "a lost photograph": (lambda at: (at / "img_align_celeba" / NAMES[2]).unlink(), {}, "000003.jpg, which .*lacks"),
    "a lost person": (lambda at: cut(at, "identity_CelebA.txt", NAMES[1], "x"), {}, "000002.jpg, which .*lacks"),
    "a fourth part": (
        lambda at: cut(at, "list_eval_partition.txt", "jpg 2", "jpg 3"),
        {},
        "says of 000007.jpg none of",
    ),
    "no value": (lambda at: cut(at, "list_attr_celeba.txt", "1 -1", "1"), {}, "says of 000002.jpg none of 1, -1"),
    "a name twice": (lambda at: cut(at, "identity_CelebA.txt", NAMES[1], NAMES[0]), {}, "line 2, names a photograph"),
    "no text": (lambda at: (at / "identity_CelebA.txt").write_bytes(b"\xff\xfe\x00"), {}, "cannot be read as text"),
}


@pytest.mark.parametrize("case", SPOILT)
def test_what_is_not_celeba_is_told_in_one_sentence(folder: Path, case: str) -> None:
    spoil, values, told = SPOILT[case]
    if spoil is not None:
        spoil(folder)
    with pytest.raises(SupremeError, match=told) as caught:
        celeba(folder, **values).files()
    assert "\n" not in str(caught.value)
