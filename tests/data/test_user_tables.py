"""Tables and lists that users write: read however they were saved, or refused in one sentence that names the line."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from supreme.core import SupremeError
from supreme.data import census, entries, tables
from supreme.data.class_folders import listed as class_folders
from tests.data.folders import image_folder, photographs

LABELS = "file,label\n0.png,a\n1.png,a\n2.png,b\n3.png,b\n"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return photographs(tmp_path_factory.mktemp("root"), "a", "b", ".", count=4)


@pytest.mark.parametrize(
    "content",
    {
        "plain": LABELS.encode(),
        "a byte order mark": LABELS.encode("utf-8-sig"),
        "UTF-16, as Excel's Unicode text": LABELS.replace(",", "\t").encode("utf-16"),
        "semicolons and Windows' line ends": LABELS.replace(",", ";").replace("\n", "\r\n").encode(),
        "old Macs' line ends": LABELS.replace("\n", "\r").encode(),
        "no line end behind the last line": LABELS.rstrip().encode(),
        "Excel's sep line": ("sep=;\n" + LABELS.replace(",", ";")).encode(),
        "empty lines and lines of separators": LABELS.replace("\n", "\n\n,\n").encode(),
        "spaces and capitals": LABELS.replace(",", " , ").replace("file", "FILE").encode(),
        "quotes": LABELS.replace("0.png", '"0.png"').encode(),
        "pandas' index": "".join(f"{number},{line}\n" for number, line in enumerate(LABELS.split())).encode(),
        "columns of no interest": LABELS.replace("\n", ",7\n").encode(),
        "Windows' slashes": LABELS.replace("0.png", ".\\0.png").encode(),
    }.items(),
    ids=lambda given: given[0],
)
def test_a_table_is_read_however_it_was_saved(root: Path, tmp_path: Path, content: tuple[str, bytes]) -> None:
    (tmp_path / "labels.csv").write_bytes(content[1])
    _, paths = image_folder(root, table=str(tmp_path / "labels.csv")).files()
    assert [path.name for path in paths] == ["0.png", "1.png", "2.png", "3.png", "labels.csv"]


REFUSED: dict[str, tuple[bytes | str, str]] = {
    "no file": ("", r"nope.csv cannot be read \(No such file or directory\)"),
    "a workbook": (b"PK\x03\x04...", r"is an Excel workbook or an archive and no table in text: save it as CSV UTF-8"),
    "Latin-1": (
        LABELS.replace("2.png,b", "2.png,\xe4").encode("latin-1"),
        r"labels.csv, line 4, is not in UTF-8: save the file",
    ),
    "NULs": (LABELS.encode("utf-16-le"), r"holds NUL characters, which no text has"),
    "nothing": (b"", r"holds no line below the names of its columns: it needs file, label"),
    "names of columns only": (b"file,label\n", r"holds no line below the names"),
    "no names of columns": (b"0.png,a\n1.png,b\n", r"has no column file: its first line says '0.png, a' where it must"),
    "a web page": (b"<!doctype html>\n<html>", r"has no column file: its first line says '<!doctype html>'"),
    "another column": (b"image,label\n0.png,a\n", r"has no column file: .* file, label \(and may have group, split\)"),
    "a column twice": (b"file,label,Label\n0.png,a,b\n", r"has the column label twice: leave one"),
    "a misspelt column": (b"file,label,groups\n0.png,a,x\n", r"has a column groups; did you mean group\?"),
    "too many values": (b"file,label\n0.png,a,b\n", r"line 2, has 3 values where the first line names 2 columns"),
    "an open quote": (b'file,label\n"0.png,a\n1.png,b\n', r"line 3, cannot be read as a line of a table \(unexpected"),
    "no label": (b"file,label\n0.png,a\n1.png,\n", r"line 3, has no label: fill it, or take the line away"),
    "no group": (b"file,label,group\n0.png,a,\n", r"line 2, has no group: fill it"),
    "an unknown part": (b"file,label,split\n0.png,a,tset\n", r"line 2: split='tset' is not allowed: .*mean test\?"),
    "no test": (
        b"file,label,split\n0.png,a,train\n1.png,b,val\n",
        r"to test with: add them, or call those of val test",
    ),
    "no train": (b"file,label,split\n0.png,a,test\n", r"names no photographs to train with: add them"),
    "a file twice": (b"file,label\n0.png,a\n./0.png,b\n", r"line 3, names 0.png, which line 2 names, too: leave one"),
    "a missing file": (b"file,label\n0.png,a\n00.png,b\n", r"line 3, names 00.png, which is missing .* did you mean 0"),
    "missing files": (b"file,label\n7.png,a\nx/8.png,b\n", r"line 2, names 7.png, .* \(and so are 1 more\)"),
    "another place": (b"file,label\n../0.png,a\n/0.png,b\n", r"line 2, names ../0.png, which is not below "),
    "no photograph": (b"file,label\n0.txt,a\n1.png,b\n", r"line 2, names 0.txt, which is no photograph \(.bmp"),
    "no ending": (b"file,label\n0,a\n1.png,b\n", r"line 2, names 0, which is no photograph"),
    "one label": (b"file,label\n0.png,a\n1.png,a\n", r"holds one label only, a: a classifier needs two or more"),
    "a class that is not tested": (
        b"file,label,split\n0.png,a,train\n1.png,a,test\n2.png,b,train\n",
        r"no image of class 'b' is there to test with: every class needs one",
    ),
    "a label that cannot be printed": (b"file,label\n0.png,a\x07\n1.png,b\n", r"cannot be printed .*: a\\x07"),
}


@pytest.mark.parametrize("given", REFUSED)
def test_a_table_that_is_wrong_is_refused_by_its_line(given: str, root: Path, tmp_path: Path) -> None:
    content, sentence = REFUSED[given]
    table = tmp_path / ("labels.csv" if content or given == "nothing" else "nope.csv")
    if isinstance(content, bytes):
        table.write_bytes(content)
    with pytest.raises(SupremeError, match=sentence) as raised:
        image_folder(root, table=str(table))()
    assert "\n" not in str(raised.value)


HALF = "a/0.png\na/1.png\nb/0.png\nb/1.png\n"
REST = "a/2.png\na/3.png\nb/2.png\nb/3.png\n"

SPLITS: dict[str, tuple[dict[str, str], str]] = {
    "no lists": ({}, r"holds no lists: give a folder with train.txt and test.txt, or a table file,split"),
    "no test": ({"train.txt": HALF + REST}, r"names no photographs to test with: add them$"),
    "only val": ({"train.txt": HALF, "val.txt": REST}, r"to test with: add them, or call those of val test"),
    "no train": ({"test.txt": HALF + REST}, r"names no photographs to train with"),
    "in two lists": (
        {"train.txt": HALF, "test.txt": HALF},
        r"train.txt, line 1, .*test.txt, line 1, names a/0|test.txt",
    ),
    "twice in a list": (
        {"train.txt": HALF + "a/0.png", "test.txt": REST},
        r"line 5, names a/0.png, which .* line 1, n",
    ),
    "another class": ({"train.txt": HALF, "test.txt": "c/9.png"}, r"names c/9.png, which is no photograph below .*did"),
    "other capitals": ({"train.txt": "A/0.PNG", "test.txt": REST}, r"names A/0.PNG, .*; did you mean a/0.png\?"),
    "with labels": ({"train.txt": "a/0.png 0\nb/0.png 1", "test.txt": REST}, r"a/0.png 0, b/0.png 1, which are no ph"),
    "not all": ({"train.txt": HALF, "test.txt": REST[:16]}, r"says nothing of b/2.png, b/3.png: .*it in unused.txt"),
    "two of one part": ({"val.txt": HALF, "valid.txt": REST}, r"both list what is to validation: take one of them"),
    "Latin-1": ({"train.txt": "caf\udce9", "test.txt": REST}, r"train.txt, line 1, is not in UTF-8"),
}


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return photographs(tmp_path_factory.mktemp("classes"), "a", "b", count=4)


@pytest.mark.parametrize("given", SPLITS)
def test_lists_that_are_no_split_are_refused(given: str, classes: Path, tmp_path: Path) -> None:
    lists, sentence = SPLITS[given]
    for name, content in lists.items():
        (tmp_path / name).write_bytes(os.fsencode(content))
    with pytest.raises(SupremeError, match=sentence) as raised:
        image_folder(classes, split=str(tmp_path)).files()
    assert "\n" not in str(raised.value)


def test_a_list_may_leave_photographs_out_and_name_them_from_anywhere(classes: Path, tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text(HALF.replace("a/", f"{classes}/a/"), encoding="utf-8-sig")
    (tmp_path / "Testing.lst").write_text("a\\2\r\nb\\2\r\n")
    (tmp_path / "unused.txt").write_text("a/3.png\nb/3.png")
    data = image_folder(classes, split=str(tmp_path))()
    assert (len(data.train), len(data.validation), len(data.test), len(data.labels)) == (4, 0, 2, 6)


def test_an_accent_that_macos_has_split_in_two_is_the_same_letter(tmp_path: Path) -> None:
    photographs(tmp_path, "a", "b", count=2)
    (tmp_path / "a" / "0.png").rename(tmp_path / "a" / unicodedata.normalize("NFD", "é.png"))
    (tmp_path / "labels.csv").write_text("file,label\na/é.png,a\na/1.png,a\nb/0.png,b\nb/1.png,b\n", encoding="utf-8")
    split = "file,split\na/é.png,train\na/1.png,test\nb/0,train\nb/1,test\n"
    (tmp_path / "splits.csv").write_text(split, encoding="utf-8")
    assert len(image_folder(tmp_path, table="labels.csv", validation_fraction=0.0)().labels) == 4
    assert len(image_folder(tmp_path, split="splits.csv")().train) == 2


def test_a_table_beside_folders_that_are_a_split_is_refused(tmp_path: Path) -> None:
    photographs(tmp_path, "train/a", "train/b", "test/a", "test/b")
    (tmp_path / "splits.csv").write_text("file,split\ntrain/a/0.png,train\n")
    with pytest.raises(SupremeError, match="with a split that the folders or the table state is not allowed"):
        image_folder(tmp_path, split="splits.csv").files()
    with pytest.raises(SupremeError, match=r"test=training is not allowed where a split is stated.*data.test=held_out"):
        image_folder(tmp_path, test="training").files()


def test_an_edited_table_makes_other_data(root: Path, tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text(LABELS)
    before = image_folder(root, table=str(table)).signature()
    table.write_text(LABELS.replace("1.png,a", "1.png,b"))
    assert image_folder(root, table=str(table)).signature() != before


def test_a_census_that_excel_saved_is_read(tmp_path: Path) -> None:
    (tmp_path / "census.csv").write_text("Folder;Images\r\na;3\r\n", encoding="utf-8-sig", newline="")
    assert census.read(str(tmp_path / "census.csv")) == {"a": 3}


def test_a_folder_that_may_not_be_listed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As root reads every folder, the refusal of the operating system is raised in its place."""
    photographs(tmp_path, "a", "b")
    scandir = os.scandir

    def refusing(path: Any) -> Any:
        if os.fspath(path).endswith("/b"):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(
        SupremeError, match=r"/b cannot be listed \(Permission denied\): make it readable or take it away"
    ):
        class_folders(tmp_path, ())


@pytest.mark.parametrize("place", ["a\0b", "x" * 300, "labels.csv/x"])
def test_a_place_that_cannot_be_is_refused_in_a_sentence(place: str, root: Path, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text(LABELS)
    with pytest.raises(SupremeError, match="there is no folder"):
        image_folder(tmp_path / place).files()
    with pytest.raises(SupremeError, match="cannot be read"):
        image_folder(root, table=str(tmp_path / place)).files()
    with pytest.raises(SupremeError, match="cannot be listed"):
        entries.visible(tmp_path / place)
    with pytest.raises(SupremeError, match="cannot be read"):
        tables.text(tmp_path / place)


def test_a_home_folder_of_nobody_is_shown_as_it_was_typed() -> None:
    with pytest.raises(SupremeError, match="there is no folder ~nobody-of-this-name/x"):
        image_folder(Path("~nobody-of-this-name/x")).files()
