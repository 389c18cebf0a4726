"""CelebA: photographs of celebrities, one attribute as the label, and the person shown as the group."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge, Lt

from supreme.core import SupremeError
from supreme.core.canonical import read_bytes
from supreme.core.images import ImageData
from supreme.core.validation import NonNegativeInt, PositiveInt, bounded, require
from supreme.data import archives, entries, files, partition
from supreme.data.decoding import decode_into
from supreme.data.finish import finish
from supreme.data.listed import TEST, TRAIN, VALIDATION, Listed
from supreme.store.decoded import contents

ATTRIBUTES, PEOPLE, PARTS = "list_attr_celeba", "identity_CelebA", "list_eval_partition"
"""The lists, .txt as the authors publish them and torchvision fetches them, or .csv as Kaggle has them."""
PHOTOGRAPHS = "img_align_celeba"
NUMBERED = {"0": TRAIN, "1": VALIDATION, "2": TEST}


@bounded
@dataclass(frozen=True, kw_only=True)
class CelebA:
    """202,599 aligned photographs of 10,177 people with 40 attributes: Liu et al., ICCV 2015, split as they do.

    The label is one attribute, the group is the person, so `scenario=group` forgets people. Nobody is in two of the
    parts. Without identity_CelebA.txt there are no groups.
    """

    places: ClassVar[frozenset[str]] = frozenset({"root"})

    root: str
    """Folder that holds img_align_celeba and the lists, torchvision's celeba."""
    attribute: str
    """Which of the 40 attributes is learnt: Smiling, Male, Young, Attractive, ..."""
    image_size: PositiveInt
    """Side of the square that a model sees."""
    decode_size: PositiveInt
    """Side of the square that is kept; larger than image_size, it leaves random crops a margin."""
    validation_fraction: Annotated[float, Ge(0), Lt(1)]
    """Share of the training images that validates where the lists name none."""
    split_seed: NonNegativeInt
    """Deals those; it is no seed of the sweep."""

    def __post_init__(self) -> None:
        require(self, "decode_size", self.decode_size >= self.image_size, f"at least image_size={self.image_size}")

    def signature(self) -> str:
        return contents.signature(*self.files())

    def files(self) -> tuple[Path, list[Path]]:
        """Photographs and lists."""
        lists = [path for name in (ATTRIBUTES, PEOPLE, PARTS) if (path := self._list(name))]
        return files.place(self.root), [*self._listed().paths, *lists]

    def __call__(self) -> ImageData:
        return self._finished(lambda paths: files.read_images(paths, self.decode_size))

    def decoded_into(self, folder: Path) -> ImageData:
        """The same data, their pixels in a file of this folder; what a killed call has left there is gone on with."""
        with files.shown(f"decoding {self.root}") as progress:
            return self._finished(lambda paths: decode_into(folder, paths, self.decode_size, progress))

    def _finished(self, read: Callable[[Sequence[Path]], np.ndarray]) -> ImageData:
        listed = self._listed()
        groups, group_names = listed.grouped()
        share, seed = self.validation_fraction, self.split_seed
        assert listed.parts is not None
        return finish(
            pixels=read(listed.paths),
            labels=listed.labels,
            class_names=listed.class_names,
            partition=partition.as_stated(listed.labels, listed.class_names, listed.parts, validation=share, seed=seed),
            image_size=self.image_size,
            groups=groups,
            group_names=group_names,
            file_names=[path.name for path in listed.paths],
        )

    def _listed(self) -> Listed:
        root = files.place(self.root)
        hint = "type data.root=... to say which folder holds img_align_celeba and the lists"
        if missing := files.no_folder(root):
            raise SupremeError(f"{missing}: {hint}{archives.also(root)}")
        folder = next(
            (one for one in (root / PHOTOGRAPHS / PHOTOGRAPHS, root / PHOTOGRAPHS) if os.path.isdir(one)), None
        )
        attributes, parts, people = map(self._list, (ATTRIBUTES, PARTS, PEOPLE))
        if folder is None or attributes is None or parts is None:
            lacking = PHOTOGRAPHS if folder is None else f"{ATTRIBUTES if attributes is None else PARTS}.txt"
            raise SupremeError(f"{root} lacks {lacking}: {hint}{archives.also(root / PHOTOGRAPHS)}")
        header, has = _read(attributes)
        if self.attribute not in header:
            near = difflib.get_close_matches(self.attribute, header, 1, 0)
            raise SupremeError(
                f"attribute={self.attribute} is not allowed: did you mean {near[0]}? There are {', '.join(header)}"
                if near
                else f"{attributes} has no line with the names of the attributes: fetch it again"
            )
        place = header.index(self.attribute)
        part, person = _read(parts)[1], _read(people)[1] if people else None
        there = {entry.name for entry in entries.visible(folder) if entry.kind == entries.FILE}
        names = list(has)
        for known, of in ((there, folder), (part, parts), *([(person, people)] if person is not None else [])):
            if lost := [name for name in names if name not in known]:
                raise SupremeError(
                    f"{attributes} lists {files.first(lost, entries.TOLD)}, which {of} lacks: fetch or unpack it again"
                )
        labels = [has[name][place] if place < len(has[name]) else "" for name in names]
        for what, told, allowed in (
            (attributes, labels, ("1", "-1", "0")),
            (parts, [part[name][0] for name in names], tuple(NUMBERED)),
        ):
            if odd := next((name for name, one in zip(names, told, strict=True) if one not in allowed), None):
                raise SupremeError(f"{what} says of {files.told(odd)} none of {', '.join(allowed)}: fetch it again")
        return Listed(
            paths=[folder / name for name in names],
            labels=np.array([one == "1" for one in labels], dtype=np.int64),
            class_names=[f"not {self.attribute}", self.attribute],
            parts=[NUMBERED[part[name][0]] for name in names],
            groups=None if person is None else [person[name][0] for name in names],
        )

    def _list(self, name: str) -> Path | None:
        """The list of this name, if it is there."""
        found = (files.place(self.root) / f"{name}{ending}" for ending in (".txt", ".csv"))
        return next((path for path in found if os.path.isfile(path)), None)


def _read(path: Path) -> tuple[list[str], dict[str, list[str]]]:
    """The names of the columns, where the file has them, and by photograph what its line says."""
    header: list[str] = []
    lines: dict[str, list[str]] = {}
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SupremeError(f"{path} cannot be read as text ({error}): fetch it again") from error
    for number, line in enumerate(text.splitlines(), start=1):
        first, *words = re.split(r"[,\s]+", line.strip())
        if entries.is_picture(first):
            if first in lines or not words:
                told = "names a photograph that another line names" if words else "says nothing of its photograph"
                raise SupremeError(f"{path}, line {number}, {told}: fetch it again")
            lines[first] = words
        elif words:
            header = words if first == "image_id" else [first, *words]
    if not lines:
        raise SupremeError(f"{path} lists no photograph: fetch it again")
    return header, lines
