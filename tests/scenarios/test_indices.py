"""Lists of what to forget: the forms in which others store them, what is refused, and in which words."""

import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save

from supreme.core import Split, SupremeError
from supreme.core.images import ImageData
from supreme.data.finish import finish
from supreme.data.partition import Partition
from supreme.scenarios.indices import Indices

FILES = [f"{name}/{number:03}.png" for name in ("cat", "dog", "ü x") for number in range(20)]


def made(*, files: bool = False, official: int = 50, validating: bool = True) -> ImageData:
    """60 images: the last 10 test, and each tenth of the others validates. Labels go 0, 1, 2, 0, ... or by file."""
    train = np.arange(50)
    held = train[train % 10 == 9] if validating else train[:0]
    return finish(
        pixels=np.random.default_rng(0).integers(0, 256, (60, 3, 4, 4), dtype=np.uint8),
        labels=np.arange(60) // 20 if files else np.arange(60) % 3,
        class_names=("cat", "dog", "ü x"),
        partition=Partition(np.setdiff1d(train, held), held, np.arange(50, 60)),
        image_size=4,
        official_train=official,
        file_names=FILES if files else None,
    )


DATA, PHOTOGRAPHS = made(), made(files=True)
PLAIN = {"positions_in": "train", "first": 0, "key": None, "column": None, "highest": None, "lowest": None}


def forgotten(path: Path, content: bytes | str | None, data: ImageData, **values: Any) -> Split:
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return Indices(file=str(path), **{**PLAIN, **values})(data, np.random.default_rng(0))


def written(write: Callable[[io.BytesIO], Any]) -> bytes:
    file = io.BytesIO()
    write(file)
    return file.getvalue()


def npy(array: Any, **options: Any) -> bytes:
    return written(lambda file: np.save(file, array, **options))


def npz(**arrays: Any) -> bytes:
    return written(lambda file: np.savez(file, **arrays))


def pt(value: Any) -> bytes:
    return written(lambda file: torch.save(value, file))


def text(values: np.ndarray, form: str) -> str:
    return written(lambda file: np.savetxt(file, values, fmt=form)).decode()


LISTED = [3, 7, 12]
MASK = np.isin(np.arange(50), LISTED)
SCORES = np.where(MASK, 0.9, np.arange(50) / 100)

PUBLISHED = {
    "AMUN": ("seed_1.csv", "unlearn_idx\n3\n7\n12\n", {}),
    "SCAR and DUCK": ("a.txt", text(np.array(LISTED), "%.18e"), {}),
    "MU-Bench, positions": ("a.txt", text(np.array(LISTED), "%d"), {}),
    "MU-Bench, one truth for each image": ("a.txt", "".join(f"{one}\n" for one in MASK), {}),
    "deepunlearn": ("forgets.npy", npy(np.array(LISTED)), {}),
    "data-unlearning-bench": ("a.npz", npz(forget_set_indices=LISTED, retain_set_indices=[1]), {}),
    "Ruli": ("a.pt", pt({"vulnerable": torch.tensor(LISTED), "remaining": torch.tensor([1])}), {"key": "vulnerable"}),
    "Ruli, numpy": ("a.pt", pt({"vulnerable": np.array(LISTED), "remaining": [1]}), {"key": "vulnerable"}),
    "Unlearn-WorstCase": ("w.pt", pt({"state": {"w": torch.tensor(SCORES)}}), {"key": "state.w", "highest": 3}),
    "RUM": ("mem.npz", npz(memorization=-SCORES), {"lowest": 3}),
}
OTHERS = {
    "a column that pandas numbered": ("a.csv", ",forget_idx\n0,7\n1,3\n2,12\n", {}),
    "Excel, semicolons": ("a.csv", "\ufeffidx;name\r\n3;a\r\n7;b\r\n12;c\r\n", {}),
    "Excel, told what divides": ("a.csv", "sep=;\nlabel;index\n1;3\n1;7\n1;12\n", {}),
    "Excel, Unicode text": ("a.txt", "3\r\n7\r\n12\r\n".encode("utf-16"), {}),
    "tabs": ("a.tsv", "a\tb\n3\t1\n7\t1\n12\t1\n", {"column": "a"}),
    "a column by number": ("a.csv", "a,b\n3,1\n7,1\n12,1\n", {"column": 0}),
    "no header": ("a.csv", "1,3\n1,7\n1,12\n", {"column": 1}),
    "a comma too many": ("a.csv", "3,\n7,\n12,\n", {}),
    "one line": ("a.csv", "3, 7,12", {}),
    "comments and empty lines": ("a.txt", "# of 50\n\n3\n\n7\n12\n\n", {}),
    "no suffix": ("forget_idx", "3 7 12", {}),
    "a Python list": ("a.txt", "[3, 7, 12]\n", {}),
    "ones and zeros": ("a.txt", "".join(f"{one:d}\n" for one in MASK), {}),
    "JSON": ("a.json", json.dumps({"forget": LISTED, "retain": [1]}), {}),
    "JSON, one list for each seed": ("a.json", json.dumps([[1], LISTED]), {"key": 1}),
    "JSON, nested": ("a.json", json.dumps({"cifar": {"5": LISTED, "6": [1]}}), {"key": "cifar.5"}),
    "JSON, records": ("a.json", json.dumps([{"index": one, "label": 1} for one in LISTED]), {}),
    "a truth for each image": ("a.npy", npy(MASK), {}),
    "floats": ("a.npy", npy(np.array(LISTED, dtype=np.float32)), {}),
    "small integers": ("a.npy", npy(np.array(LISTED, dtype=np.uint8)), {}),
    "a column of an array": ("a.npy", npy(np.array([[1, 3], [1, 7], [1, 12]])), {"column": 1}),
    "an array of one column": ("a.npy", npy(np.array([[3], [7], [12]])), {}),
    "a set": ("a.pt", pt(set(LISTED)), {}),
    "numbers of numpy": ("a.pt", pt([np.int64(one) for one in LISTED]), {}),
    "safetensors": ("a.safetensors", save({"forget": np.array(LISTED)}), {}),
    "counted from 1": ("a.txt", "4\n8\n13\n", {"first": 1}),
    "counted in the source": ("a.txt", "3\n7\n12\n", {"positions_in": "source"}),
}


