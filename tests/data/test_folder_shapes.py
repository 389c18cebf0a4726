"""Folders as people have them: each is read as its owner means it, or refused in one sentence with what to type."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from supreme.core import SupremeError
from supreme.data.files import read_image
from tests.data.folders import image_folder, photographs, picture

Build = Callable[[Path], Any]
"""Makes the folder; what it returns are values of the component."""


def flat(root: Path) -> None:
    photographs(root, "a", "b", count=5)


def flat_with_a_class_called_train(root: Path) -> None:
    photographs(root, "bus", "train", count=5)


def train_and_test(root: Path) -> None:
    photographs(photographs(root, "test/a", "test/b", count=1), "train/a", "train/b")


def train_val_and_test(root: Path) -> None:
    train_and_test(root)
    photographs(root, "val/a", "val/b", count=2)


def capitals(root: Path) -> None:
    photographs(photographs(root, "Testing/a", "Testing/b", count=1), "TRAIN/a", "TRAIN/b")
    photographs(root, "Valid/a", "Valid/b", count=2)


def train_and_validation(root: Path) -> None:
    photographs(photographs(root, "validation/a", "validation/b", count=1), "train/a", "train/b")


def what_systems_add(root: Path) -> None:
    train_and_test(root)
    photographs(root, "__MACOSX/train", ".git/a")
    (root / "train" / ".DS_Store").touch()
    (root / "README.md").touch()


def an_excluded_part(root: Path) -> dict[str, Any]:
    train_val_and_test(root)
    photographs(root, "unlabelled")
    return {"exclude": ["unlabelled"]}


def classes_that_are_links(root: Path) -> None:
    photographs(root / ".elsewhere", "x", "y", count=5)
    for name in "xy":
        (root / name).symlink_to(root / ".elsewhere" / name)


def photographs_that_are_links(root: Path) -> None:
    flat(root)
    for number in range(5):
        name = root / "a" / f"{number}.png"
        (root / ".objects").mkdir(exist_ok=True)
        name.rename(root / ".objects" / f"{number}")
        name.symlink_to(root / ".objects" / f"{number}")


def table_of_labels(root: Path) -> dict[str, Any]:
    photographs(root, "pictures", count=8)
    lines = "".join(
        f"pictures/{number}.png;{'old' if number % 2 else 'young'};p{number // 2}\r\n" for number in range(8)
    )
    (root / "labels.csv").write_bytes(b"\xef\xbb\xbf" + f"File;Label;Group\r\n{lines}".encode())
    return {"table": "labels.csv", "test_fraction": 0.25}


def table_with_a_split(root: Path) -> dict[str, Any]:
    photographs(root, "pictures", count=6)
    parts = ("train", "Train", "TEST", "test", "unused", "train")
    lines = (f"pictures\\{number}.png\t{number % 2}\t{part}\n" for number, part in enumerate(parts))
    (root / "labels.tsv").write_text(f"file\tlabel\tsplit\n{''.join(lines)}", encoding="utf-16")
    return {"table": str(root / "labels.tsv")}


def split_in_a_table(root: Path) -> dict[str, Any]:
    flat(root)
    parts = ("train", "train", "val", "test", "unused")
    lines = (f"{name}/{number}.png,{part}\n" for name in "ab" for number, part in enumerate(parts))
    (root / "splits.csv").write_text(f"file,split\n{''.join(lines)}")
    return {"split": "splits.csv"}


def split_in_lists(root: Path) -> dict[str, Any]:
    flat(root)
    (root.parent / "lists").mkdir()
    for part, numbers in {"train": (0, 1, 2), "test": (3, 4)}.items():
        lines = (f"{name}\\{number}\r\n" for name in "ab" for number in numbers)  # no ending, as Food-101's
        (root.parent / "lists" / f"{part}.txt").write_text("".join(lines), newline="")
    return {"split": str(root.parent / "lists")}


def one_class_folder_per_letter_case(root: Path) -> None:
    photographs(root, "a", "A", count=5)


TAKEN: dict[Build, tuple[list[str], tuple[int, int, int]]] = {
    flat: (["a", "b"], (6, 0, 4)),
    flat_with_a_class_called_train: (["bus", "train"], (6, 0, 4)),
    train_and_test: (["a", "b"], (6, 0, 2)),
    train_val_and_test: (["a", "b"], (6, 4, 2)),
    capitals: (["a", "b"], (6, 4, 2)),
    train_and_validation: (["a", "b"], (6, 0, 2)),
    what_systems_add: (["a", "b"], (6, 0, 2)),
    an_excluded_part: (["a", "b"], (6, 4, 2)),
    classes_that_are_links: (["x", "y"], (6, 0, 4)),
    photographs_that_are_links: (["a", "b"], (6, 0, 4)),
    table_of_labels: (["old", "young"], (6, 0, 2)),
    table_with_a_split: (["0", "1"], (3, 0, 2)),
    split_in_a_table: (["a", "b"], (4, 2, 2)),
    split_in_lists: (["a", "b"], (6, 0, 4)),
    one_class_folder_per_letter_case: (["A", "a"], (6, 0, 4)),
}


@pytest.mark.parametrize("build", TAKEN, ids=lambda build: build.__name__)
def test_a_folder_is_read_as_its_owner_means_it(build: Build, tmp_path: Path) -> None:
    class_names, sizes = TAKEN[build]
    (tmp_path / "root").mkdir()
    source = image_folder(tmp_path / "root", **(build(tmp_path / "root") or {}))
    data = source()
    assert list(data.class_names) == class_names
    assert (len(data.train), len(data.validation), len(data.test)) == sizes
    assert source.signature() == source.signature()


def beside(name: str) -> Build:
    def build(root: Path) -> None:
        train_and_test(root)
        photographs(root, name)

    return build


def a_test_folder_without_classes(root: Path) -> None:
    photographs(photographs(root, "train/a", "train/b"), "test")


def photographs_in_the_parts(root: Path) -> None:
    photographs(root, "train", "test")


def an_empty_part(root: Path) -> None:
    train_and_test(root)
    (root / "val").mkdir()


def two_names_of_one_part(root: Path) -> None:
    train_val_and_test(root)
    photographs(root, "valid/a", "valid/b")


def no_train(root: Path) -> None:
    photographs(root, "val/a", "val/b", "test/a", "test/b")


def train_only(root: Path) -> None:
    photographs(root, "train/a", "train/b")


def split_below_the_classes(root: Path) -> None:
    photographs(root, "a/train", "a/test", "b/train", "b/test")


def a_class_that_only_tests(root: Path) -> None:
    train_and_test(root)
    photographs(root, "test/c")


def a_class_in_other_capitals(root: Path) -> None:
    photographs(root, "train/Cat", "train/Dog", "test/cat", "test/Dog")


def a_class_that_is_never_tested(root: Path) -> None:
    train_and_test(root)
    photographs(root, "train/c")


def nested_archive_folder(root: Path) -> None:
    photographs(root / "download", "train/a", "train/b", "test/a", "test/b")


def deeper_folders(root: Path) -> None:
    photographs(root, "a/left", "a/right", "b")


def loose_photographs(root: Path) -> None:
    photographs(root, "a", "b", ".")


def a_dangling_class(root: Path) -> None:
    flat(root)
    (root / "c").symlink_to("nope")


def a_dangling_photograph(root: Path) -> None:
    flat(root)
    (root / "a" / "l.png").symlink_to("/nope/l.png")


def a_link_to_itself(root: Path) -> None:
    flat(root)
    (root / "c").symlink_to("c")


def a_class_that_is_the_folder_above(root: Path) -> None:
    flat(root)
    (root / "c").symlink_to(root)


def one_class_under_two_names(root: Path) -> None:
    flat(root)
    (root / "c").symlink_to("a")


def a_pipe(root: Path) -> None:
    flat(root)
    os.mkfifo(root / "a" / "9.png")


def a_link_to_a_device(root: Path) -> None:
    flat(root)
    (root / "a" / "9.png").symlink_to("/dev/zero")


def a_socket(root: Path) -> None:
    flat(root)
    with socket.socket(socket.AF_UNIX) as one:
        before = Path.cwd()
        os.chdir(root / "a")  # the path of a socket is short
        try:
            one.bind("9.jpg")
        finally:
            os.chdir(before)


def a_class_name_with_a_line_end(root: Path) -> None:
    photographs(root, "a", "b\nc")


def a_class_name_that_is_no_utf8(root: Path) -> None:
    photographs(root, "a", os.fsdecode(b"caf\xe9"))


def an_archive_only(root: Path) -> None:
    (root / "pictures.tar.gz").touch()


def a_folder_called_a_photograph(root: Path) -> None:
    photographs(root, "a", "b", "b/c.png")


REFUSED: dict[Build, str] = {
    beside("c"): r"holds test and train, with class .* beside them c: type data.exclude=\[c\] to take test and train",
    a_test_folder_without_classes: r"test holds photographs and no class folders, .* or type data.root=.*/train to do",
    photographs_in_the_parts: r"train holds no class folders: move each .* or give a table file,label",
    an_empty_part: r"val is empty: fill it or type data.exclude=\[val\]",
    two_names_of_one_part: r"holds val and valid, which both mean validation: .* data.exclude=\[valid\]",
    no_train: r"holds test and val and no train: add the folder train",
    train_only: r"folders where photographs are expected: .*; type data.root=.*/train$",
    split_below_the_classes: r"move each to where a split is looked for, test/a in place of a/test, so that",
    a_class_that_only_tests: r"test has classes that train lacks, c; add them to train or type data.exclude=\[c\]",
    a_class_in_other_capitals: r"test has classes that train lacks, cat; did you mean Cat\? Rename it",
    a_class_that_is_never_tested: r"test lacks classes that train has, c: add them, or type data.exclude=\[c\]",
    nested_archive_folder: r"type data.root=.*/download$",
    deeper_folders: r"a/left, .*a/right; move what they hold one level up if it is of that class",
    loose_photographs: r"photographs in no class folder: .*/0.png, .*; move each into one",
    a_dangling_class: r"/c is a link to nope, which is not there: mend it, or take it away",
    a_dangling_photograph: r"/l.png is a link to /nope/l.png, which is not there",
    a_link_to_itself: r"/c is a link to c, which cannot be reached \(Too many levels",
    a_class_that_is_the_folder_above: r"/c is a link to .*/root, which holds it: take the link away",
    one_class_under_two_names: r"two names of one folder, so that one class would be two: .*/a, .*/c; take one",
    a_pipe: r"no regular files but pipes, sockets or devices, which are never opened: .*/9.png; take them away",
    a_link_to_a_device: r"which are never opened: .*/9.png",
    a_socket: r"which are never opened: .*/9.jpg",
    a_class_name_with_a_line_end: r"names of classes that cannot be printed .*: b\\nc; rename them",
    a_class_name_that_is_no_utf8: r"names of classes that cannot be printed .*: caf\\udce9; rename them",
    an_archive_only: r"holds no class folders. .*/pictures.tar.gz lies there and is not unpacked: unpack it \(tar -xf",
    a_folder_called_a_photograph: r"folders where photographs are expected: .*/b/c.png; move",
}


@pytest.mark.parametrize("build", REFUSED, ids=lambda build: build.__name__)
def test_a_folder_that_could_be_meant_otherwise_is_refused_in_one_sentence(build: Build, tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    build(tmp_path / "root")
    with pytest.raises(SupremeError, match=REFUSED[build]) as raised:
        image_folder(tmp_path / "root").files()
    assert "\n" not in str(raised.value)


def test_people_of_a_table_are_the_groups_of_the_data(tmp_path: Path) -> None:
    data = image_folder(tmp_path, **table_of_labels(tmp_path))()
    assert data.groups is not None
    assert data.group_names == ("p0", "p1", "p2", "p3")
    assert data.groups.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


def test_exif_that_cannot_be_written_back_turns_the_picture_all_the_same(tmp_path: Path) -> None:
    orientation, resolution = struct.pack("<HHI2H", 0x112, 3, 1, 6, 0), struct.pack("<HHI4s", 0x11A, 2, 2, b"72\0\0")
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + orientation + resolution + bytes(4)
    picture("x").save(tmp_path / "plain.jpg")
    picture("x").save(tmp_path / "turned.jpg", exif=exif)
    plain, turned = (read_image(tmp_path / name, 8) for name in ("plain.jpg", "turned.jpg"))
    assert np.array_equal(turned, np.rot90(plain, -1, (1, 2)))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "PPM", "TIFF", "GIF", "DDS"])
def test_a_damaged_picture_is_read_or_named_whatever_its_decoder_raises(tmp_path: Path, kind: str) -> None:
    path, rng = tmp_path / "x.png", np.random.default_rng(0)
    picture("x").save(path, format=kind)
    whole = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    for _ in range(40):
        damaged = whole.copy()
        damaged[rng.integers(0, len(whole), 4)] = rng.integers(0, 256, 4)
        path.write_bytes(damaged[: rng.integers(1, len(whole) + 1)].tobytes())
        assert read_or_told(path) in ((3, 8, 8), path)


def read_or_told(path: Path) -> tuple[int, ...] | Path | str:
    """The shape of what is read; or the path, where one sentence names it; or what else is told."""
    try:
        return read_image(path, 8).shape
    except SupremeError as error:
        told = str(error)
    return path if str(path) in told and "\n" not in told else told
