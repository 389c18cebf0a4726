"""Photographs in class folders: Pins faces, Caltech-101, and yours."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge, Gt, Lt

from supreme.core import SupremeError
from supreme.core.images import ImageData
from supreme.core.validation import NonNegativeInt, OneOf, PositiveInt, bounded
from supreme.data import census, files, partition
from supreme.data.decoding import decode_into
from supreme.data.finish import finish
from supreme.store.decoded import contents

SYSTEM_FILES = frozenset({"thumbs.db", "desktop.ini"})
TOLD = 3
"""How many of the files that are wrong are named."""


@bounded
@dataclass(frozen=True, kw_only=True)
class ImageFolder:
    """One folder for each class, photographs directly in it; classes are numbered in the order of the folders' names.

    Hidden files and folders are passed over. There is no official split, so each class is dealt here.
    """

    places: ClassVar[frozenset[str]] = frozenset({"root", "census", "expected_classes", "download_hint"})

    root: str
    """Folder that holds the class folders."""
    image_size: PositiveInt
    """Side of the square that a model sees."""
    decode_size: PositiveInt
    """Side of the square that is kept; larger than image_size, it leaves random crops a margin."""
    prefix: str
    """What the folders' names start with and the classes' names do not; "" for nothing."""
    exclude: list[str]
    """Folders of root that are no class."""
    expected_classes: int | None
    """How many classes there must be; null: any number."""
    census: str | None
    """Table `folder,images` of what a complete copy holds, in supreme/data or a path of yours; null: none is known."""
    test_fraction: Annotated[float, Gt(0), Lt(1)]
    """Share of each class that tests."""
    validation_fraction: Annotated[float, Ge(0), Lt(1)]
    """Share of each class that validates."""
    test: Annotated[str, OneOf("held_out", "training")]
    """held_out: the test_fraction; training: none is held out, and the training images test, too."""
    split_seed: NonNegativeInt
    """Deals the photographs of each class; it is no seed of the sweep."""
    download_hint: str
    """What to tell a user who has no such folder yet."""

    def __post_init__(self) -> None:
        if self.image_size > self.decode_size:
            raise SupremeError(
                f"image_size={self.image_size} with decode_size={self.decode_size} is not allowed: "
                "decode_size must be at least image_size"
            )
        if self.validation_fraction + self.test_fraction >= 1:
            raise SupremeError(
                f"validation_fraction={self.validation_fraction} with test_fraction={self.test_fraction} is not "
                "allowed: they leave nothing to train with; together they must be below 1"
            )

    def signature(self) -> str:
        return contents.signature(*self.files())

    def files(self) -> tuple[Path, list[Path]]:
        return Path(self.root).expanduser(), [path for _, paths in self._classes() for path in paths]

    def __call__(self) -> ImageData:
        return self._finished(lambda paths: files.read_images(paths, self.decode_size))

    def decoded_into(self, folder: Path) -> ImageData:
        """The same data, their pixels in a file of this folder; what a killed call has left there is gone on with."""
        with files.shown(f"decoding {self.root}") as progress:
            return self._finished(lambda paths: decode_into(folder, paths, self.decode_size, progress))

    def _finished(self, read: Callable[[Sequence[Path]], np.ndarray]) -> ImageData:
        classes = self._classes()
        class_names = [name for name, _ in classes]
        labels = np.repeat(np.arange(len(classes)), [len(paths) for _, paths in classes])
        held_out = self.test_fraction if self.test == "held_out" else 0.0
        dealt = partition.by_fraction(
            labels, class_names, validation=self.validation_fraction, test=held_out, seed=self.split_seed
        )
        if self.test == "training":
            dealt = dealt._replace(test=dealt.train)
        paths, root = [path for _, paths in classes for path in paths], Path(self.root).expanduser()
        return finish(
            pixels=read(paths),
            labels=labels,
            class_names=class_names,
            partition=dealt,
            image_size=self.image_size,
            file_names=[path.relative_to(root).as_posix() for path in paths],
        )

    def _classes(self) -> list[tuple[str, list[Path]]]:
        """The name of each class and its photographs, both in the order of their file names."""
        root = Path(self.root).expanduser()
        if not root.is_dir():
            raise SupremeError(f"there is no folder {root}. {self.download_hint}".rstrip())
        entries = _visible(root)
        folders = [entry for entry in entries if entry.is_dir() and entry.name not in self.exclude]
        if not folders:
            raise SupremeError(f"{root} holds no class folders. {self.download_hint}".rstrip())
        if loose := [entry.path for entry in entries if _is_picture(entry.name) and entry.is_file()]:
            raise SupremeError(f"photographs in no class folder: {files.first(loose, TOLD)}; move each into one")
        found = {folder.name: _visible(Path(folder)) for folder in folders}
        _refuse_what_is_no_photograph(root, found)
        if len(folders) < 2:
            raise SupremeError(f"{root} holds one class only, {folders[0].name}: a classifier needs two or more")
        self._refuse_another_number(root, list(found))
        self._refuse_another_census(root, {name: len(having) for name, having in found.items()})
        return [(name.removeprefix(self.prefix), [Path(entry) for entry in having]) for name, having in found.items()]

    def _refuse_another_number(self, root: Path, names: list[str]) -> None:
        if self.expected_classes in (None, len(names)):
            return
        odd = [name for name in names if not name.startswith(self.prefix)]
        hint = f" (not beginning with {self.prefix}: {files.first(odd, TOLD)})" if odd else ""
        todo = "complete it" if len(names) < self.expected_classes else "take away what is no class"
        raise SupremeError(
            f"{root} holds {len(names)} class folders{hint} where {self.expected_classes} are expected: {todo}, "
            f"or type data.expected_classes={len(names)}"
        )

    def _refuse_another_census(self, root: Path, found: Mapping[str, int]) -> None:
        if self.census and (clauses := census.differences(census.read(self.census), found)):
            raise SupremeError(
                f"{root} is not what {self.census} lists: {'; '.join(clauses)}. Unpack the archive again, "
                "or type data.census=null to take what is there"
            )


def _refuse_what_is_no_photograph(root: Path, found: Mapping[str, Sequence[os.DirEntry[str]]]) -> None:
    """A class folder holds photographs, one or more, and nothing else."""
    entries = [entry for having in found.values() for entry in having]
    if inner := [entry.path for entry in entries if entry.is_dir()]:
        only = Path(inner[0]).parent
        advice = f"type data.root={only}" if len(found) == 1 else "move what they hold one level up"
        raise SupremeError(f"folders where photographs are expected: {files.first(inner, TOLD)}; {advice}")
    if stray := [entry.path for entry in entries if not _is_picture(entry.name)]:
        kinds = ", ".join(sorted(files.IMAGE_SUFFIXES))
        raise SupremeError(f"no photographs ({kinds}): {files.first(stray, TOLD)}; move each out of its class folder")
    if empty := [str(root / name) for name, having in found.items() if not having]:
        raise SupremeError(f"empty class folders: {files.first(empty, TOLD)}; fill each or take it away")


def _is_picture(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in files.IMAGE_SUFFIXES


def _visible(folder: Path) -> list[os.DirEntry[str]]:
    """What is not hidden, by name; whether an entry is a folder is known without asking the disk again."""
    with os.scandir(folder) as entries:
        found = [entry for entry in entries if entry.name[0] != "." and entry.name.lower() not in SYSTEM_FILES]
    return sorted(found, key=lambda entry: entry.name)
