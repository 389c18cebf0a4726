"""Fashion-MNIST, as the Debian package dataset-fashion-mnist or torchvision lays its files out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from supreme.core import SupremeError
from supreme.core.images import ImageData
from supreme.core.validation import NonNegativeInt, PositiveInt, bounded
from supreme.data import archives, idx, partition
from supreme.data.finish import finish
from supreme.store.decoded import contents

SIDE = 28
CLASSES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
TRAIN = ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz")
TEST = ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz")
DEBIAN = Path("/usr/share/datasets/fashion-mnist")
TORCHVISION = Path("FashionMNIST", "raw")
PACKED = "fashion-mnist.zip"
"""What Zalando's repository, and Kaggle's copy of it, are called as an archive."""


@bounded
@dataclass(frozen=True, kw_only=True)
class FashionMNIST:
    """70,000 grey images of clothing, 28 x 28 pixels, 60,000 to train and 10,000 to test as their authors split them.

    The validation images are taken out of the training images. They are the same ones whatever train_per_class is, and
    fewer training images are some of more.
    Source: Xiao, Rasul and Vollgraf, https://arxiv.org/abs/1708.07747.
    """

    places: ClassVar[frozenset[str]] = frozenset({"folder", "root"})

    folder: str | None
    """Folder that holds the four .gz files; null: the Debian package's, else FashionMNIST/raw below root."""
    root: str
    """Folder in which torchvision keeps its data sets."""
    train_per_class: PositiveInt | None
    """Training images of each class; null: all that do not validate."""
    validation_per_class: NonNegativeInt
    """Validation images of each class."""
    split_seed: NonNegativeInt
    """Deals the training images of each class; it is no seed of the sweep."""

    def signature(self) -> str:
        return contents.signature(*self.files())

    def files(self) -> tuple[Path, list[Path]]:
        """The first of the folders that holds all four files.

        Raises:
            SupremeError: none of them does.
        """
        given = [DEBIAN, Path(self.root) / TORCHVISION] if self.folder is None else [Path(self.folder)]
        folders = [folder.expanduser() for folder in given]
        lacking = {folder: [name for name in (*TRAIN, *TEST) if not (folder / name).is_file()] for folder in folders}
        for folder, names in lacking.items():
            if not names:
                return folder, [folder / name for name in (*TRAIN, *TEST)]
        told = " and ".join(f"{folder} lacks {', '.join(names)}" for folder, names in lacking.items())
        packed = next(filter(None, (archives.also(folder, PACKED) for folder in folders)), "")
        raise SupremeError(
            f"{told}: install the Debian package dataset-fashion-mnist, or download the four files from data/fashion "
            f"of https://github.com/zalandoresearch/fashion-mnist and put them in {folders[-1]}, or type "
            f"data.folder=... to say which folder they are in{packed}"
        )

    def __call__(self) -> ImageData:
        folder, _ = self.files()
        images, labels = zip(*(self._part(folder, *names) for names in (TRAIN, TEST)), strict=True)
        count = len(labels[0])
        of_training = partition.of_training_by_count(
            labels[0], CLASSES, train=self.train_per_class, validation=self.validation_per_class, seed=self.split_seed
        )
        gray = np.concatenate(images)
        return finish(
            pixels=np.stack([gray] * 3, axis=1),
            labels=np.concatenate(labels),
            class_names=CLASSES,
            partition=of_training._replace(test=np.arange(count, len(gray))),
            image_size=SIDE,
            official_train=count,
        )

    def _part(self, folder: Path, images: str, labels: str) -> tuple[np.ndarray, np.ndarray]:
        pixels, numbers = idx.read(folder / images), idx.read(folder / labels).astype(np.int64)
        if pixels.shape != (len(numbers), SIDE, SIDE):
            raise SupremeError(
                f"{folder / images} and {labels} do not fit together: {pixels.shape} pixels and {numbers.shape} labels "
                f"where N x {SIDE} x {SIDE} and N are expected; download both again"
            )
        return pixels, numbers