@pytest.mark.parametrize("form", [*PUBLISHED, *OTHERS])
def test_every_form_of_a_list_forgets_the_same_images(form: str, tmp_path: Path) -> None:
    name, content, values = {**PUBLISHED, **OTHERS}[form]
    split = forgotten(tmp_path / name, content, DATA, **values)
    assert split.forget.indices.tolist() == LISTED
    assert len(split.retain) == 42
    assert len(split.forget_test) == 0
    assert split.forget_classes == ()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", "cat/003.png\ndog/002.png\n"),
        ("a.txt", ".\\cat\\003.png\r\n/elsewhere/data/dog/002.png\r\n"),
        ("a.csv", "file,label\ncat/003.png,cat\ndog/002.png,dog\n"),
        ("a.csv", '"cat/003.png"\n"dog/002.png"\n'),
        ("a.json", '{"forget": ["cat/003.png", "dog/002.png"]}'),
        ("a.npy", npy(np.array(["cat/003.png", "dog/002.png"]))),
        ("a.npy", npy(np.array([b"cat/003.png", b"dog/002.png"]))),
    ],
)
def test_images_that_are_files_can_be_listed_by_name(name: str, content: bytes | str, tmp_path: Path) -> None:
    assert forgotten(tmp_path / name, content, PHOTOGRAPHS).forget.indices.tolist() == [3, 22]


def test_a_name_is_found_however_its_letters_are_composed(tmp_path: Path) -> None:
    assert forgotten(tmp_path / "a.txt", "u\u0308 x/001.png", PHOTOGRAPHS).forget.indices.tolist() == [41]


def test_without_an_official_training_set_positions_count_the_images_that_train(tmp_path: Path) -> None:
    data = made(official=0)
    split = forgotten(tmp_path / "a.txt", "8\n9\n44\n", data)
    assert split.forget.indices.tolist() == data.train[[8, 9, 44]].tolist() == [8, 10, 48]


def test_of_equal_scores_the_first_images_are_taken(tmp_path: Path) -> None:
    split = forgotten(tmp_path / "a.npy", npy(np.zeros(50)), DATA, highest=3)
    assert split.forget.indices.tolist() == [0, 1, 2]


def lines(*numbers: int) -> str:
    return "".join(f"{number}\n" for number in numbers)


