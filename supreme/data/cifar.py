"""CIFAR-10, CIFAR-100, and CIFAR-100 under its 20 superclasses."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np
from annotated_types import Ge, Lt

from supreme.core import IntArray, SupremeError
from supreme.core.images import ImageData
from supreme.core.validation import NonNegativeInt, OneOf, bounded
from supreme.data import archives, cifar_archive, files, optml_split, partition
from supreme.data.finish import finish
from supreme.store.decoded import contents

SIDE = 32


class Variant(NamedTuple):
    """An archive, and the keys of what a model learns and of what lies inside that."""

    archive: cifar_archive.Archive
    labels: str
    names: str
    fine_labels: str | None = None
    fine_names: str | None = None


VARIANTS = {
    "cifar10": Variant(cifar_archive.CIFAR10, "labels", "label_names"),
    "cifar100": Variant(cifar_archive.CIFAR100, "fine_labels", "fine_label_names"),
    "cifar20": Variant(
        cifar_archive.CIFAR100, "coarse_labels", "coarse_label_names", "fine_labels", "fine_label_names"
    ),
}


@bounded
@dataclass(frozen=True, kw_only=True)
class Cifar:
    """60,000 photographs of 32 x 32 pixels, 50,000 to train and 10,000 to test as their authors split them.

    The validation images are taken out of the training images.
    Source: Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009.
    """

    places: ClassVar[frozenset[str]] = frozenset({"root", "download"})

    variant: Annotated[str, OneOf(*VARIANTS)]
    """cifar10; cifar100; or cifar20, the superclasses of CIFAR-100, its 100 classes being the subclasses."""
    root: str
    """Folder that holds the archive, packed or unpacked: cifar-10-batches-py, cifar-10-python.tar.gz, ..."""
    download: bool
    """Fetch the archive into root when it is not there."""
    verify_md5: bool
    """Refuse files that are not those of the authors; false accepts another set in the same layout."""
    validation_fraction: Annotated[float, Ge(0), Lt(1)]
    """Share of the training images of each class (of each subclass, where there are some) that validates."""
    split_seed: NonNegativeInt
    """Deals the training images of each class; it is no seed of the sweep."""
    split_rule: Annotated[str, OneOf("per_class", "optml")]
    """per_class: each class by a stream of its own; optml: as that group's code does, with split_seed=1 or 2."""

    @property
    def folder(self) -> Path:
        return files.place(self.root) / VARIANTS[self.variant].archive.folder

    def signature(self) -> str:
        return contents.signature(*self.files())

    def files(self) -> tuple[Path, list[Path]]:
        """Downloads the archive first, when it is missing and may be downloaded."""
        archive, root = VARIANTS[self.variant].archive, self.folder.parent
        if self.download and not cifar_archive.source_of(archive, root):
            cifar_archive.fetch(archive, root)
        if found := cifar_archive.source_of(archive, root):
            return (root if found == [root / archive.packed] else self.folder), found
        raise SupremeError(
            f"{self.folder} lacks {', '.join(archive.missing(root))}: type data.download=true to fetch the archive, "
            f"or data.root=... to say which folder it is in{archives.also(self.folder, archive.packed)}"
        )

    def __call__(self) -> ImageData:
        variant = VARIANTS[self.variant]
        held = cifar_archive.contents_of(variant.archive, self.folder.parent)
        if self.verify_md5:
            cifar_archive.verify(variant.archive, held, self.folder.parent)
        batches = {name: cifar_archive.read(content, self.folder / name) for name, content in held.items()}
        meta = batches[variant.archive.meta]
        train = [batches[name] for name in variant.archive.train]
        test = [batches[name] for name in variant.archive.test]
        try:
            pixels = np.concatenate([batch["data"] for batch in train + test]).reshape(-1, 3, SIDE, SIDE)
            labels, class_names = _labels(train + test, meta, variant.labels, variant.names)
            fine_labels, fine_names = None, []
            if variant.fine_labels is not None and variant.fine_names is not None:
                fine_labels, fine_names = _labels(train + test, meta, variant.fine_labels, variant.fine_names)
            count = sum(len(batch["data"]) for batch in train)
        except (KeyError, TypeError, ValueError) as error:
            raise SupremeError(f"{self.folder} does not hold what {self.variant} needs ({error!r})") from error
        strata, strata_names = (labels, class_names) if fine_labels is None else (fine_labels, fine_names)
        share, seed = self.validation_fraction, self.split_seed
        if self.split_rule == "optml":
            of_training = optml_split.of_training(strata[:count], len(strata_names), validation=share, seed=seed)
        else:
            of_training = partition.by_fraction(strata[:count], strata_names, validation=share, test=0.0, seed=seed)
        return finish(
            pixels=pixels,
            labels=labels,
            class_names=class_names,
            partition=of_training._replace(test=np.arange(count, len(pixels))),
            image_size=SIDE,
            fine_labels=fine_labels,
            fine_names=fine_names,
            official_train=count,
        )


def _labels(batches: list[dict[str, Any]], meta: dict[str, Any], labels: str, names: str) -> tuple[IntArray, list[str]]:
    numbers = np.concatenate([np.asarray(batch[labels], dtype=np.int64) for batch in batches])
    return numbers, [str(name) for name in meta[names]]
