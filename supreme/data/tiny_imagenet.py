"""Tiny-ImageNet: 200 classes of ImageNet at 64 x 64 pixels, in the layout of Stanford's archive."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge, Lt

from supreme.core import SupremeError
from supreme.core.images import ImageData
from supreme.core.validation import NonNegativeInt, PositiveInt, bounded
from supreme.data import archives, entries, files, partition, tables
from supreme.data.decoding import decode_into
from supreme.data.finish import finish
from supreme.data.listed import TEST, TRAIN
from supreme.store.decoded import contents

CLASSES, WORDS, ANNOTATIONS = "wnids.txt", "words.txt", "val_annotations.txt"
TOLD = 3
"""How many of the names that are wrong are told."""


@bounded
@dataclass(frozen=True, kw_only=True)
class TinyImageNet:
    """500 training photographs of each of 200 classes; the 50 of each class in `val` test, for `test` has no labels.

    Classes are numbered in the order of wnids.txt, and called by their first word in words.txt (with the number of the
    synset behind it where two share that word). Source: Le and Yang, Tiny ImageNet Visual Recognition Challenge, 2015.
    """

    places: ClassVar[frozenset[str]] = frozenset({"root", "train_per_class", "test_per_class"})

    root: str
    """Folder that holds train, val, wnids.txt and words.txt."""
    image_size: PositiveInt
    """Side of the square that a model sees, in pixels; the photographs have 64."""
    train_per_class: PositiveInt | None
    """Photographs that each class must have in train; null: any number."""
    test_per_class: PositiveInt | None
    """Photographs that each class must have in val; null: any number."""
    validation_fraction: Annotated[float, Ge(0), Lt(1)]
    """Share of the training photographs of each class that validates."""
    split_seed: NonNegativeInt
    """Deals the training photographs of each class; it is no seed of the sweep."""

    def signature(self) -> str:
        return contents.signature(*self.files())

    def files(self) -> tuple[Path, list[Path]]:
        """Photographs, and the files that say what they are.

        Raises:
            SupremeError: the folder is missing, was unpacked in part, or does not hold what it must.
        """
        root = self._root
        train, test = self._photographs()
        paths = [path for path, _ in (*train, *test)]
        return root, [*paths, root / CLASSES, root / WORDS, root / "val" / ANNOTATIONS]

    def __call__(self) -> ImageData:
        return self._finished(lambda paths: files.read_images(paths, self.image_size))

    def decoded_into(self, folder: Path) -> ImageData:
        """The same data, their pixels in a file of this folder; what a killed call has left there is gone on with."""
        with files.shown(f"decoding {self.root}") as progress:
            return self._finished(lambda paths: decode_into(folder, paths, self.image_size, progress))

    @property
    def _root(self) -> Path:
        return Path(self.root).expanduser()

    def _finished(self, read: Callable[[Sequence[Path]], np.ndarray]) -> ImageData:
        train, test = self._photographs()
        paths = [path for path, _ in (*train, *test)]
        wnids = _lines(self._root / CLASSES)
        number = {wnid: at for at, wnid in enumerate(wnids)}
        labels = np.array([number[wnid] for _, wnid in (*train, *test)], dtype=np.int64)
        class_names = _names(self._root / WORDS, wnids)
        return finish(
            pixels=read(paths),
            labels=labels,
            class_names=class_names,
            partition=partition.as_stated(
                labels,
                class_names,
                [TRAIN] * len(train) + [TEST] * len(test),
                validation=self.validation_fraction,
                seed=self.split_seed,
            ),
            image_size=self.image_size,
            file_names=[path.relative_to(self._root).as_posix() for path in paths],
            official_train=len(train),
        )

    def _photographs(self) -> tuple[list[tuple[Path, str]], list[tuple[Path, str]]]:
        """Training and test photographs, each with the number of its synset."""
        root = self._root
        wanted = (CLASSES, WORDS, "train", "val", f"val/{ANNOTATIONS}", "val/images")
        if missing := [name for name in wanted if not (root / name).exists()]:
            what = f"{root} lacks {', '.join(missing)}" if root.is_dir() else f"there is no folder {root}"
            raise SupremeError(
                f"{what}.{archives.hint(root)} Tiny-ImageNet is http://cs231n.stanford.edu/tiny-imagenet-200.zip: "
                "unpack all of it, or type data.root=... to say where it is"
            )
        wnids = _lines(root / CLASSES)
        folders = {entry.name for entry in entries.visible(root / "train") if entry.is_folder}
        for names, what in ((set(wnids) - folders, "lacks"), (folders - set(wnids), f"has, and {CLASSES} lacks,")):
            if names:
                told = files.first(sorted(names), TOLD)
                raise SupremeError(f"{root / 'train'} {what} the classes {told}: unpack the archive again")
        train = [(path, wnid) for wnid in wnids for path in _pictures(root / "train" / wnid / "images")]
        test = _annotated(root / "val", wnids)
        self._refuse_another_count("train", self.train_per_class, train, wnids)
        self._refuse_another_count("test", self.test_per_class, test, wnids)
        return train, test

    def _refuse_another_count(
        self, part: str, expected: int | None, found: Sequence[tuple[Path, str]], wnids: Sequence[str]
    ) -> None:
        counts = Counter(wnid for _, wnid in found)
        odd = [wnid for wnid in wnids if counts[wnid] == 0 or counts[wnid] != (expected or counts[wnid])]
        if odd:
            expects = "1 or more" if expected is None else expected
            instead = "" if expected is None else f", or type data.{part}_per_class=null to take what is there"
            raise SupremeError(
                f"{self.root} has {counts[odd[0]]} photographs of {odd[0]} to {part} with where {expects} are expected "
                f"({len(odd)} of {len(wnids)} classes differ): unpack the archive again{instead}"
            )


def _pictures(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise SupremeError(f"there is no folder {folder}: unpack the archive again")
    found = [entry for entry in entries.visible(folder) if entry.is_picture]
    entries.refuse_special(found)
    return [Path(entry.path) for entry in found]


def _annotated(folder: Path, wnids: Sequence[str]) -> list[tuple[Path, str]]:
    """Photographs of val, in the order of their names, with what the annotations say of each."""
    table, known, labels = folder / ANNOTATIONS, {*wnids}, dict[str, str]()
    for number, line in enumerate(_lines(table), start=1):
        name, wnid, *_ = [*line.split("\t"), ""]
        if wnid not in known or name in labels:
            why = "names a photograph again" if name in labels else f"gives no class of {CLASSES}"
            raise SupremeError(f"{table}, line {number}, {why}: unpack the archive again")
        labels[name] = wnid
    paths = _pictures(folder / "images")
    if differ := sorted({path.name for path in paths} ^ labels.keys()):
        raise SupremeError(
            f"{folder / 'images'} and {table} do not name the same photographs: {files.first(differ, TOLD)}; unpack "
            "the archive again"
        )
    return [(path, labels[path.name]) for path in paths]


def _names(table: Path, wnids: Sequence[str]) -> list[str]:
    words = dict(line.split("\t", 1) for line in _lines(table) if "\t" in line)
    if missing := [wnid for wnid in wnids if wnid not in words]:
        raise SupremeError(f"{table} has no words for {files.first(missing, TOLD)}: unpack the archive again")
    short = [words[wnid].split(",")[0].strip() for wnid in wnids]
    times = Counter(short)
    return [name if times[name] == 1 else f"{name} ({wnid})" for name, wnid in zip(short, wnids, strict=True)]


def _lines(path: Path) -> list[str]:
    return [line.strip() for line in tables.text(path).split("\n") if line.strip()]
