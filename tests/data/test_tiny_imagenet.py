"""Tiny-ImageNet in a small copy of its layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from supreme.core import SupremeError
from supreme.data.tiny_imagenet import TinyImageNet
from tests.data.folders import photographs, picture

WNIDS = ("n02124075", "n01443537", "n09999999")
WORDS = {"n01443537": "goldfish, Carassius auratus", "n02124075": "crane", "n09999999": "crane, derrick", "n0": "a"}


def made(root: Path) -> Path:
    """Three classes of four training and two test photographs."""
    photographs(root, *(f"train/{wnid}/images" for wnid in WNIDS), count=4, ending=".JPEG")
    (root / "val" / "images").mkdir(parents=True)
    lines = []
    for number in range(6):
        picture(f"val{number}").save(root / "val" / "images" / f"val_{number}.JPEG")
        lines.append(f"val_{number}.JPEG\t{WNIDS[number % 3]}\t0\t0\t62\t62\n")
    (root / "val" / "val_annotations.txt").write_text("".join(lines))
    photographs(root, "test/images", ending=".JPEG")
    (root / "wnids.txt").write_text("".join(f"{wnid}\r\n" for wnid in WNIDS))
    (root / "words.txt").write_text("".join(f"{wnid}\t{words}\n" for wnid, words in WORDS.items()))
    return root


def source(root: Path, **changes: Any) -> TinyImageNet:
    values = {"image_size": 8, "train_per_class": 4, "test_per_class": 2, "validation_fraction": 0.25, "split_seed": 0}
    return TinyImageNet(root=str(root), **{**values, **changes})


def test_the_official_validation_images_test_and_labels_are_in_the_order_of_wnids(tmp_path: Path) -> None:
    data = source(made(tmp_path))()
    assert data.class_names == ("crane (n02124075)", "goldfish", "crane (n09999999)")
    assert (len(data.train), len(data.validation), len(data.test)) == (9, 3, 6)
    assert data.labels[data.test].tolist() == [0, 1, 2, 0, 1, 2]
    assert data.labels[:12].tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert data.file_names is not None
    assert data.file_names[12] == b"val/images/val_0.JPEG"


def without(name: str) -> Callable[[Path], object]:
    return lambda root: (root / name).unlink()


def an_archive(root: Path) -> None:
    (root / "wnids.txt").unlink()
    (root / "tiny-imagenet-200.zip").touch()


def a_class_less(root: Path) -> None:
    (root / "train" / WNIDS[0]).rename(root / "elsewhere")


def a_class_more(root: Path) -> None:
    (root / "train" / "n08").mkdir()


def annotations_of_another_class(root: Path) -> None:
    (root / "val" / "val_annotations.txt").write_text("val_0.JPEG\tn08\t0\n")


def words_of_others(root: Path) -> None:
    (root / "words.txt").write_text("n0\ta\n")


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (without("words.txt"), r"lacks words.txt\. Tiny-ImageNet is http.*unpack all of it"),
        (an_archive, r"lacks wnids.txt\. .*/tiny-imagenet-200.zip lies there and is not unpacked: .*zipfile -e"),
        (without("train/n01443537/images/0.JPEG"), r"3 photographs of n01443537 to train .* 4 .*train_per_class=null"),
        (without("val/images/val_1.JPEG"), r"do not name the same photographs: val_1.JPEG; unpack"),
        (a_class_less, r"train lacks the classes n02124075: unpack"),
        (a_class_more, r"train has, and wnids.txt lacks, the classes n08: unpack"),
        (annotations_of_another_class, r"val_annotations.txt, line 1, gives no class of wnids.txt"),
        (words_of_others, r"words.txt has no words for n02124075, n01443537, n09999999: unpack"),
    ],
)
def test_what_is_not_whole_is_refused_in_one_sentence(
    tmp_path: Path, damage: Callable[[Path], object], sentence: str
) -> None:
    root = made(tmp_path / "root")
    damage(root)
    with pytest.raises(SupremeError, match=sentence) as raised:
        source(root)()
    assert "\n" not in str(raised.value)


def test_a_folder_that_is_not_there_is_told_with_the_archive_beside_it(tmp_path: Path) -> None:
    (tmp_path / "tiny-imagenet-200.zip").touch()
    with pytest.raises(SupremeError, match=r"there is no folder .*/tiny-imagenet-200\. .*zip lies there and is not"):
        source(tmp_path / "tiny-imagenet-200").signature()
