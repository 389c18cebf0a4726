"""Photographs in class folders, or in one folder with a table: Pins faces, Caltech-101, and yours."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge, Gt, Lt

from supreme.core import SupremeError
from supreme.core.images import ImageData
from supreme.core.validation import NonNegativeInt, OneOf, PositiveInt, bounded
from supreme.data import archives, census, class_folders, entries, files, label_tables, partition, split_files
from supreme.data.decoding import decode_into
from supreme.data.finish import finish
from supreme.data.listed import Listed
from supreme.store.decoded import contents

log = logging.getLogger(__name__)


@bounded
@dataclass(frozen=True, kw_only=True)
class ImageFolder:
    """One folder for each class, photographs directly in it; classes are numbered in the order of the folders' names.

    Where root holds `train` and `test` (and perhaps `val`) with class folders in each, they are the split; without
    `test`, `val` tests. A split in files, or a table of labels, says it otherwise. What states no split is dealt, class
    by class; so are validation images, out of the training images, where only those are not stated. Hidden files and
    folders are passed over.
    """

    places: ClassVar[frozenset[str]] = frozenset(
        {"root", "table", "split", "census", "expected_classes", "download_hint"}
    )

    root: str
    """Folder that holds the class folders, or the folders of a split with class folders in each."""
    table: str | None
    """Table `file,label` of photographs below root, perhaps with `group` and `split`; null: class folders say it."""
    split: str | None
    """Official split: a table `file,split`, or a folder with train.txt and test.txt; null: as folders or table say."""
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
    """Share of each class that tests, where no split is stated."""
    validation_fraction: Annotated[float, Ge(0), Lt(1)]
    """Share of each class (of its training images, where a split is stated) that validates, unless that is stated."""
    test: Annotated[str, OneOf("held_out", "training")]
    """held_out: those stated, or the test_fraction; training: none is held out, and the training images test, too."""
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
        """Photographs, and the files that say what they are."""
        stated = [] if self.table is None else [self._found(self.table)]
        stated += [] if self.split is None else split_files.files_of(self._found(self.split))
        return self._root, [*self._listed().paths, *stated]

    def __call__(self) -> ImageData:
        return self._finished(lambda paths: files.read_images(paths, self.decode_size))

    def decoded_into(self, folder: Path) -> ImageData:
        """The same data, their pixels in a file of this folder; what a killed call has left there is gone on with."""
        with files.shown(f"decoding {self.root}") as progress:
            return self._finished(lambda paths: decode_into(folder, paths, self.decode_size, progress))

    @property
    def _root(self) -> Path:
        return Path(self.root).expanduser()

    def _found(self, file: str) -> Path:
        """A file that a user names: from the working folder, or else below root."""
        path = Path(file).expanduser()
        return path if path.exists() or not (self._root / path).exists() else self._root / path

    def _finished(self, read: Callable[[Sequence[Path]], np.ndarray]) -> ImageData:
        listed = self._listed()
        for note in listed.notes:
            log.warning("%s", note)
        for names in entries.alike(listed.class_names):
            log.warning("classes that differ in capitals, spaces or accents only are two: %s", files.first(names, 9))
        groups, group_names = listed.grouped()
        return finish(
            pixels=read(listed.paths),
            labels=listed.labels,
            class_names=listed.class_names,
            partition=self._partition(listed),
            image_size=self.image_size,
            groups=groups,
            group_names=group_names,
            file_names=[os.path.relpath(path, self._root).replace(os.sep, "/") for path in listed.paths],
        )

    def _partition(self, listed: Listed) -> partition.Partition:
        if listed.parts is not None:
            return partition.as_stated(
                listed.labels,
                listed.class_names,
                listed.parts,
                validation=self.validation_fraction,
                seed=self.split_seed,
            )
        dealt = partition.by_fraction(
            listed.labels,
            listed.class_names,
            validation=self.validation_fraction,
            test=self.test_fraction if self.test == "held_out" else 0.0,
            seed=self.split_seed,
        )
        return dealt._replace(test=dealt.train) if self.test == "training" else dealt

    def _listed(self) -> Listed:
        """The photographs, each class by its name without the prefix."""
        root = self._root
        if not root.is_dir():
            raise SupremeError(f"there is no folder {root}.{archives.hint(root)} {self.download_hint}".rstrip())
        if self.table is not None:
            listed = label_tables.listed(self._found(self.table), root, self.exclude)
        else:
            if not any(entry.is_folder or entry.is_picture for entry in entries.visible(root, self.exclude)):
                raise SupremeError(f"{root} holds no class folders.{archives.hint(root)} {self.download_hint}".rstrip())
            listed = class_folders.listed(root, self.exclude)
        images = Counter(listed.labels.tolist())
        found = {name: images[number] for number, name in enumerate(listed.class_names)}
        self._refuse_another_number(root, list(found))
        self._refuse_another_census(root, found)
        if self.split is not None:
            listed = split_files.divided(listed, self._found(self.split), root)
        if listed.parts is not None and self.test == "training":
            raise SupremeError(
                "test=training is not allowed where a split is stated, since its test images are held out: type "
                "data.test=held_out, or data.root=... for a folder without a split"
            )
        return listed._replace(class_names=[name.removeprefix(self.prefix) for name in listed.class_names])

    def _refuse_another_number(self, root: Path, names: list[str]) -> None:
        if self.expected_classes in (None, len(names)):
            return
        odd = [name for name in names if not name.startswith(self.prefix)]
        hint = f" (not beginning with {self.prefix}: {files.first(odd, entries.TOLD)})" if odd else ""
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