OUT = "positions that the official training set does not have, which are 0 to 49"
PYTHON = "holds Python objects, which could run code"
REFUSED: list[tuple[str, bytes | str | None, dict[str, Any], str]] = [
    ("a.txt", lines(50, 51, 3, 70, 80), {}, rf"{OUT} \(4 of 5\): 50, 51, 70 and 1 more$"),
    ("a.txt", lines(-1, 3), {}, rf"{OUT} \(1 of 2\): -1"),
    ("a.txt", "9" * 30, {}, rf"{OUT} \(1 of 1\)"),
    ("a.txt", lines(1, 2, 50), {}, r"50; if it counts from 1, type scenario\.first=1"),
    ("a.txt", lines(1, 2, 55), {}, r"type scenario\.positions_in=source"),
    ("a.txt", lines(0, 3), {"first": 1}, r"which are 1 to 50 \(1 of 2\): 0"),
    ("a.txt", lines(3, 3, 4, 4, 5), {}, r"images more than once \(2 of 5\): 3, 4"),
    ("a.txt", lines(9, 3), {}, r"validation images of these data \(1 of 2\): 9; type data\.validation_fraction=0"),
    ("a.txt", lines(50, 3), {"positions_in": "source"}, r"lists test images \(1 of 2\): 50"),
    ("a.txt", "", {}, "lists no image"),
    ("a.txt", "# 3\n", {}, "lists no image"),
    ("a.csv", "unlearn_idx\n", {}, "lists no image"),
    ("a.json", "[]", {}, "lists no image"),
    ("a.txt", lines(*np.setdiff1d(range(50), range(9, 50, 10))), {}, "forgets every training image"),
    ("a.txt", "3\n4.5\n", {}, r"not whole \(1 of 2\): 4\.5; .*if these are scores, type scenario\.highest="),
    ("a.txt", "nan\n3\n", {}, r"no numbers \(1 of 2\)"),
    ("a.txt", "1e400\n3\n", {}, r"no numbers \(1 of 2\)"),
    ("a.txt", "3\nx4\n", {}, r"'x4' in line 2, which is no number"),
    ("a.csv", "idx\n3\n1,5\n", {}, r"2 values in line 3 and 1 in line"),
    ("a.csv", 'idx;a\n3;1\n"";1\n', {}, r"no value in line 3"),
    ("a.csv", "a,b\n3,1\n4,1\n", {}, r"the columns a, b: type scenario\.column=a"),
    ("a.csv", "1,3\n1,4\n", {}, r"the columns 0, 1: type scenario\.column=0"),
    ("a.csv", "idx,b\n3,1\n", {"column": "Idx2"}, r"no column Idx2; did you mean idx\?"),
    ("a.csv", "idx,b\n3,1\n", {"column": 2}, r"no column 2\. It has idx, b"),
    ("a.txt", "3\n", {"key": "forget"}, r"type scenario\.key=null"),
    ("a.npy", npy(np.array([3, 4])), {"column": "idx"}, r"type scenario\.column=null"),
    ("a.npy", npy(np.eye(2)), {}, r"an array of 2 x 2.*scenario\.column=0"),
    ("a.npy", npy(np.array([3j])), {}, "values of type complex128"),
    ("a.npy", npy(np.array([[1], [2, 3]], dtype=object), allow_pickle=True), {}, PYTHON),
    ("a.npz", npz(a=[1], b=[2]), {}, r"the keys a, b: type scenario\.key=a"),
    ("a.npz", npz(a=[1], bb=[2]), {"key": "b"}, r"no key b; did you mean bb\?"),
    ("a.npz", npz(forget=np.array([{}])), {}, "nothing that can be read safely"),
    ("a.pt", pt({"vulnerable": [3], "remaining": [4]}), {}, r"the keys vulnerable, remaining"),
    ("a.pt", pt(torch.utils.data.Subset([1, 2], [0])), {}, PYTHON),  # type: ignore[arg-type]
    ("a.json", '{"a": {"x": [3], "y": [4]}}', {}, r"the keys a\.x, a\.y: type scenario\.key=a\.x"),
    ("a.json", "[[3], [4]]", {}, r"2 lists: type scenario\.key=0"),
    ("a.json", '[3, "a"]', {}, "types int, str"),
    ("a.json", "[3, true]", {}, "types bool, int"),
    ("a.json", "{}", {}, "no keys"),
    ("a.json", "[3, 4", {}, "begins like JSON and is none"),
    ("a.json", "[" * 100_000, {}, "nested too deeply"),
    ("a.npy", npy(MASK[:45]), {}, r"45 values, one true or false.*official training set has 50 images \(45 of them"),
    ("a.npy", npy(np.zeros(60, bool)), {}, r"fits the whole source, so type scenario\.positions_in=source"),
    ("a.txt", "1\n0\n0\n", {}, "3 values, one 1 or 0 for each image"),
    ("a.npy", npy(np.zeros(50, bool)), {}, "marks no image"),
    ("a.npy", npy(SCORES[:49]), {"highest": 5}, "49 values, one score for each image"),
    ("a.npy", npy(SCORES), {"highest": 50}, "the 50 most extreme leave nothing"),
    ("a.npy", npy(np.full(50, np.nan)), {"lowest": 5}, "50 scores that are no finite numbers"),
    ("a.json", json.dumps(["a"] * 50), {"lowest": 5}, "holds no scores"),
    ("a.csv", "<!DOCTYPE html><html>", {}, "is a web page"),
    ("a.safetensors", "<html>", {}, "is a web page"),
    ("a.csv", "version https://git-lfs.github.com/spec/v1\n", {}, "Git LFS pointer.*git lfs pull"),
    ("a.csv.gz", b"\x1f\x8b\x08", {}, "compressed"),
    ("a.xlsx", b"PK\x03\x04", {}, "save it as CSV"),
    ("a.pkl", b"\x80\x04", {}, "is a pickle, which could run code"),
    ("a.npy", b"junk", {}, r"is no npy or npz file that can be read \(it does not begin as one\)"),
    ("a.npz", b"junk", {}, "is no npy or npz file"),
    ("a.pt", b"junk", {}, "is no torch file"),
    ("a.safetensors", b"junk", {}, "is no safetensors file"),
    ("a.txt", "3\n\xe9\n".encode("latin-1"), {}, "no text in UTF-8"),
    ("a.bin", b"\0\1", {}, "no text: name a file of one of the kinds csv"),
    ("x" * 300, None, {}, "cannot be read"),
    ("no/a.csv", None, {}, "there is no file .*nor a folder"),
    ("a.txt", "cat/001.png\n", {}, "lists names .*these images are no files"),
]


