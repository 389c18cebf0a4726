"""Photographs in class folders: Pins faces, Caltech-101, and yours."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from supreme.core import SupremeError
from supreme.data import files, partition
from supreme.data.finish import finish
from supreme.images import ImageData

SYSTEM_FILES = frozenset({"thumbs.db", "desktop.ini"})


@dataclass(frozen=True, kw_only=True)
class ImageFolder:
    """One folder for each class, photographs directly in it; classes are numbered in the order of the folders' names.

    Hidden files and folders are passed over. There is no official split, so each class is dealt here.
    """

    root: str
    """Folder that holds the class folders."""
    image_size: int
    """Side of the square that a model sees."""
    decode_size: int
    """Side of the square that is kept; larger than image_size, it leaves random crops a margin."""
    prefix: str
    """What the folders' names start with and the classes' names do not; "" for nothing."""
    exclude: list[str]
    """Folders of root that are no class."""
    expected_classes: int | None
    """How many classes there must be; null: any number."""
    test_fraction: float
    """Share of each class that tests."""
    validation_fraction: float
    """Share of each class that validates."""
    test: str
    """held_out: the test_fraction; training: none is held out, and the training images test, too."""
    split_seed: int
    """Deals the photographs of each class; it is no seed of the sweep."""
    download_hint: str
    """What to tell a user who has no such folder yet."""

    def __post_init__(self) -> None:
        if not 1 <= self.image_size <= self.decode_size:
            raise SupremeError(
                f"image_size={self.image_size} with decode_size={self.decode_size} is not allowed: "
                "decode_size must be at least image_size, and that at least 1"
            )
        if self.test not in ("held_out", "training"):
            raise SupremeError(f"test={self.test} is not allowed: held_out, training")
        partition.check_fractions(self.validation_fraction, self.test_fraction, self.split_seed)
        if self.test_fraction == 0:
            raise SupremeError("test_fraction=0 is not allowed: nothing would be left to test with")

    def signature(self) -> str:
        classes = self._classes()
        return files.signature(Path(self.root).expanduser(), [path for _, paths in classes for path in paths])

    def __call__(self) -> ImageData:
        classes = self._classes()
        class_names = [name for name, _ in classes]
        labels = np.repeat(np.arange(len(classes)), [len(paths) for _, paths in classes])
        held_out = self.test_fraction if self.test == "held_out" else 0.0
        dealt = partition.by_fraction(
            labels, class_names, validation=self.validation_fraction, test=held_out, seed=self.split_seed
        )
        if self.test == "training":
            dealt = dealt._replace(test=dealt.train)
        pixels = files.read_images(
            [path for _, paths in classes for path in paths], self.decode_size, files.logged(f"decoding {self.root}")
        )
        return finish(
            pixels=pixels, labels=labels, class_names=class_names, partition=dealt, image_size=self.image_size
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
        if loose := [entry for entry in entries if entry.suffix.lower() in files.IMAGE_SUFFIXES and entry.is_file()]:
            raise SupremeError(f"{loose[0]} is in no class folder: move it into one")
        photographs = [_photographs(folder) for folder in folders]
        if len(folders) < 2:
            raise SupremeError(f"{root} holds one class only, {folders[0].name}: a classifier needs two or more")
        if self.expected_classes not in (None, len(folders)):
            raise SupremeError(
                f"{root} holds {len(folders)} class folders where {self.expected_classes} are expected: complete it, "
                f"or type data.expected_classes={len(folders)}"
            )
        return [
            (folder.name.removeprefix(self.prefix), found) for folder, found in zip(folders, photographs, strict=True)
        ]


def _photographs(folder: Path) -> list[Path]:
    entries = _visible(folder)
    for entry in entries:
        if entry.is_dir():
            raise SupremeError(
                f"{folder} holds a folder, {entry.name}, where photographs are expected: "
                f"if the class folders are one level down, type data.root={folder}"
            )
        if entry.suffix.lower() not in files.IMAGE_SUFFIXES:
            raise SupremeError(
                f"{entry} is no photograph ({', '.join(sorted(files.IMAGE_SUFFIXES))}): move it out of the class folder"
            )
    if not entries:
        raise SupremeError(f"class folder {folder} is empty: fill it or take it away")
    return entries


def _visible(folder: Path) -> list[Path]:
    found = [path for path in folder.iterdir() if path.name[0] != "." and path.name.lower() not in SYSTEM_FILES]
    return sorted(found, key=lambda path: path.name)