@pytest.mark.parametrize(("name", "content", "values", "told"), REFUSED, ids=[f"{n:02}" for n in range(len(REFUSED))])
def test_what_is_no_list_of_training_images_is_refused(
    name: str, content: bytes | str | None, values: dict[str, Any], told: str, tmp_path: Path
) -> None:
    with pytest.raises(SupremeError, match=told) as caught:
        forgotten(tmp_path / name, content, DATA, **values)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("listed", "told"),
    [
        ("001.png", r"'001\.png', which 3 files are called, cat/001\.png and dog/001\.png among them"),
        ("cat/0001.png", r"files that the data do not have \(1 of 1\): cat/0001\.png; did you mean cat/001\.png\?"),
        ("zebra.gif", r"zebra\.gif; one of theirs is cat/000\.png"),
        ("ü x/019.png", r"lists test images \(1 of 1\): ü x/019\.png"),
        ("cat/001.png\n./cat/001.png", r"images more than once \(1 of 2\): cat/001\.png"),
    ],
)
def test_a_file_that_cannot_be_forgotten_is_told_by_its_name(listed: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(SupremeError, match=told):
        forgotten(tmp_path / "a.txt", listed, PHOTOGRAPHS)


def test_a_missing_list_is_answered_with_the_names_beside_it(tmp_path: Path) -> None:
    (tmp_path / "seed_1.csv").write_text("3")
    with pytest.raises(SupremeError, match=r"there is no file .*seed_2\.csv; did you mean seed_1\.csv\?"):
        forgotten(tmp_path / "seed_2.csv", None, DATA)


def test_what_is_no_regular_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(SupremeError, match="no regular file"):
        forgotten(tmp_path / "pipe.csv", None, DATA)
    with pytest.raises(SupremeError, match="is a folder: name the file in it"):
        forgotten(tmp_path, None, DATA)


@pytest.mark.parametrize(("target", "listed"), [("1", [1]), ("[0,2]", [0, 2])])
def test_a_list_of_whole_classes_is_told_to_be_another_scenario(target: str, listed: list[int], tmp_path: Path) -> None:
    numbers = DATA.train[np.isin(DATA.labels[DATA.train], listed)]
    with pytest.raises(SupremeError, match=r"exactly the training images of .*scenario=full_class") as caught:
        forgotten(tmp_path / "a.txt", lines(*numbers), DATA)
    assert f"'scenario.target={target}'" in str(caught.value)
    assert len(forgotten(tmp_path / "a.txt", lines(*numbers[1:]), DATA).forget) == len(numbers) - 1


def test_highest_and_lowest_together_are_refused() -> None:
    with pytest.raises(SupremeError, match="highest=3 with lowest=4 is not allowed"):
        Indices(file="a.npy", **{**PLAIN, "highest": 3, "lowest": 4})
